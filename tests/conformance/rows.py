"""The parameters of three APIs, each with a request that has it.

A row of the files in `rows/` has, beside its name (`field`, `field[kind]`, `field.key`), one of

- `value`: of the top-level field that the row is named after; `request`: fields of the request;
- `user`, `assistant`, `system`: blocks of such a turn, the one in question first; `call`, `result`: a block of a call
  of a tool or of its result, the rest of that exchange is added;
- `tool`: the first tool (with `beside`, a usual one follows); `choice`: how to choose among two; `edit`: one of
  `context_management`;
- `header`: a header of the request;

and, where they do not follow from that: `at`, the path of the parameter in the request; `instead`, another value for
the request without it (else the parameter is left out); `betas`, the `anthropic-beta` that goes with it; `newest`, true
if only the newest models take it; `plain`, true if only models take it that do not think; `noted`, the path that notes
and refusals use, where it is another one; `default`, true if it asks for what comes without it too; `home`, why it is
not sent where its API is at home; `tests`, ids of further tests of it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.conformance.introspection import anthropic_betas

Api = Literal["Anthropic", "OpenAI", "OpenRouter", "OpenAI's form"]
Steps = tuple[str | int, ...]
"""Keys and indices that lead to a place in a request."""

_FOLDER = Path(__file__).parent / "rows"
_FILES: Mapping[Api, tuple[str, ...]] = {
    "Anthropic": ("anthropic.toml", "anthropic_blocks.toml", "anthropic_tools.toml"),
    "OpenAI": ("openai.toml",),
    "OpenRouter": ("openrouter.toml",),
    "OpenAI's form": ("openai_form.toml",),
}
_KEYS = frozenset(
    {
        *("value", "request", "user", "assistant", "system", "call", "result", "tool", "choice", "edit", "header"),
        *("at", "instead", "betas", "beside", "newest", "plain", "noted", "default", "home", "tests"),
    }
)
_KIND = re.compile(r"\[[^\]]*\]")
_WEATHER = {"name": "get_weather", "description": "Weather of a city.", "input_schema": {"type": "object"}}
_CITIES = {"name": "list_cities", "description": "Cities.", "input_schema": {"type": "object"}}
_CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Bern"}}
_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "20 degrees"}


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter: a request that has it at the path `at`, and the same request without it.

    A parameter that is a header has no path; `headers` belong to both requests, `header` to the first.
    """

    api: Api
    name: str
    request: Mapping[str, Any]
    at: Steps = ()
    instead: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, str] = field(default_factory=dict)
    newest: bool = False
    plain: bool = False
    noted: str = ""
    default: bool = False
    home: str = ""
    tests: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name among the rows of all APIs."""
        return f"{self.api}: {self.name}"

    @property
    def paths(self) -> tuple[str, ...]:
        """How messages and notes name it."""
        path = ".".join(str(step) for step in self.at)
        return (path, self.noted) if self.noted else (path,)

    def without(self) -> dict[str, Any]:
        """The request without the parameter, or with another value of it."""
        request = deepcopy(dict(self.request))
        if not self.at:
            return request
        place: Any = request
        for step in self.at[:-1]:
            place = place[step]
        if self.instead is None:
            del place[self.at[-1]]
        else:
            place[self.at[-1]] = self.instead
        return request


def all_rows() -> list[Row]:
    """Every row, in the order of the files; the betas come last."""
    rows = [_row(api, name, given) for api, files in _FILES.items() for file in files for name, given in _read(file)]
    betas = [
        Row("Anthropic", f"anthropic-beta: {beta}", {}, header={"anthropic-beta": beta}) for beta in anthropic_betas()
    ]
    return rows + betas


def _read(file: str) -> list[tuple[str, dict[str, Any]]]:
    tables = tomllib.loads((_FOLDER / file).read_text(encoding="utf-8"))
    return [(name, given) for table in tables.values() for name, given in table.items()]


def _row(api: Api, name: str, given: Mapping[str, Any]) -> Row:
    assert given.keys() <= _KEYS, f"{name}: unknown keys {sorted(given.keys() - _KEYS)}"
    request, prefix = _request(name, given)
    at = given.get("at")
    return Row(
        api,
        name,
        request,
        at=() if given.get("header") else _steps(at) if at else (*prefix, *_rest(name, prefix)),
        instead=given.get("instead"),
        headers={"anthropic-beta": given["betas"]} if given.get("betas") else {},
        header=given.get("header", {}),
        newest=given.get("newest", False),
        plain=given.get("plain", False),
        noted=given.get("noted", ""),
        default=given.get("default", False),
        home=given.get("home", ""),
        tests=tuple(given.get("tests", ())),
    )


def _request(name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    """Fields of the request, and where the thing stands that the row is about (or a key of it)."""
    if "value" in given:
        return {name.partition(".")[0]: given["value"]}, ()
    for key, make in _MAKERS.items():
        if key in given:
            return make(given[key], given)
    return {}, ()


def _user_turn(blocks: Any, _: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    return {"messages": [_user(*blocks, {"type": "text", "text": "And now?"})]}, ("messages", 0, "content", 0)


def _assistant_turn(blocks: Any, _: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    turns = [_user({"type": "text", "text": "Hi"}), {"role": "assistant", "content": blocks}]
    return {"messages": [*turns, {"role": "user", "content": "Go on."}]}, _SECOND_TURN


def _system_turn(blocks: Any, _: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    turns = [{"role": "user", "content": "Hi"}, {"role": "system", "content": blocks}]
    return {"messages": turns, "tools": [_WEATHER | {"defer_loading": True}, _CITIES]}, _SECOND_TURN


def _tool(tool: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], Steps]:
    return {"tools": [tool, _WEATHER] if given.get("beside") else [tool]}, ("tools", 0)


_SECOND_TURN: Steps = ("messages", 1, "content", 0)
_MAKERS: Mapping[str, Callable[[Any, Mapping[str, Any]], tuple[dict[str, Any], Steps]]] = {
    "request": lambda request, _: (request, ()),
    "user": _user_turn,
    "assistant": _assistant_turn,
    "system": _system_turn,
    "call": lambda call, _: (_exchange(call, _RESULT), _SECOND_TURN),
    "result": lambda result, _: (_exchange(_CALL, result), ("messages", 2, "content", 0)),
    "tool": _tool,
    "choice": lambda choice, _: ({"tools": [_WEATHER, _CITIES], "tool_choice": choice}, ("tool_choice",)),
    "edit": lambda edit, _: ({"context_management": {"edits": [edit]}}, ("context_management", "edits", 0)),
}
"""How the request is made from the key of a row that describes it."""


def _user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _exchange(call: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    turns = [_user({"type": "text", "text": "Weather?"}), {"role": "assistant", "content": [call]}, _user(result)]
    return {"messages": turns, "tools": [_WEATHER, _CITIES]}


def _rest(name: str, prefix: Steps) -> Steps:
    """The keys below what `prefix` leads to; without one, the whole name."""
    plain = _KIND.sub("", name)
    if not prefix:
        return _steps(plain)
    named = [step for step in prefix if isinstance(step, str)]
    return _steps(plain)[len(named) :]


def _steps(path: str) -> Steps:
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))
