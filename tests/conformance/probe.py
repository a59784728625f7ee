"""Sends each parameter through each backend and sees what became of it: measured at the upstream, not claimed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

import httpx

from tests.conformance.rows import Api, Row, Steps
from tests.conformance.stations import Station
from tests.upstreams.received import Received

Handling = Literal["sent", "converted", "not sent", "refused", "dropped"]
"""sent: it reached the upstream under its own path. converted: it changed what reached the upstream, or was noted as
converted. not sent: left out, and noted in the run. refused: a 400 that names it. dropped: none of these."""

_MESSAGES = [{"role": "user", "content": "Say hello."}]
_BASES: Mapping[Api, Mapping[str, Any]] = {
    "OpenAI's form": {"input_format": "openai_chat", "stream": False, "fallback": False, "messages": _MESSAGES}
}
_BASE: Mapping[str, Any] = {"max_tokens": 2048, "messages": _MESSAGES}
_PATHS: Mapping[Api, str] = {"OpenAI's form": "/v1/universal/stream"}
_JUDGED_THERE = (("messages",), ("tools",))
"""Content and tools that only the upstream can judge; its refusal names them as ours would."""

_INDEX = re.compile(r"\[(\d+)\]")
_HEADERS = {"anthropic-version": "2023-06-01", "x-api-key": "any-key"}


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one request: the message of a refusal, else what reached the upstream and the notes."""

    refusal: str | None
    received: Received | None
    notes: tuple[str, ...]


def handling(station: Station, row: Row) -> Handling:
    """What the backend of `station` does with the parameter of `row`."""
    sent = _send(station, row, row.request, {**row.headers, **row.header})
    if sent.refusal is not None:
        assert _names(sent.refusal, row), f"{row.id}: the refusal does not name it: {sent.refusal}"
        return "refused"
    assert sent.received is not None
    if row.header:
        return _header_handling(sent, sent.received, row)
    if _at(sent.received.body, row.at) == _at(_full(station, row, row.request), row.at):
        return "sent"
    if row.at == ("model",):
        return "converted" if _names_model(sent.received, station.backend.model) else "dropped"
    noted = _noted(sent.notes, row)
    if noted == "converted" or (noted is None and _differs(station, row, sent.received)):
        return "converted"
    if noted == "not sent":
        return "converted" if _differs(station, row, sent.received) else "not sent"
    return "converted" if row.default else "dropped"


def _send(station: Station, row: Row, request: Mapping[str, Any], headers: Mapping[str, str]) -> _Sent:
    before = len(station.upstream.calls)
    response = station.http.post(
        station.url + _PATHS.get(row.api, "/v1/messages"),
        json=_full(station, row, request),
        headers={**_HEADERS, **headers},
    )
    calls = station.upstream.calls[before:]
    if response.status_code == 400 and (not calls or row.at[:1] in _JUDGED_THERE):
        return _Sent(_message(response), None, ())
    assert response.status_code == 200, f"{row.id}: {response.status_code} {response.text}"
    notes = station.application.runs.of(response.headers["request-id"]).notes
    return _Sent(None, calls[-1], tuple(notes))


def _full(station: Station, row: Row, request: Mapping[str, Any]) -> dict[str, Any]:
    backend = station.backend
    model = (row.newest and backend.newest) or (row.plain and backend.plain) or backend.model
    return {"model": model, **_BASES.get(row.api, _BASE), **request}


def _message(response: httpx.Response) -> str:
    envelope = response.json()
    assert envelope["error"]["type"] == "invalid_request_error"
    return str(envelope["error"]["message"])


def _names(message: str, row: Row) -> bool:
    """Whether a refusal says which parameter it is about: its path, its kind, or what it is a part of."""
    kinds = [part.partition("]")[0] for part in row.name.split("[")[1:]]
    parents = [".".join(map(str, row.at[:length])) for length in range(1, len(row.at))]
    message = _INDEX.sub(r".\1", message)
    leading = [parent + sign for parent in parents if parent != "messages" for sign in ":."]
    return any(name in message for name in (*row.paths, *kinds, *leading, *row.header) if name)


def _names_model(received: Received, model: str) -> bool:
    """Whether the upstream was asked for the model, in whatever spelling: in the body or in the path."""
    asked = f"{received.model} {unquote(received.path)}".replace(".", "-")
    return re.split("[:/]", model, maxsplit=1)[-1].replace(".", "-") in asked


def _header_handling(sent: _Sent, received: Received, row: Row) -> Handling:
    ((name, value),) = row.header.items()
    if value in (received.betas if name == "anthropic-beta" else [received.headers.get(name)]):
        return "sent"
    return "not sent" if any(note.startswith(f"not_sent {name}") for note in sent.notes) else "dropped"


def _at(body: Any, path: Steps) -> Any:
    """What stands at `path`; `_NOTHING` where the way does not exist."""
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return body


_NOTHING = object()


def _noted(notes: tuple[str, ...], row: Row) -> Handling | None:
    """What the notes of the run say of the parameter, of a part of it, or of what it is a part of."""
    kinds = set()
    for note in notes:
        kind, _, rest = note.partition(" ")
        path = rest.partition(":")[0]
        if any(_touches(path, own) for own in row.paths):
            kinds.add(kind)
    if kinds & {"converted", "renamed"}:
        return "converted"
    return "not sent" if "not_sent" in kinds else None


def _touches(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _differs(station: Station, row: Row, received: Received) -> bool:
    """Whether the upstream sees another request than without the parameter."""
    other = _send(station, row, row.without(), row.headers)
    return other.received is None or _asked(other.received) != _asked(received)


def _asked(received: Received) -> tuple[object, ...]:
    """What was asked; Gemini and Bedrock have the model and the word for a stream in the path."""
    return received.path, received.query, received.body
