"""What the real Gemini API refuses: unknown names in requests and schemas, turns out of order, missing signatures."""

from collections.abc import Iterator, Set
from typing import Any

from tests.upstreams.received import Received

DUMMY_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""Google's documented placeholder for calls that another model made; it costs quality."""

_TOP = frozenset(
    {
        *("contents", "tools", "toolConfig", "tool_config", "systemInstruction", "system_instruction"),
        *("generationConfig", "generation_config", "safetySettings", "serviceTier", "cachedContent"),
    }
)
_SCHEMA = frozenset(
    {
        *("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties"),
        *("required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf"),
        *("propertyOrdering", "default", "items", "minimum", "maximum"),
    }
)
_CONFIG = frozenset(
    {
        *("max_output_tokens", "maxOutputTokens", "temperature", "top_p", "topP", "top_k", "topK", "seed"),
        *("stop_sequences", "stopSequences", "candidate_count", "thinkingConfig", "response_mime_type"),
        *("response_schema", "response_json_schema", "presence_penalty", "frequency_penalty", "responseModalities"),
        *("responseLogprobs", "logprobs", "mediaResolution"),
    }
)
_PART = frozenset(
    {
        *("text", "thought", "thoughtSignature", "inline_data", "inlineData", "functionCall", "function_call"),
        *("functionResponse", "function_response", "file_data", "fileData"),
    }
)


def problem_of(received: Received, model: str, handed_out: Set[str]) -> str | None:
    """The message of the 400 that the real API would answer with; None for a good request."""
    return next(_problems(received, model, handed_out), None)


def _problems(received: Received, model: str, handed_out: Set[str]) -> Iterator[str]:
    body = received.body
    if not received.headers.get("x-goog-api-key"):
        yield "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity."
    yield from (_unknown(name) for name in body if name not in _TOP)
    yield from (_unknown(name, "generation_config") for name in _config(body) if name not in _CONFIG)
    for tool in body.get("tools", []):
        for function in tool.get("function_declarations", tool.get("functionDeclarations", [])):
            yield from _schema_problems(function.get("parameters") or {}, function["name"])
    contents = body.get("contents", [])
    yield from _turn_problems(contents)
    yield from _signature_problems(contents, handed_out, strict="gemini-3" in model)
    if "gemini-3" not in model:
        yield from (_unknown("id", "function_call") for part in _parts(contents) if "id" in (_call(part) or {}))


def _config(body: dict[str, Any]) -> dict[str, Any]:
    return body.get("generationConfig") or body.get("generation_config") or {}


def _schema_problems(schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from (_unknown(name, where) for name in schema if name not in _SCHEMA)
    if "anyOf" not in schema and not schema.get("type"):
        yield f"{where}: field type is required"
    for name, inner in (schema.get("properties") or {}).items():
        yield from _schema_problems(inner, f"{where}.{name}")
    for inner in [schema.get("items"), *schema.get("anyOf", [])]:
        if isinstance(inner, dict) and inner:
            yield from _schema_problems(inner, where)


def _turn_problems(contents: list[dict[str, Any]]) -> Iterator[str]:
    if not contents:
        yield "* GenerateContentRequest.contents: contents is not specified"
    before: dict[str, Any] = {"role": "model", "parts": []}
    for turn in contents:
        yield from (_unknown(name, "part") for part in turn["parts"] for name in part if name not in _PART)
        if not turn["parts"]:
            yield "must include at least one parts field"
        calls = sum(_call(part) is not None for part in before["parts"])
        responses = sum(_response(part) is not None for part in turn["parts"])
        if turn["role"] not in {"user", "model"}:
            yield "Please use a valid role: user, model."
        if calls != responses:
            yield (
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if any(_call(part) for part in turn["parts"]) and before["role"] != "user":
            yield "Please ensure that function call turn comes immediately after a user turn."
        before = turn


def _signature_problems(contents: list[dict[str, Any]], handed_out: Set[str], *, strict: bool) -> Iterator[str]:
    """Signatures must be its own; Gemini 3 wants one on the first call of each step of the current turn."""
    for part in _parts(contents):
        signature = part.get("thoughtSignature")
        if signature is not None and signature != DUMMY_SIGNATURE and signature not in handed_out:
            yield "Thought signature is not valid."
    if not strict:
        return
    questions = [n for n, turn in enumerate(contents) if turn["role"] == "user" and not _is_answer(turn)]
    for turn in contents[questions[-1] if questions else 0 :]:
        calls = [part for part in turn["parts"] if _call(part) is not None]
        if calls and "thoughtSignature" not in calls[0]:
            yield f"Function call is missing a thought_signature in functionCall parts: {_call(calls[0])}"


def _is_answer(turn: dict[str, Any]) -> bool:
    return any(_response(part) is not None for part in turn["parts"])


def _parts(contents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for turn in contents:
        yield from turn["parts"]


def _call(part: dict[str, Any]) -> dict[str, Any] | None:
    return part.get("functionCall") or part.get("function_call")


def _response(part: dict[str, Any]) -> dict[str, Any] | None:
    return part.get("functionResponse") or part.get("function_response")


def _unknown(name: str, where: str = "") -> str:
    return f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
