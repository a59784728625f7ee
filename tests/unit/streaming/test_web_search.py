"""What the upstream cites comes as the results of a search, where the request offered one."""

from typing import Any

from openrouter_anthropic_server.streaming.deltas import CitationDelta, Delta, Finish, TextDelta, UsageDelta
from tests.unit.streaming.events import USAGE, assemble, check_stream, message_of

PAGES = [
    {"type": "web_search_result_location", "url": f"https://{name}.example", "title": name, "cited_text": "x"}
    for name in ("a", "b")
]
DELTAS: list[Delta] = [TextDelta("Found."), *map(CitationDelta, [*PAGES, PAGES[0]]), Finish("stop"), UsageDelta(USAGE)]


def test_a_search_that_was_offered_ends_with_its_results() -> None:
    events = assemble(DELTAS, web_search=True)

    check_stream(events)
    message: dict[str, Any] = dict(message_of(events))
    text, call, result = message["content"]
    assert text["citations"] == PAGES
    assert (call["type"], call["name"], call["id"]) == ("server_tool_use", "web_search", "srvtoolu_1")
    assert result["type"] == "web_search_tool_result"
    assert result["tool_use_id"] == call["id"]
    assert [(page["type"], page["title"], page["url"]) for page in result["content"]] == [
        ("web_search_result", "a", "https://a.example"),
        ("web_search_result", "b", "https://b.example"),
    ]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1


def test_sources_of_a_request_without_a_search_stay_citations() -> None:
    message = message_of(assemble(DELTAS))

    assert [block["type"] for block in message["content"]] == ["text"]
    assert "server_tool_use" not in message["usage"]


def test_a_search_that_cited_nothing_has_no_results() -> None:
    message = message_of(assemble([TextDelta("Hm."), Finish("stop")], web_search=True))

    assert [block["type"] for block in message["content"]] == ["text"]
