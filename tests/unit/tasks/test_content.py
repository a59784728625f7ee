"""What is kept of requests and answers, where the operator wants that."""

from collections.abc import Iterator

import pytest

from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, open_run
from openrouter_anthropic_server.orchestration.spool.entries import encode_run
from openrouter_anthropic_server.ports.run_records import RunRecord
from openrouter_anthropic_server.tasks.content import (
    MAX_KEPT_BYTES,
    KeptText,
    begin_kept_answer,
    end_kept_answer,
    keep,
    keep_answer,
)


class NoSink:
    """Takes records and forgets them."""

    def begun(self, record: RunRecord) -> None:
        """Forget it."""

    def ended(self, record: RunRecord) -> None:
        """Forget it."""


@pytest.fixture(name="run")
def _run() -> Iterator[RecordedRun]:
    run = open_run("req_1", NoSink(), keep_content=True)
    yield run
    run.end()


def kept(*pieces: bytes) -> str:
    text = KeptText()
    for piece in pieces:
        text.add(piece)
    return text.text()


def test_text_in_pieces_is_kept_in_order() -> None:
    assert kept(b"event: a\n", b"\n", "é".encode()[:1], "é".encode()[1:]) == "event: a\n\né"


def test_keys_are_redacted_also_where_they_came_in_two_pieces() -> None:
    assert kept(b'{"key": "sk-or-v1-012', b'3456789abcdef"}') == '{"key": "[redacted]"}'


def test_what_is_too_long_is_cut_and_counted() -> None:
    text = kept(b"x" * MAX_KEPT_BYTES, b"y" * 10, b"z" * 5)

    assert text == "x" * MAX_KEPT_BYTES + "\n[15 more bytes are not kept]"


def test_what_just_fits_is_whole() -> None:
    assert kept(b"x" * MAX_KEPT_BYTES) == "x" * MAX_KEPT_BYTES


def test_a_key_that_the_limit_cuts_is_redacted() -> None:
    key = b"dapi" + b"0123456789abcdef" * 2

    text = kept(b" " * (MAX_KEPT_BYTES - 10) + key + b" and more")

    assert "dapi" not in text
    assert "[redacted" in text


def test_bytes_that_are_no_text_are_kept_readable() -> None:
    text = kept(b"a\xff\xfeb")

    assert (text[0], text[-1]) == ("a", "b")


def test_content_goes_into_the_record_and_can_be_written(run: RecordedRun) -> None:
    keep(run, "request", b'{"a": "\xed\xa0\x80"}')
    keep_answer(b"answer")

    assert run.record.content is not None
    assert list(run.record.content) == ["request", "answer"]
    assert b"answer" in encode_run("ended", run.record)


def test_a_streamed_answer_is_kept_as_far_as_it_came(run: RecordedRun) -> None:
    collected = begin_kept_answer()
    assert collected is not None
    collected.add(b"event: a\n\n")
    end_kept_answer(collected)

    assert run.record.content == {"answer": "event: a\n\n"}


def test_by_default_nothing_is_kept_anywhere() -> None:
    run = open_run("req_1", NoSink())

    keep(run, "request", b"canary")
    keep_answer(b"canary")
    assert begin_kept_answer() is None
    end_kept_answer(None)

    assert run.record.content is None
    run.end()
    assert b"canary" not in encode_run("ended", run.record)
