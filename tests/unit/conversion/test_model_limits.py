"""What a model cannot take is refused by name, with what to change."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.model_limits import check_content
from openrouter_anthropic_server.errors import InvalidRequestError

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}
TEXT_DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}}
CONTENT_DOCUMENT = {
    "type": "document",
    "source": {"type": "content", "content": [{"type": "text", "text": "a"}, IMAGE]},
}
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def request(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content) or "hi"}], **fields}


def refusal(body: dict[str, Any], known: Capabilities) -> str:
    with pytest.raises(InvalidRequestError) as refused:
        check_content(body, "acme/small", known)
    return refused.value.message


def test_everything_is_let_through_where_nothing_is_known() -> None:
    check_content(request(IMAGE, PDF, tools=[TOOL], output_config={"format": {}}), "m", UNLIMITED)


def test_plain_requests_pass_the_most_limited_model() -> None:
    known = Capabilities(
        tools=False, images=False, pdfs=False, prefill=False, structured_output=False, max_stop_sequences=1
    )
    check_content(request(TEXT_DOCUMENT, tools=[], stop_sequences=["x"], output_config={"effort": "low"}), "m", known)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ([{"type": "text", "text": "a"}, IMAGE], "messages.0.content.1"),
        ([{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}], "messages.0.content.0.content.0"),
        ([CONTENT_DOCUMENT], "messages.0.content.0.source.content.1"),
    ],
)
def test_images_are_found_wherever_they_stand(content: list[dict[str, Any]], path: str) -> None:
    message = refusal(request(*content), Capabilities(images=False))
    assert message == f"{path}: model 'acme/small' takes no images: choose another model or remove {path}"


def test_pdfs_are_refused_but_not_texts() -> None:
    known = Capabilities(pdfs=False)
    assert refusal(request(TEXT_DOCUMENT, PDF), known).startswith(
        "messages.0.content.1: model 'acme/small' takes no PDFs"
    )
    check_content(request(TEXT_DOCUMENT, IMAGE), "m", known)


def test_tools_are_refused_and_counted() -> None:
    assert refusal(request(tools=[TOOL]), Capabilities(tools=False)).startswith(
        "tools: model 'acme/small' takes no tools"
    )
    assert refusal(request(tools=[TOOL, TOOL]), Capabilities(max_tools=1)) == (
        "tools: model 'acme/small' takes at most 1, got 2"
    )


def test_stop_sequences_are_counted() -> None:
    assert "stop_sequences" in refusal(request(stop_sequences=["a", "b"]), Capabilities(max_stop_sequences=1))


def test_structured_output_is_refused() -> None:
    body = request(output_config={"format": {"type": "json_schema", "schema": {}}})
    assert refusal(body, Capabilities(structured_output=False)).startswith("output_config.format:")
    assert refusal(request(output_format={}), Capabilities(structured_output=False)).startswith("output_format:")


def test_a_prefill_is_refused_but_not_a_paused_turn() -> None:
    known = Capabilities(prefill=False)
    body = request()
    body["messages"].append({"role": "assistant", "content": "Sure"})
    assert refusal(body, known).startswith("messages.1: model 'acme/small' takes no prefill")
    body["messages"][-1]["content"] = [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]
    check_content(body, "m", known)
    body["messages"][-1]["content"] = [{"type": "compaction", "content": "so far"}]
    check_content(body, "m", known)


def test_an_upstream_that_judges_prefills_itself_gets_them() -> None:
    body = request()
    body["messages"].append({"role": "assistant", "content": "Sure"})
    check_content(body, "m", Capabilities(prefill=False), prefill=False)
