"""Writes `docs/15-compatibility.md` from what was measured: the same measurements give the same text."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.conformance.backends import BACKENDS, HOME, Backend
from tests.conformance.measuring import Measurements, backends_of
from tests.conformance.probe import Handling
from tests.conformance.rows import Api, Row, all_rows
from tests.conformance.scenarios import YES
from tests.conformance.suite import SCENARIOS

PATH = Path(__file__).parents[2] / "docs" / "15-compatibility.md"

_INTRODUCTION = """\
# Compatibility

What works over which backend. `make compat` measures it and writes this page; the tests measure it again and compare.
Each entry is seen at the other end: a request of a client goes through the server to a fake upstream that speaks the
wire of the real one, and the suite reads what arrived there, what the client got, and what the run noted. Nothing was
measured against the real services.
"""
_SCENARIOS = """\
## Scenarios

The official SDK of Anthropic asks, with strict validation of every answer. `yes`: everything of the scenario holds.
"""
_PARAMETERS = """\
## Parameters

Each parameter is sent to `POST /v1/messages` in a request of its own. `field[kind]` is a kind of a field's value,
`field.key` a key in it.

- **sent**: it reached the upstream as it was sent, at the same place.
- **converted**: the upstream got it in another form, or the server does what it asks for.
- **noted**: left out, because the upstream has nothing like it or would refuse it, and listed in the notes of the run.
- **400**: the request is refused with a message that names it, because the answer would not be what was asked for.

A parameter that is left out without a note fails the tests: there is none below.
"""
_APIS: Mapping[Api, str] = {
    "Anthropic": "Names from the parameter types of the official SDK (stable and beta), and what older versions had.",
    "OpenAI": "Names from the parameter types of the official SDK; set beside Anthropic's in the same request.",
    "OpenRouter": "Names from OpenRouter's documentation and OpenAPI document; set beside Anthropic's.",
    "OpenAI's form": "Whole requests in the form of OpenAI's chat completions, sent to `POST /v1/universal/stream`.",
}
_SHOWN: Mapping[Handling, str] = {
    "sent": "sent",
    "converted": "converted",
    "not sent": "noted",
    "refused": "400",
    "dropped": "DROPPED",
}
_HANDLED: tuple[Handling, ...] = ("sent", "converted", "not sent", "refused")


def document(measured: Measurements) -> str:
    """The whole page."""
    rows = all_rows()
    parts = [_INTRODUCTION, _SCENARIOS, _scenario_table(measured), _PARAMETERS, _counts(measured, rows)]
    for api, source in _APIS.items():
        own = [row for row in rows if row.api == api]
        parts += [f"### {api}\n\n{source}\n", _parameter_table(measured, api, own)]
        if reasons := [f"- `{row.name}`: {row.home}\n" for row in own if row.home]:
            parts.append(f"Why these do not reach {HOME[api]}:\n\n{''.join(reasons)}")
    return "\n".join(parts)


def _scenario_table(measured: Measurements) -> str:
    lines = [[name, *(_ended(measured, backend, name) for backend in BACKENDS)] for name in SCENARIOS]
    return _table(["", *(backend.name for backend in BACKENDS)], lines)


def _ended(measured: Measurements, backend: Backend, name: str) -> str:
    ended = measured.scenario(backend, name, SCENARIOS[name])
    return YES if ended == YES else f"*{ended}*"


def _counts(measured: Measurements, rows: Sequence[Row]) -> str:
    """Per API and backend: handled of all, and how."""
    lines = []
    for api in _APIS:
        own = [row for row in rows if row.api == api]
        for backend in backends_of(api):
            found = Counter(measured.parameter(backend, row) for row in own)
            handled = f"{found.total() - found['dropped']}/{found.total()}"
            lines.append([api, backend.name, handled, *(str(found[kind]) for kind in _HANDLED)])
    return _table(["API", "backend", "handled", *(_SHOWN[kind] for kind in _HANDLED)], lines)


def _parameter_table(measured: Measurements, api: Api, rows: Sequence[Row]) -> str:
    backends = backends_of(api)
    lines = [[f"`{row.name}`", *(_SHOWN[measured.parameter(backend, row)] for backend in backends)] for row in rows]
    return _table(["", *(backend.name for backend in backends)], lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [list(head), ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
