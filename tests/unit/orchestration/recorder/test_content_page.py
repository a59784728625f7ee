"""What was asked and answered, as a page."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from openrouter_anthropic_server.orchestration.recorder.content_page import content_page

Event = dict[str, Any]
START: Event = {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": {}}}
BLOCK: Event = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
END: tuple[Event, ...] = (
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {}},
    {"type": "message_stop"},
)


def blocks(page: str) -> list[str]:
    """The texts of all blocks."""
    return [token.content for token in MarkdownIt("commonmark").parse(page) if token.type == "fence"]


def titles(page: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(page)
    return [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]


def delta(text: str) -> Event:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def sse(*events: Event) -> str:
    return "".join(f"event: {event['type']}\ndata: {orjson.dumps(event).decode()}\n\n" for event in events)


def test_json_has_line_breaks() -> None:
    page = content_page({"request": '{"prompt":"hello"}'})

    assert titles(page) == ["`request`"]
    assert blocks(page) == ['{\n  "prompt": "hello"\n}\n']


def test_a_stream_is_joined_and_shown_as_it_came() -> None:
    stream = sse(START, BLOCK, delta("Hel"), delta("lo"), *END)

    page = content_page({"answer": stream})

    assert titles(page) == ["`answer` joined from its events", "`answer` as it was streamed"]
    joined, streamed = blocks(page)
    assert orjson.loads(joined)["content"] == [{"type": "text", "text": "Hello"}]
    assert streamed == stream + "\n"


def test_a_stream_that_broke_off_is_shown_as_it_came() -> None:
    for broken in (sse(START, BLOCK, delta("Hel")), sse(delta("Hel")), "event: x\ndata: [1]\n\n", "event: x\ndata: {"):
        assert titles(content_page({"answer": broken})) == ["`answer` as it was streamed"]


def test_a_key_that_came_in_pieces_is_redacted() -> None:
    page = content_page({"answer": sse(START, BLOCK, delta("my key is sk-or-v1-"), delta("canary0123"), *END)})

    assert "canary0123" not in page
    assert "[redacted]" in page


def test_text_that_is_neither_is_shown_as_it_is() -> None:
    assert blocks(content_page({"request": "{not json\0"})) == ["{not json\ufffd\n"]


@given(st.text(alphabet="~`#\n\r <a>", max_size=60))
def test_content_cannot_end_its_block(text: str) -> None:
    page = content_page({"answer": text, "request": "x"})

    tokens = MarkdownIt("commonmark").parse(page)
    assert len(blocks(page)) == 2
    assert len(tokens) == 2 + 6  # two blocks, and two headings of three tokens each


def test_content_is_cut_where_it_would_be_too_long() -> None:
    page = content_page({"request": "[" + "1," * 400_000 + "1]"})

    assert len(page) < 600_000
    assert "more characters are not shown]" in page
