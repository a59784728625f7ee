"""Requests of any form as bodies of the Messages API: nothing lost on the way there and back, nothing that crashes."""

from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_openai_chat import from_openai_chat
from openrouter_anthropic_server.conversion.universal_forms import InputForm, read_options
from openrouter_anthropic_server.conversion.universal_read import messages_body
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import convert_body

Body = dict[str, Any]

PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}

_texts = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)
_text_blocks = st.builds(lambda text: {"type": "text", "text": text}, _texts)
_images = st.just({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}})
_links = st.just({"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}})
_pdfs = st.just(
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}, "title": "a.pdf"}
)
_user = st.lists(_text_blocks | _images | _links | _pdfs, min_size=1, max_size=3)
_inputs = st.dictionaries(st.sampled_from(["x", "y"]), _texts | st.integers(0, 9) | st.lists(_texts, max_size=2))


@st.composite
def requests(draw: st.DrawFn) -> Body:
    """Conversations of user turns, assistant turns with calls, and the results of those."""
    messages: list[Body] = []
    for turn in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(_user)})
        calls = [
            {"type": "tool_use", "id": f"toolu_{turn}_{n}", "name": "look", "input": given}
            for n, given in enumerate(draw(st.lists(_inputs, max_size=2)))
        ]
        messages.append({"role": "assistant", "content": [draw(_text_blocks), *calls]})
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": draw(_texts)} for call in calls]
        if results:
            messages.append({"role": "user", "content": results})
            messages.append({"role": "assistant", "content": [draw(_text_blocks)]})
    messages.append({"role": "user", "content": draw(_user)})
    request: Body = {"model": "any", "max_tokens": draw(st.integers(1, 9)), "messages": messages}
    request["tools"] = [{"name": "look", "description": "d", "input_schema": SCHEMA}]
    optional = {
        "system": draw(st.lists(_text_blocks, min_size=1, max_size=2)),
        "temperature": draw(st.floats(0, 1)),
        "top_p": draw(st.floats(0, 1)),
        "stop_sequences": draw(st.lists(_texts, min_size=1, max_size=4)),
        "tool_choice": draw(st.sampled_from([{"type": "any"}, {"type": "none"}, {"type": "tool", "name": "look"}])),
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        "metadata": {"user_id": "me"},
    }
    return request | {name: optional[name] for name in draw(st.sets(st.sampled_from(sorted(optional))))}


@given(requests())
def test_request_is_the_same_after_the_way_to_chat_completions_and_back(request: Body) -> None:
    there = convert_body(request).body
    back = from_openai_chat(there, NoteBook())

    assert back | {"model": "any"} == request


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_NAMES = {
    "openai_chat": [
        *("role", "content", "type", "text", "image_url", "url", "file", "file_data", "tool_calls", "function", "name"),
        *("arguments", "id", "tool_call_id", "reasoning_details", "data", "parameters", "json_schema", "schema"),
    ],
    "google_gemini": [
        *("role", "parts", "text", "thought", "thoughtSignature", "inlineData", "mimeType", "data", "fileData"),
        *("functionCall", "functionResponse", "name", "args", "response", "functionDeclarations", "parameters"),
        *("functionCallingConfig", "mode", "allowedFunctionNames", "thinkingBudget", "responseSchema"),
    ],
}
_FIELDS = {
    "openai_chat": ["messages", "tools", "tool_choice", "response_format", "stop", "reasoning_effort", "modalities"],
    "google_gemini": ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"],
}
_WORDS = [
    *("user", "assistant", "model", "tool", "system", "text", "function", "image_url", "json_schema", "ANY"),
    *("data:image/png;base64,AAAA", "reasoning.text", "reasoning.encrypted", "application/pdf", "{}"),
]


@st.composite
def odd_requests(draw: st.DrawFn) -> Body:
    """Requests with the right names at wrong places, and values of any kind."""
    form = draw(st.sampled_from(["openai_chat", "google_gemini"]))
    leaves = _JSON | st.sampled_from(_WORDS)
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES[form]), inner, max_size=4),
        max_leaves=12,
    )
    lists = st.lists(st.dictionaries(st.sampled_from(_NAMES[form]), values, max_size=4), max_size=2)
    body: Body = draw(st.dictionaries(st.sampled_from(_FIELDS[form]), values | lists, max_size=4))
    body.setdefault(_FIELDS[form][0], [])
    return body | {"model": "m", "input_format": form}


@given(odd_requests())
def test_odd_values_are_refused_and_crash_nothing(body: Body) -> None:
    with suppress(InvalidRequestError):
        messages_body(read_options(body), 100, NoteBook())


def test_request_nested_too_deeply_is_refused() -> None:
    schema: Body = {}
    for _ in range(1020):
        schema = {"items": schema}
    config = {"responseMimeType": "application/json", "responseSchema": schema}

    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        messages_body(read_options({"model": "m", "contents": "hi", "generationConfig": config}), 9, NoteBook())


@pytest.mark.parametrize(("form", "body"), [("openai_chat", {"messages": []}), ("google_gemini", {"contents": []})])
def test_limit_that_nobody_set_is_that_of_the_model(form: InputForm, body: Body) -> None:
    notes = NoteBook()
    read = messages_body(read_options({"model": "m", "input_format": form, **body}), 777, notes)

    assert (read["max_tokens"], read["stream"], read["model"]) == (777, True, "m")
    assert [note.path for note in notes.notes()] == ["max_tokens"]


def test_limit_leaves_room_for_the_thinking_it_counts() -> None:
    config = {"maxOutputTokens": 100, "thinkingConfig": {"thinkingBudget": 2000}}
    body = {"model": "m", "contents": "hi", "generationConfig": config}

    assert messages_body(read_options(body), 777, NoteBook())["max_tokens"] == 2100


def test_request_of_the_messages_api_is_taken_as_it_is() -> None:
    body = {"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], "odd": [1]}
    options = read_options(body | {"provider": "anthropic", "fallback": False, "stream": False})

    assert messages_body(options, 777, NoteBook()) == cast(Body, body | {"stream": False})
