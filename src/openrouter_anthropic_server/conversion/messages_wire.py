"""The request for an upstream that speaks the Messages API: the client's own bytes with the smallest edits.

What is not edited arrives as it was sent: order of keys, unknown fields, all digits of numbers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.betas import fit_betas
from openrouter_anthropic_server.conversion.claude_tool_ids import check_tool_names, good_messages
from openrouter_anthropic_server.conversion.json_text import dump_json, with_exact_numbers
from openrouter_anthropic_server.conversion.messages_fields import NO_EDITS, FieldEdits, field_edits
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.threads import refuse_thread
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC, vendor_of
from openrouter_anthropic_server.errors import InvalidRequestError

Upstream = Literal["anthropic", "openrouter", "databricks", "demo"]

DEFAULT_VERSION = "2023-06-01"

_ACCOUNT_HEADERS = ("anthropic-workspace-id", "anthropic-user-profile-id")
"""They say who pays, and mean something to Anthropic only."""

_BETA_HEADERS: dict[Upstream, tuple[str, ...]] = {
    "anthropic": ("anthropic-beta",),
    "demo": ("anthropic-beta",),
    "openrouter": ("anthropic-beta", "x-anthropic-beta"),
    "databricks": ("anthropic-beta",),
}
"""The names under which an upstream is given the client's beta values."""


@dataclass(frozen=True, slots=True)
class PreparedMessages:
    """JSON text to post, and what it leaves out of the client's request."""

    body: bytes
    notes: tuple[Note, ...] = ()


def prepare_messages_body(
    body: dict[str, Any],
    raw: bytes | None,
    *,
    model: str,
    upstream: Upstream,
    capabilities: Capabilities = UNLIMITED,
) -> PreparedMessages:
    """The request under the upstream's `model` name, with what model and upstream take by their `capabilities`.

    `raw` is the text that `body` was parsed from, or None if the body was made or changed here; if nothing has to
    change it is returned as it is. `body` is validated and is not changed. Raises `InvalidRequestError` for what
    cannot be left out.
    """
    if upstream != "anthropic":
        refuse_thread(body)
    renamed: tuple[Note, ...] = ()
    if _is_claude(model, upstream):
        check_tool_names(body.get("tools") or ())
        if (good := good_messages(body["messages"])) is not None:
            body, raw, renamed = _with_messages(body, raw, good[0]), None, good[1]
    edits = field_edits(body, capabilities, upstream=upstream)
    if raw is None or edits is not NO_EDITS:
        return PreparedMessages(_dumped(body, raw, model, edits), renamed + edits.notes)
    if body["model"] == model:
        return PreparedMessages(raw)
    return PreparedMessages(_with_model(body, raw, model))


def forwarded_headers(
    headers: Mapping[str, str], *, upstream: Upstream, capabilities: Capabilities = UNLIMITED
) -> dict[str, str]:
    """The client's headers that decide how the upstream reads the body, lower-case; repeated ones joined.

    Betas that the upstream does not take are left out; `betas.fit_betas` has notes on them.
    """
    found: dict[str, list[str]] = {"anthropic-version": [], "anthropic-beta": []}
    for name, value in headers.items():
        if value and (values := found.get(name.lower())) is not None:
            values.append(value)
    forwarded = {"anthropic-version": next(iter(found["anthropic-version"]), DEFAULT_VERSION)}
    if betas := fit_betas(",".join(found["anthropic-beta"]), capabilities).sent:
        forwarded |= dict.fromkeys(_BETA_HEADERS[upstream], betas)
    if upstream == "anthropic":
        forwarded |= {name: headers[name] for name in _ACCOUNT_HEADERS if headers.get(name)}
    return forwarded


def _is_claude(model: str, upstream: Upstream) -> bool:
    return upstream != "openrouter" or vendor_of(model) == ANTHROPIC


# ---------------------------------------------------------------- text


def _with_messages(body: dict[str, Any], raw: bytes | None, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """`body` with these messages; whole numbers keep all their digits."""
    if raw is None or (exact := with_exact_numbers(body, raw)) is body:
        return {**body, "messages": messages}
    good = good_messages(exact["messages"])
    return exact if good is None else {**exact, "messages": good[0]}


def _edited(body: dict[str, Any], model: str, edits: FieldEdits) -> dict[str, Any]:
    if edits is not NO_EDITS:
        body = edits.apply(body)
    return {**body, "model": model}


def _dumped(body: dict[str, Any], raw: bytes | None, model: str, edits: FieldEdits) -> bytes:
    if raw is None or _same_text(body, raw):
        return dump_json(_edited(body, model, edits))
    return _dumped_exactly(raw, model, edits)


def _dumped_exactly(raw: bytes, model: str, edits: FieldEdits = NO_EDITS) -> bytes:
    """Parse and dump with the standard library: slower, but whole numbers keep all their digits.

    orjson reads a whole number beyond 64 bits as a float.
    """
    try:
        text = json.dumps(_edited(json.loads(raw), model, edits), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise InvalidRequestError("The request is nested too deeply to be passed on") from None
    return text.encode()


def _with_model(body: dict[str, Any], raw: bytes, model: str) -> bytes:
    old, new = orjson.dumps(body["model"]), orjson.dumps(model)
    if not _same_text(body, raw):
        place = _place_of_model(raw, old)
        return _dumped_exactly(raw, model) if place is None else _spliced(raw, place, new)
    if raw.startswith(_FIRST_KEY):
        return _spliced(raw, slice(len(_FIRST_KEY), len(_FIRST_KEY) + len(old)), new)
    return dump_json({**body, "model": model})


def _spliced(raw: bytes, place: slice, text: bytes) -> bytes:
    view = memoryview(raw)  # slices of bytes would copy the whole request twice
    return b"".join((view[: place.start], text, view[place.stop :]))


def _same_text(value: dict[str, Any], text: bytes) -> bool:
    """Whether dumping `value` gives `text`: then no digit was lost in parsing, and no key came twice."""
    try:
        return orjson.dumps(value) == text
    except TypeError:  # nested deeper than orjson writes
        return False


_FIRST_KEY = b'{"model":'
_KEY = re.compile(rb'"model"\s*:\s*(?=")')
_VALUE = re.compile(rb'"[^"\\]*["\\]')
_ESCAPED_LETTER = rb"\u006"
"""What every escaped spelling of a letter of "model" begins with (`\\u006d` is m)."""


def _place_of_model(raw: bytes, old: bytes) -> slice | None:
    """Where the value `old` of the top-level key "model" stands in valid JSON; None if that is not certain.

    If no letter of the key and no value of such a key is spelled with escapes, the top-level key is
    among the matches below; if only one match has its value, that match is the top-level key.
    """
    if _ESCAPED_LETTER in raw:
        return None
    places = []
    position = raw.find(b'"model"')
    while position >= 0:
        key = _KEY.match(raw, position)
        if key:
            value = _VALUE.match(raw, key.end())
            if value is None or value[0].endswith(b"\\"):
                return None
            if value[0] == old:
                places.append(slice(value.start(), value.end()))
        position = raw.find(b'"model"', position + 1)
    return places[0] if len(places) == 1 else None
