"""Lines of the spool: what goes in comes out, and nothing that a record can hold breaks the writer."""

from dataclasses import replace
from typing import Any, cast
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.orchestration.spool.entries import (
    CorruptLineError,
    Entry,
    decode,
    encode_dropped,
    encode_run,
)
from openrouter_anthropic_server.ports.run_records import Fact, RunRecord
from tests.spool.records import run_record

FACTS = cast(
    "st.SearchStrategy[Fact]",
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
)


def line_of(value: object) -> bytes:
    body = orjson.dumps(value)
    return b"%08x %b" % (crc32(body), body)


@pytest.mark.parametrize("kind", ["begun", "progress", "ended"])
@pytest.mark.parametrize("content", [None, {"request": "a\nb\0c", "answer": "ü"}])
def test_run_comes_back_as_it_was(kind: Any, content: dict[str, str] | None) -> None:
    record = run_record(1, content=content)

    line = encode_run(kind, record)

    assert decode(line[:-1]) == Entry(kind, record)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\0" not in line


def test_running_run_comes_back_as_it_was() -> None:
    record = RunRecord("req_1", 1.5)

    assert decode(encode_run("begun", record)[:-1]) == Entry("begun", record)


def test_names_of_dropped_runs_come_back() -> None:
    assert decode(encode_dropped(2, ["a", "\ud800"])[:-1]) == Entry("dropped", count=2, names=("a", "?"))


def test_dropped_count_comes_back() -> None:
    assert decode(encode_dropped(7)[:-1]) == Entry("dropped", count=7)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\ud800b", "a?b"),
        (2**64, "0x10000000000000000"),
        pytest.param(-(16**5000), f"-0x1{'0' * 5000}", id="more-digits-than-str-gives"),
        pytest.param({16**5000: 1}, {f"0x1{'0' * 5000}": 1}, id="such-a-key"),
        (2**64 - 1, 2**64 - 1),
        (float("nan"), None),
        (float("-inf"), None),
        (b"raw", "<bytes>"),
        ({3: {1, 2}}, {"3": "<set>"}),
        ([("x", "\udfff")], [["x", "?"]]),
    ],
)
def test_what_json_cannot_hold_is_replaced(value: Any, kept: object) -> None:
    record = replace(run_record(1), facts={"bad": value, "good": 1})

    run = decode(encode_run("ended", record)[:-1]).run

    assert run == replace(record, facts=cast("Any", {"bad": kept, "good": 1}))


def test_lone_surrogates_anywhere_are_replaced() -> None:
    bad = "\ud800"
    record = replace(run_record(1), name=bad, tags=[bad], facts={bad: bad}, content={bad: bad})

    run = decode(encode_run("ended", record)[:-1]).run

    assert run == replace(record, name="?", tags=["?"], facts={"?": "?"}, content={"?": "?"})


def test_endless_nesting_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    record = replace(run_record(1), facts=cast("Any", {"bad": endless}))

    run = decode(encode_run("ended", record)[:-1]).run

    assert run is not None
    assert "..." in str(run.facts["bad"])


@given(st.dictionaries(st.text(st.characters(exclude_categories=[])), FACTS))
def test_no_fact_breaks_the_line(facts: dict[str, Fact]) -> None:
    line = encode_run("ended", replace(run_record(1), facts=facts))

    assert decode(line[:-1]).kind == "ended"
    assert line.find(b"\n") == len(line) - 1
    assert b"\0" not in line


def test_fields_of_a_newer_version_are_left_out() -> None:
    value = orjson.loads(encode_run("ended", run_record(1))[9:])
    value["more"] = value["run"]["colour"] = "red"
    for row in (value["run"]["steps"][0], value["run"]["logs"][0]):
        row.append("red")

    assert decode(line_of(value)) == Entry("ended", run_record(1))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0" * 20,
        b"00000000 ",
        b"12345678 {}",
        encode_run("ended", run_record(1))[:-2],
        encode_run("ended", run_record(1))[1:-1],
        encode_dropped(1)[:-1].upper(),
        line_of([]),
        line_of(None),
        line_of({}),
        line_of({"kind": "ended"}),
        line_of({"kind": "finished", "run": orjson.loads(encode_run("ended", run_record(1))[9:])["run"]}),
        line_of({"kind": "ended", "run": {"name": "x"}}),
        line_of({"kind": "ended", "run": []}),
        line_of({"kind": "dropped"}),
        line_of({"kind": ["dropped"]}),
        b"%08x {" % crc32(b"{"),
    ],
)
def test_damaged_line_is_refused(line: bytes) -> None:
    with pytest.raises(CorruptLineError):
        decode(line)
