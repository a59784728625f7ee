from typing import Any

import pytest
from anthropic.types import CitationsWebSearchResultLocation

from openrouter_anthropic_server.conversion.citations import citation_from_annotation, source_line

SOURCE = {"url": "https://a.example/x", "title": "A", "content": "words", "start_index": 3, "end_index": 9}


@pytest.mark.parametrize(
    "annotation",
    [{"type": "url_citation", "url_citation": SOURCE}, {"type": "url_citation"} | SOURCE],
    ids=["nested", "flat"],
)
def test_a_url_citation_is_a_web_search_result_location(annotation: dict[str, Any]) -> None:
    citation = citation_from_annotation(annotation)

    assert citation == {
        "type": "web_search_result_location",
        "cited_text": "words",
        "url": "https://a.example/x",
        "title": "A",
        "encrypted_index": "",
    }
    CitationsWebSearchResultLocation.model_validate(citation, strict=True)


def test_missing_words_and_title_are_taken() -> None:
    citation = citation_from_annotation({"type": "url_citation", "url_citation": {"url": "u", "content": None}})

    assert citation is not None
    assert (citation["cited_text"], citation["title"]) == ("", None)
    assert source_line(citation) == "[u](u)"


@pytest.mark.parametrize(
    "annotation",
    [{}, {"type": "file", "file": {}}, {"type": "url_citation"}, {"type": "url_citation", "url_citation": {"url": ""}}],
)
def test_anything_else_is_no_citation(annotation: dict[str, Any]) -> None:
    assert citation_from_annotation(annotation) is None


def test_a_source_is_written_as_a_link() -> None:
    assert source_line({"url": "https://a.example", "title": "A"}) == "[A](https://a.example)"
