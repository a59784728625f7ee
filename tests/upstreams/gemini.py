"""A fake Gemini API: `generateContent` and `streamGenerateContent`, as strict as the real one where clients go wrong.

Sources: Google's API reference and its page on thought signatures; recorded streams (signatures stand on the first call
of a step, or on an empty last text; both parallel calls come in one chunk).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import orjson

from tests.upstreams.answers import Answer, ApiError, Part, Text, Thinking, Tokens, ToolCall, Wire, pieces
from tests.upstreams.gemini_checks import DUMMY_SIGNATURE, problem_of
from tests.upstreams.received import Received
from tests.upstreams.script import Cut, Hold, Pause, Script, Step, json_script, sse_script
from tests.upstreams.server import FakeUpstream, Reply

_FINISH = {
    "end_turn": "STOP",
    "tool_use": "STOP",
    "stop_sequence": "STOP",
    "max_tokens": "MAX_TOKENS",
    "refusal": "SAFETY",
}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_METHODS = (":generateContent", ":streamGenerateContent")


@dataclass(slots=True)
class GeminiQuirks:
    """`finish` overrides the finish reason; `blocked` answers with a prompt feedback and no candidate.

    `thought_with_text`: a thought and the text after it come in one chunk.
    """

    finish: str | None = None
    blocked: bool = False
    thought_with_text: bool = False


class FakeGemini(FakeUpstream):
    """`/v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse`.

    `handed_out` are the signatures that it gave; `dummies` counts calls that came back with Google's placeholder.
    """

    def __init__(self) -> None:
        super().__init__("/v1beta", {}, {})
        self.gemini = GeminiQuirks()
        self.handed_out: set[str] = set()
        self.dummies = 0

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.gemini = GeminiQuirks()
        self.handed_out = set()
        self.dummies = 0

    def _wire(self, path: str) -> Wire | None:
        return "chat" if path.endswith(_METHODS) else None

    def _script(self, received: Received) -> Script:
        if self._wire(received.path) is None:
            return super()._script(received)
        return self._render(self._next_reply(received), "chat", received)

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        name = received.path.rpartition("/")[2].partition(":")[0]
        problem = problem_of(received, name, self.handed_out)
        if problem is not None:
            return error_script(ApiError(400, problem))
        self.dummies += received.raw.count(DUMMY_SIGNATURE.encode())
        match reply:
            case Script():
                return reply
            case ApiError():
                return error_script(reply)
            case Answer():
                self.handed_out |= {part.signature for part in reply.parts if isinstance(part, Thinking)}
                script = self._answer(reply, name, streaming=":stream" in received.path)
                return replace(script, before_headers=reply.pause_before_headers)

    def _answer(self, answer: Answer, model: str, *, streaming: bool) -> Script:
        if self.gemini.blocked:
            body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage(answer.tokens)}
            return sse_script([_frame(body)]) if streaming else json_script(body)
        if streaming:
            return sse_script(_frames(answer, model, self.gemini), headers=answer.headers)
        return json_script(_body(_parts(answer, model), answer, model, self.gemini), headers=answer.headers)


def error_script(error: ApiError) -> Script:
    """An error in Google's form; the real one says when to retry in the body, not in a header."""
    details = (
        [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}] if error.status == 429 else []
    )
    return json_script(
        {"error": _error(error.status, error.message) | {"details": details}}, error.status, error.headers
    )


def usage(tokens: Tokens) -> dict[str, Any]:
    """`usageMetadata`: the candidates' count is without the thoughts."""
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    counts = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": prompt + tokens.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    }
    if tokens.reasoning:
        counts["thoughtsTokenCount"] = tokens.reasoning
    if tokens.cache_read:
        counts["cachedContentTokenCount"] = tokens.cache_read
    return counts


def _error(status: int, message: str) -> dict[str, Any]:
    return {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}


def _parts(answer: Answer, model: str) -> list[dict[str, Any]]:
    """The parts; the signature of a thought stands on the part after it."""
    parts: list[dict[str, Any]] = []
    signature = ""
    for part in answer.parts:
        made = _part(part, model)
        if made.get("thought"):
            signature = part.signature if isinstance(part, Thinking) else ""
        elif signature:
            made["thoughtSignature"], signature = signature, ""
        parts.append(made)
    return [*parts, {"text": "", "thoughtSignature": signature}] if signature else parts


def _part(part: Part, model: str) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Thinking(text, _):
            return {"text": text, "thought": True}
        case ToolCall(name, arguments, call_id):
            own_id = {"id": call_id} if "gemini-3" in model else {}
            return {"functionCall": {"name": name, "args": arguments} | own_id}
        case _:
            raise NotImplementedError(f"Gemini has nothing like {part}")


def _body(parts: list[dict[str, Any]], answer: Answer, model: str, quirks: GeminiQuirks) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    candidate["finishReason"] = quirks.finish or _FINISH[answer.stop_reason]
    return _shell(answer, model) | {"candidates": [candidate], "usageMetadata": usage(answer.tokens)}


def _shell(answer: Answer, model: str) -> dict[str, Any]:
    return {"modelVersion": answer.model or model, "responseId": "fake-gemini-response"}


def _frames(answer: Answer, model: str, quirks: GeminiQuirks) -> Iterator[bytes | Step]:
    if answer.pause_before_content:
        yield Pause(answer.pause_before_content)
    chunks = list(_chunks(_parts(answer, model), quirks))
    for number, parts in enumerate(chunks):
        yield _frame(_chunk(parts, answer, model))
        if number == 0 and answer.pause_within:
            yield Pause(answer.pause_within)
    if answer.pause_before_end:
        yield Pause(answer.pause_before_end)
    yield from _ending(answer, model, quirks)


def _ending(answer: Answer, model: str, quirks: GeminiQuirks) -> Iterator[bytes | Step]:
    match answer.ending:
        case "normal":
            yield _frame(_body([{"text": ""}], answer, model, quirks))
        case "error":
            code = answer.failure.code if isinstance(answer.failure.code, int) else 500
            yield _frame({"error": _error(code, answer.failure.message)})
        case "cut":
            yield Cut()
        case "hold":
            yield Hold()
        case "end":
            return


def _chunk(parts: list[dict[str, Any]], answer: Answer, model: str) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    started = replace(answer.tokens, output=1, reasoning=0)
    return _shell(answer, model) | {"candidates": [candidate], "usageMetadata": usage(started)}


def _chunks(parts: list[dict[str, Any]], quirks: GeminiQuirks) -> Iterator[list[dict[str, Any]]]:
    """Texts in pieces, a signature on an empty last one; calls that follow each other in one chunk."""
    if quirks.thought_with_text:
        yield parts
        return
    for is_call, group in groupby(parts, key=lambda part: "functionCall" in part):
        if is_call:
            yield list(group)
            continue
        for part in group:
            rest = {key: value for key, value in part.items() if key not in {"text", "thoughtSignature"}}
            for piece in pieces(part["text"]):
                yield [{"text": piece} | rest]
            if "thoughtSignature" in part:
                yield [{"text": "", "thoughtSignature": part["thoughtSignature"]}]


def _frame(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\r\n\r\n"
