"""Whole requests: those that Claude Code sends, and any that the API allows."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_request import convert_request
from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.claude_code_requests import recorded_body, request_files
from tests.unit.conversion.converting import CLAUDE, DEEPSEEK, GEMINI, GPT, convert, convert_body, notes, user

MODELS = [CLAUDE, GPT, GEMINI, DEEPSEEK, "unknown"]
SERVED_KINDS = ("server_tool_use", "web_search_tool_result")  # told as text, which needs no ids
NO_DIGITS = str.maketrans("", "", "0123456789")


class TestClaudeCode:
    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("name", request_files("/v1/messages"))
    def test_every_recorded_request_converts(self, name: str, model: str) -> None:
        request = recorded_body(name)
        body = convert_body(request, model=model).body

        assert body["model"] == model
        assert_accepted_order(body["messages"])
        assert_nothing_lost(request, model)
        assert orjson.loads(orjson.dumps(body)) == body

    def test_what_a_main_call_notes(self) -> None:
        converted = convert_body(recorded_body("02_main_after_thinking_and_tool.json"))

        assert notes(converted) == {
            ("not_sent", "system.0"),
            ("not_sent", "messages.1.output_config"),
            ("not_sent", "messages.2.content.0.signature"),
            ("not_sent", "tools.10"),
            ("not_sent", "context_management"),
            ("not_sent", "thinking.display"),
            ("converted", "metadata.user_id"),
        }

    def test_parallel_results_out_of_order(self) -> None:
        messages = convert_body(recorded_body("03_main_parallel_tools.json")).body["messages"]

        assert [message["role"] for message in messages] == [
            "system",
            "user",
            "system",
            *["assistant", *["tool"] * 4] * 2,
        ]

    def test_tool_search_result(self) -> None:
        body = convert_body(recorded_body("09_toolsearch_result.json")).body

        assert "Tool loaded: WebFetch" in [part["text"] for part in body["messages"][4]["content"]]
        assert {"WebSearch", "WebFetch", "NotebookEdit"} <= {each["function"]["name"] for each in body["tools"]}
        assert "defer_loading" not in str(body["tools"])

    def test_forced_web_search(self) -> None:
        body = convert_body(recorded_body("11_websearch_inner_forced.json")).body

        assert body["tools"] == [{"type": "openrouter:web_search", "parameters": {"max_uses": 8}}]
        assert body["tool_choice"] == {"type": "openrouter:web_search"}
        assert body["reasoning"] == {"enabled": False}

    def test_structured_side_call(self) -> None:
        body = convert_body(recorded_body("16_structured_side_query.json")).body

        assert "tools" not in body
        assert body["response_format"]["json_schema"]["strict"] is True


class TestResult:
    def test_the_same_thing_at_many_places_is_one_note(self) -> None:
        converted = convert(*(user("", "a") for _ in range(50)))

        assert [(note.path, note.detail) for note in converted.notes] == [
            ("messages.0.content.0", "empty text block (and 49 more)")
        ]

    def test_a_deeply_nested_input_is_sent_whole(self) -> None:
        value: Any = 1
        for _ in range(400):
            value = [value]
        call = {"type": "tool_use", "id": "1", "name": "a", "input": {"a": value}}

        body = convert({"role": "assistant", "content": [call]}).body

        assert (
            body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"a":' + "[" * 400 + "1" + "]" * 400 + "}"
        )


# ---------------------------------------------------------------- any request

FILLED = "T"
TEXT = st.sampled_from(["", FILLED])
MARKER = st.fixed_dictionaries({}, optional={"cache_control": st.sampled_from([None, {"type": "ephemeral"}])})
IDS = st.sampled_from(["id_1", "id_2", "id_3"])
SIGNATURES = st.sampled_from(
    [
        *("", "c2ln", "orx1.broken!"),
        pack_reasoning([{"type": "reasoning.encrypted", "data": "x", "format": "google-gemini-v1"}]),
    ]
)
SOURCES = st.sampled_from(
    [
        {"type": "base64", "media_type": "image/png", "data": "aGk="},
        {"type": "url", "url": "https://example.com/a"},
        {"type": "file", "file_id": "file_1"},
    ]
)


def block(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda own, marker: {"type": kind, **own, **marker}, st.fixed_dictionaries(fields), MARKER)


TEXTS = block("text", text=TEXT)
IMAGES = block("image", source=SOURCES)
DOCUMENTS = block(
    "document",
    source=SOURCES
    | st.builds(lambda data: {"type": "text", "media_type": "text/plain", "data": data}, TEXT)
    | st.builds(lambda content: {"type": "content", "content": content}, TEXT | st.lists(TEXTS | IMAGES, max_size=2)),
    title=st.none() | st.just(FILLED),
    context=st.none() | st.just(FILLED),
)
SEARCH_RESULTS = block("search_result", source=st.just("s"), title=TEXT, content=st.lists(TEXTS, max_size=2))
REFERENCES = block("tool_reference", tool_name=st.just(FILLED))
RESULTS = block(
    "tool_result",
    tool_use_id=IDS,
    is_error=st.booleans(),
    content=TEXT | st.lists(TEXTS | IMAGES | DOCUMENTS | SEARCH_RESULTS | REFERENCES, max_size=3),
)
CALLS = block("tool_use", id=IDS, name=st.just(FILLED), input=st.dictionaries(st.just("a"), TEXT, max_size=1))
THOUGHTS = block("thinking", thinking=TEXT, signature=SIGNATURES) | block("redacted_thinking", data=st.just("ZW5j"))
SERVED = block("server_tool_use", id=IDS, name=st.just("web_search"), input=st.just({"query": FILLED})) | block(
    "web_search_tool_result",
    tool_use_id=IDS,
    content=st.just([{"type": "web_search_result", "title": FILLED, "url": "https://example.com/" + FILLED}])
    | st.just({"type": "web_search_tool_result_error", "error_code": "unavailable"}),
)
UNKNOWN = block("hologram", text=TEXT)

MESSAGES = (
    st.builds(
        lambda content: {"role": "user", "content": content},
        TEXT | st.lists(TEXTS | RESULTS | IMAGES | DOCUMENTS | SEARCH_RESULTS, max_size=4),
    )
    | st.builds(
        lambda content: {"role": "assistant", "content": content},
        TEXT | st.lists(TEXTS | CALLS | THOUGHTS | SERVED, max_size=4),
    )
    | st.builds(lambda content: {"role": "system", "content": content}, TEXT | st.lists(TEXTS, max_size=2))
    | st.builds(lambda content: {"role": "user", "content": [content]}, UNKNOWN)
)
REQUESTS = st.fixed_dictionaries(
    {"model": st.just("m"), "max_tokens": st.just(4096), "messages": st.lists(MESSAGES, min_size=1, max_size=6)},
    optional={
        "system": TEXT | st.lists(TEXTS, max_size=2),
        "tools": st.lists(
            st.builds(lambda name: {"name": name, "description": FILLED, "input_schema": {}}, st.sampled_from("abc"))
            | st.sampled_from([{"type": "bash_20250124", "name": "bash"}, {"type": "mcp_toolset"}]),
            max_size=3,
        ),
        "tool_choice": st.sampled_from([{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "a"}]),
        "thinking": st.sampled_from([{"type": "adaptive"}, {"type": "disabled"}]),
        "output_config": st.sampled_from([{}, {"effort": "low"}]),
    },
)


@given(request=REQUESTS, model=st.sampled_from(MODELS))
def test_any_request_converts_or_is_refused_by_name_and_loses_nothing(request: dict[str, Any], model: str) -> None:
    marked = with_distinct_texts(request)
    validate_messages_request(marked, api_version="2023-06-01")
    refusal = ""
    try:
        assert_nothing_lost(marked, model)
    except InvalidRequestError as error:
        refusal = error.message
    assert not refusal or refusal.startswith(("messages.", "messages: ", "tools."))
    assert not refusal or any(word in refusal for word in ("hologram", "'file'", "mcp_toolset", "with content"))


@given(REQUESTS)
def test_results_always_follow_their_calls_directly(request: dict[str, Any]) -> None:
    try:
        messages = convert_body(with_distinct_texts(request)).body["messages"]
    except InvalidRequestError:
        return
    assert_accepted_order(messages)


def with_distinct_texts(value: Any, numbers: Iterator[int] | None = None) -> Any:
    """The value with each filled text made different, so that it can be told where it went."""
    numbers = numbers or count(1)
    if isinstance(value, dict):
        return {name: with_distinct_texts(inner, numbers) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_distinct_texts(inner, numbers) for inner in value]
    if isinstance(value, str) and value.endswith(FILLED):
        return f"{value}_{next(numbers)}_"
    return value


def texts_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of each string of a request that says something to the model."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        untold = {"type", "$schema", "signature"} | (
            {"id", "tool_use_id"} if value.get("type") in SERVED_KINDS else set()
        )
        pairs = [(str(name), inner) for name, inner in value.items() if name not in untold]
    elif isinstance(value, list):
        pairs = [(str(position), inner) for position, inner in enumerate(value)]
    elif isinstance(value, str) and value:
        yield path, value
    for name, inner in pairs:
        yield from texts_in(inner, f"{path}.{name}" if path else name)


def assert_nothing_lost(request: dict[str, Any], model: str) -> None:
    """Each text of the conversation, the prompt and the tools is in the body, or a note covers its place."""
    before = deepcopy(request)
    converted = convert_request(validate_messages_request(request, api_version="2023-06-01"), model=model)
    assert request == before
    sent = orjson.dumps(converted.body).decode()
    # Inside arguments and tags, JSON text stands in JSON text.
    sent += sent.replace("\\\\", "\\").replace('\\"', '"')
    noted = {note.path.translate(NO_DIGITS) for note in converted.notes if note.kind != "converted"}
    for name in ("messages", "system", "tools"):
        for path, value in texts_in(request.get(name), name):
            place = path.translate(NO_DIGITS)
            covered = any(place == known or place.startswith(known + ".") for known in noted)
            renamed = converted.tool_names.to_upstream(value)
            assert (
                covered
                or orjson.dumps(value).decode()[1:-1] in sent
                or renamed in sent
                or path.endswith((".media_type", ".role", ".ttl"))
            ), path


def assert_accepted_order(messages: list[dict[str, Any]]) -> None:
    """The result of a call stands directly after the assistant turn, or after another result, in the calls' order."""
    waiting: list[str] = []
    previous = ""
    for message in messages:
        if message["role"] == "assistant":
            waiting = list(dict.fromkeys(made["id"] for made in message.get("tool_calls", [])))
        elif message["role"] == "tool" and message["tool_call_id"] in waiting:
            assert previous in {"assistant", "tool"}
            del waiting[: waiting.index(message["tool_call_id"])]
        previous = message["role"]
