"""Fake upstreams as real HTTP servers on 127.0.0.1, each in a thread of its own."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import orjson
from aiohttp import web

from tests.upstreams import chat_wire, messages_wire
from tests.upstreams.answers import Answer, ApiError, Wire
from tests.upstreams.received import Received
from tests.upstreams.script import Cut, Hold, Pause, Script, Send, json_script

Reply = Answer | ApiError | Script
Handler = Callable[[Received], Reply]

_START_SECONDS = 10.0
_LONGEST_HOLD_SECONDS = 30.0
_STREAMED = ("text/event-stream", "application/vnd.amazon.eventstream")
_LARGEST_BODY = 64 * 1024 * 1024


class FakeUpstream:
    """An upstream that records every request and answers as scripted.

    Replies are taken from `reply(...)` in order; when none is left, `handler` decides (default: a short
    text). `wires` maps the paths of model calls to their wire; `documents` maps GET paths to JSON.
    """

    def __init__(self, base_path: str, wires: Mapping[str, Wire], documents: Mapping[str, object]) -> None:
        self._base_path = base_path
        self._wires = dict(wires)
        self._documents = dict(documents)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._arrival = threading.Condition()
        self._queue: deque[Reply | Handler] = deque()
        self.port = 0
        self.requests: list[Received] = []
        self.quirks = chat_wire.Quirks()
        self.handler: Handler = default_reply
        self.count: int | ApiError = 4321

    @property
    def base_url(self) -> str:
        """What the server under test is configured with."""
        return f"http://127.0.0.1:{self.port}{self._base_path}"

    def start(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_START_SECONDS)
        return self

    def stop(self) -> None:
        """Drop all connections and end the thread."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()

    def reset(self) -> None:
        """Forget requests, replies and special behaviour: the state of a new fake."""
        self._queue.clear()
        self.requests = []
        self.quirks = chat_wire.Quirks()
        self.handler = default_reply
        self.count = 4321

    def reply(self, *replies: Reply | Handler) -> None:
        """Answer the next model calls with these, one each."""
        self._queue.extend(replies)

    @property
    def calls(self) -> list[Received]:
        """The model calls so far, without counts, lists of models and unknown paths."""
        return [request for request in self.requests if self._wire(request.path) is not None]

    @property
    def last(self) -> Received:
        """The newest model call."""
        return self.calls[-1]

    def wait_for_calls(self, count: int, timeout: float = 10.0) -> list[Received]:
        """Wait until `count` model calls have arrived; fails after `timeout` seconds."""
        with self._arrival:
            arrived = self._arrival.wait_for(lambda: len(self.calls) >= count, timeout)
        assert arrived, f"only {len(self.calls)} of {count} calls arrived in {timeout} s"
        return self.calls

    def _wire(self, path: str) -> Wire | None:
        return self._wires.get(path.removeprefix(self._base_path))

    async def _start(self) -> None:
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        received = await _received(request)
        script = self._script(received)
        with self._arrival:
            self.requests.append(received)
            self._arrival.notify_all()
        try:
            response = await _play(script, request)
        except (asyncio.CancelledError, ConnectionError):
            received.mark_gone(time.monotonic())
            # Noticed by a failed write, it is the same departure, and no error of the fake.
            raise asyncio.CancelledError from None
        received.mark_answered()
        return response

    def _script(self, received: Received) -> Script:
        path = received.path.removeprefix(self._base_path)
        wire = self._wires.get(path)
        if wire is not None and received.method == "POST":
            problem = messages_wire.id_problem(received.body) if _is_claudes(received, wire) else None
            return self._render(problem or self._next_reply(received), wire, received)
        if path.endswith("/messages/count_tokens") and isinstance(self.count, int):
            return json_script({"input_tokens": self.count})
        if path.endswith("/messages/count_tokens") and isinstance(self.count, ApiError):
            return messages_wire.error_script(self.count)
        if path in self._documents:
            return json_script(self._documents[path])
        return messages_wire.error_script(ApiError(404, f"No route {path}", "not_found_error"))

    def _next_reply(self, received: Received) -> Reply:
        if not self._queue:
            return self.handler(received)
        reply = self._queue.popleft()
        return reply(received) if callable(reply) else reply

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        return render(reply, wire, model=received.model, streaming=received.streaming, quirks=self.quirks)


class FakeOpenRouter(FakeUpstream):
    """OpenRouter: `/api/v1/chat/completions`, `/api/v1/messages` and `/api/v1/models`."""

    def __init__(self) -> None:
        wires: dict[str, Wire] = {"/chat/completions": "chat", "/messages": "messages"}
        super().__init__("/api/v1", wires, {"/models": {"data": OPENROUTER_MODELS, "total_count": 2}})


class FakeAnthropic(FakeUpstream):
    """An upstream in Anthropic's own form: `/v1/messages`, `/v1/messages/count_tokens`, `/v1/models`."""

    def __init__(self) -> None:
        models = {"data": ANTHROPIC_MODELS, "has_more": False, "first_id": None, "last_id": None}
        super().__init__("", {"/v1/messages": "messages"}, {"/v1/models": models})


def default_reply(_: Received) -> Reply:
    """A short text."""
    return Answer()


def render(reply: Reply, wire: Wire, *, model: str, streaming: bool, quirks: chat_wire.Quirks) -> Script:
    """The bytes of a reply on one wire."""
    match reply:
        case Script():
            return reply
        case ApiError():
            return chat_wire.error_script(reply) if wire == "chat" else messages_wire.error_script(reply)
        case Answer():
            script = _answer(reply, wire, model, streaming, quirks)
            return replace(script, before_headers=reply.pause_before_headers)


def _answer(answer: Answer, wire: Wire, model: str, streaming: bool, quirks: chat_wire.Quirks) -> Script:
    if wire == "chat":
        make = chat_wire.stream_answer if streaming else chat_wire.json_answer
        return make(answer, model, quirks)
    write = messages_wire.stream_answer if streaming else messages_wire.json_answer
    return write(answer, model)


def _is_claudes(received: Received, wire: Wire) -> bool:
    return wire == "messages" and "claude" in received.model


async def _received(request: web.Request) -> Received:
    raw = await request.read()
    return Received(
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=raw,
        body=_json_object(raw),
        at=time.monotonic(),
    )


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


async def _play(script: Script, request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(script.before_headers)
    response = web.StreamResponse(status=script.status, headers=script.headers)
    if not script.headers.get("content-type", "").startswith(_STREAMED):
        response.content_length = len(script.sent) + any(isinstance(step, Cut) for step in script.steps)
    await response.prepare(request)
    for step in script.steps:
        match step:
            case Send(data):
                await response.write(data)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Hold():
                await asyncio.sleep(_LONGEST_HOLD_SECONDS)
            case Cut():
                _drop(request)
                return response
    await response.write_eof()
    return response


def _drop(request: web.Request) -> None:
    # What was written is still delivered; the missing last chunk tells the client that the body is broken.
    if request.transport is not None:
        request.transport.close()


OPENROUTER_MODELS = [
    {"id": "anthropic/claude-sonnet-4.5", "name": "Anthropic: Claude Sonnet 4.5", "context_length": 1000000},
    {"id": "openai/gpt-5", "name": "OpenAI: GPT-5", "context_length": 400000},
]
ANTHROPIC_MODELS = [
    {
        "id": "claude-sonnet-4-5",
        "type": "model",
        "display_name": "Claude Sonnet 4.5",
        "created_at": "2025-09-29T00:00:00Z",
    }
]
