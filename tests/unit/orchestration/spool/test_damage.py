"""Whatever happens to the bytes of a segment, the reader delivers each line that is still whole, and no other."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.orchestration.spool.entries import encode_run
from openrouter_anthropic_server.orchestration.spool.reader import WriterSpool
from openrouter_anthropic_server.orchestration.spool.segments import segment_path
from openrouter_anthropic_server.orchestration.spool.writer_directory import WriterDirectory
from openrouter_anthropic_server.ports.run_records import RunRecord
from tests.spool.records import CapturedLog, ended_numbers, read_all

LINES = [encode_run("ended", RunRecord(f"req_{number}", 1.5, notes=["x"] * number)) for number in range(10)]

Damage = Callable[[bytes], bytes]


def overwrite(start: int, data: bytes) -> Damage:
    return lambda old: (old[:start] + data + old[start + len(data) :])[: len(old)]


def hole(start: int, length: int) -> Damage:
    return overwrite(start, bytes(length))


def cut(start: int, length: int) -> Damage:
    return lambda old: old[:start] + old[start + length :]


def flip(start: int, bit: int) -> Damage:
    return lambda old: old[:start] + bytes([byte ^ 1 << bit for byte in old[start : start + 1]]) + old[start + 1 :]


def line_feed_lost(count: int) -> Damage:
    return overwrite(sum(map(len, LINES[:count])) - 1, b"x")


PLACES = st.integers(0, sum(map(len, LINES)) - 1)
LENGTHS = st.integers(1, 40) | st.integers(1, 1_500)
DAMAGES = st.one_of(
    st.builds(hole, PLACES, LENGTHS),
    st.builds(cut, PLACES, LENGTHS),
    st.builds(overwrite, PLACES, st.binary(min_size=1, max_size=60)),
    st.builds(flip, PLACES, st.integers(0, 7)),
    st.builds(line_feed_lost, st.integers(1, len(LINES))),
)


def damaged_segments(breaks: list[int], damages: list[Damage], trimmed: bool) -> list[bytes]:
    """The lines in several segments, with the damage done to each of these."""
    segments = []
    first = 0
    for last in [*sorted(breaks), len(LINES)]:
        data = b"".join(LINES[first:last])
        for damage in damages:
            data = damage(data)
        segments.append(data.rstrip(b"\0") if trimmed else data + bytes(100))
        first = last
    return segments


@given(
    st.lists(st.integers(0, len(LINES)), max_size=2),
    st.lists(DAMAGES, max_size=6),
    st.integers(1, 5),
    st.booleans(),
)
def test_every_whole_line_is_delivered_and_nothing_else(
    breaks: list[int], damages: list[Damage], limit: int, trimmed: bool
) -> None:
    segments = damaged_segments(breaks, damages, trimmed)
    whole = [number for number, line in enumerate(LINES) if any(line in data for data in segments)]
    with tempfile.TemporaryDirectory() as folder:
        writer = WriterDirectory(Path(folder), 0)
        for number, data in enumerate(segments, 1):
            segment_path(writer.path, number).write_bytes(data)
        log = CapturedLog()
        spool = WriterSpool(writer.path, log.logger)
        delivered = spool.read(limit)  # the writer still lives
        assert not spool.finished()
        writer.release()
        delivered += read_all(spool)

        assert ended_numbers(delivered) == whole
        assert spool.finished()
        assert (spool.corrupt > 0) == ("spool_lines_corrupt" in log.events())
        corrupt = spool.corrupt
        spool.rewind()
        assert ended_numbers(read_all(spool)) == whole
        assert spool.corrupt == corrupt


@given(st.binary(max_size=3_000) | st.text("\n\0{}0a", max_size=500).map(str.encode))
def test_garbage_delivers_nothing_and_ends(garbage: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = WriterDirectory(Path(folder), 0)
        segment_path(writer.path, 1).write_bytes(garbage)
        segment_path(writer.path, 2).write_bytes(LINES[0])
        spool = WriterSpool(writer.path, CapturedLog().logger)

        assert ended_numbers(read_all(spool)) == [0]
        writer.release()
        assert read_all(spool) == []
        assert spool.finished()
