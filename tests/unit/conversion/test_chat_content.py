"""Blocks of user messages and tool results: what each becomes, and what is refused by name."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_content import TOOL_ERROR
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import (
    DEEPSEEK,
    EPHEMERAL,
    Block,
    assistant,
    call,
    convert,
    notes,
    result,
    text,
    user,
)

PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "aGk="}
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
PDF_URL = "data:application/pdf;base64,aGk="


def image(source: Block, **fields: Any) -> Block:
    return {"type": "image", "source": source, **fields}


def document(source: Block, **fields: Any) -> Block:
    return {"type": "document", "source": source, **fields}


def file_part(name: str, data: str, **fields: Any) -> Block:
    return {"type": "file", "file": {"filename": name, "file_data": data}, **fields}


def parts(*content: str | Block) -> Any:
    return convert(user(*content)).body["messages"][0]["content"]


def tool_content(content: Any, **fields: Any) -> Any:
    converted = convert(user("go"), assistant(call("1")), user(result("1", content, **fields)))
    assert converted.body["messages"][2]["role"] == "tool"
    return converted.body["messages"][2]["content"]


class TestTexts:
    def test_empty_texts_are_left_out_and_noted(self) -> None:
        converted = convert(user("", "a", ""))

        assert converted.body["messages"] == [{"role": "user", "content": "a"}]
        assert [note.detail for note in converted.notes] == ["empty text block (and 1 more)"]

    def test_citations_of_earlier_answers_and_unknown_fields_are_noted(self) -> None:
        converted = convert(user(text("a", citations=[{"type": "x"}], future=1), text("b", citations=None)))

        assert notes(converted) == {
            ("not_sent", "messages.0.content.0.citations"),
            ("not_sent", "messages.0.content.0.future"),
        }


class TestImages:
    def test_base64_becomes_a_data_url(self) -> None:
        assert parts("see", image(PNG)) == [text("see"), PNG_PART]

    def test_a_url_is_passed_on_with_its_cache_marker(self) -> None:
        source = {"type": "url", "url": "https://example.com/a.png"}

        assert parts(image(source, cache_control=EPHEMERAL)) == [
            {"type": "image_url", "image_url": {"url": source["url"]}, "cache_control": EPHEMERAL}
        ]

    def test_transformations_are_noted(self) -> None:
        converted = convert(user(image(PNG, transformations={"oversized_image": "error"})))

        assert notes(converted) == {("not_sent", "messages.0.content.0.transformations")}


class TestDocuments:
    def test_a_pdf_becomes_a_file(self) -> None:
        assert parts(document(PDF)) == [file_part("document.pdf", PDF_URL)]

    def test_title_and_context_of_a_pdf_are_kept(self) -> None:
        assert parts(document(PDF, title="Report", context="From 2024", cache_control=EPHEMERAL)) == [
            text("<document_context>\nFrom 2024\n</document_context>"),
            file_part("Report", PDF_URL, cache_control=EPHEMERAL),
        ]

    def test_a_url_is_passed_on(self) -> None:
        source = {"type": "url", "url": "https://example.com/a.pdf"}

        assert parts(document(source)) == [file_part("document.pdf", source["url"])]

    @pytest.mark.parametrize(
        "source",
        [
            {"type": "text", "media_type": "text/plain", "data": "body"},
            {"type": "content", "content": "body"},
        ],
    )
    def test_text_stands_in_tags_with_its_title_and_context(self, source: Block) -> None:
        assert parts(document(source, title="T", context="C")) == (
            "<document>\n<title>T</title>\n<context>C</context>\n"
            "<document_content>\nbody\n</document_content>\n</document>"
        )

    def test_blocks_become_parts_between_the_tags(self) -> None:
        source = {"type": "content", "content": [text("a"), text(""), image(PNG), text("b")]}

        assert parts(document(source, cache_control=EPHEMERAL)) == [
            text("<document>\n<document_content>"),
            text("a"),
            PNG_PART,
            text("b"),
            text("</document_content>\n</document>", cache_control=EPHEMERAL),
        ]

    def test_citations_are_noted_if_wanted(self) -> None:
        wanted = convert(user(document(PDF, citations={"enabled": True})))
        unwanted = convert(user(document(PDF, citations={"enabled": False})))

        assert notes(wanted) == {("not_sent", "messages.0.content.0.citations")}
        assert notes(unwanted) == set()


class TestSearchResults:
    def test_source_title_and_texts_are_kept(self) -> None:
        block = {"type": "search_result", "source": "kb/1", "title": "One", "content": [text("a"), text("b")]}

        assert parts(block) == "<search_result>\n<source>kb/1</source>\n<title>One</title>\na\nb\n</search_result>"


class TestRefusals:
    @pytest.mark.parametrize(
        ("block", "message"),
        [
            ({"type": "foo"}, "messages.0.content.1: blocks of type 'foo'"),
            ({"type": "container_upload", "file_id": "f"}, "messages.0.content.1: blocks of type 'container_upload'"),
            (
                image({"type": "file", "file_id": "f"}),
                "messages.0.content.1.source: images with a source of type 'file'",
            ),
            (
                document({"type": "file", "file_id": "f"}),
                "messages.0.content.1.source: documents with a source of type 'file'",
            ),
            (
                document({"type": "content", "content": [{"type": "audio"}]}),
                "messages.0.content.1.source.content.0: blocks of type 'audio'",
            ),
            (
                result("1", [text("a"), {"type": "browser_state"}]),
                "messages.0.content.1.content.1: blocks of type 'browser_state'",
            ),
        ],
    )
    def test_what_has_no_form_on_this_wire_is_named(self, block: Block, message: str) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            convert(user("a", block))

        assert caught.value.message == f"{message} cannot be sent to {DEEPSEEK}"


class TestToolResults:
    def test_a_string_stays_a_string(self) -> None:
        assert tool_content("1\talpha") == "1\talpha"

    @pytest.mark.parametrize("content", ["", []])
    def test_no_content_is_an_empty_string(self, content: Any) -> None:
        assert tool_content(content) == ""

    def test_absent_content_is_an_empty_string(self) -> None:
        block = {"type": "tool_result", "tool_use_id": "1"}
        sent = convert(user("go"), assistant(call("1")), user(block)).body["messages"]

        assert sent[2] == {"role": "tool", "tool_call_id": "1", "content": ""}

    def test_images_and_documents_stay_inside(self) -> None:
        assert tool_content([text("PDF read"), document(PDF), image(PNG)]) == [
            text("PDF read"),
            file_part("document.pdf", PDF_URL),
            PNG_PART,
        ]

    def test_references_to_tools_become_text(self) -> None:
        references = [{"type": "tool_reference", "tool_name": name} for name in ("WebFetch", "Grep")]

        assert tool_content(references) == [text("Tool loaded: WebFetch"), text("Tool loaded: Grep")]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("Exit code 3", f"{TOOL_ERROR} Exit code 3"),
            ([text("a")], f"{TOOL_ERROR} a"),
            ("", TOOL_ERROR),
            ([text("a"), text("b")], [text(TOOL_ERROR), text("a"), text("b")]),
            ([image(PNG)], [text(TOOL_ERROR), PNG_PART]),
        ],
    )
    def test_an_error_says_so_before_its_content(self, content: Any, expected: Any) -> None:
        assert tool_content(content, is_error=True) == expected

    def test_the_mark_of_an_error_is_noted(self) -> None:
        converted = convert(user("go"), assistant(call("1")), user(result("1", is_error=True)))

        assert notes(converted) == {("converted", "messages.2.content.0.is_error")}

    def test_is_error_false_changes_nothing(self) -> None:
        assert tool_content("fine", is_error=False) == "fine"

    def test_the_cache_marker_goes_to_the_last_part(self) -> None:
        assert tool_content("a", cache_control=EPHEMERAL) == [text("a", cache_control=EPHEMERAL)]
        assert tool_content([image(PNG), text("b")], cache_control=EPHEMERAL)[-1] == text("b", cache_control=EPHEMERAL)

    def test_a_marker_on_nothing_is_noted(self) -> None:
        block = result("1", "", cache_control=EPHEMERAL, toolset_name="computer")
        converted = convert(user("go"), assistant(call("1")), user(block))

        assert notes(converted) == {
            ("not_sent", "messages.2.content.0.cache_control"),
            ("not_sent", "messages.2.content.0.toolset_name"),
        }
