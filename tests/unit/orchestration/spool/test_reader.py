"""Reading a spool: positions, acknowledgements, and files that are not as they should be."""

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pytest

from openrouter_anthropic_server.orchestration.spool import writer_spool
from openrouter_anthropic_server.orchestration.spool.entries import encode_dropped, encode_run
from openrouter_anthropic_server.orchestration.spool.reader import Spool, WriterSpool
from openrouter_anthropic_server.orchestration.spool.segments import segment_path
from openrouter_anthropic_server.orchestration.spool.writer_directory import WriterDirectory
from tests.spool.records import CapturedLog, dropped_counts, ended_numbers, read_all, run_record

NULS = bytes(200)


def lines(numbers: Iterable[int]) -> bytes:
    return b"".join(encode_run("ended", run_record(number)) for number in numbers)


class LivingWriter:
    """A writer's directory with its lock held; segments are written by the test."""

    def __init__(self, spool: Path, log: CapturedLog) -> None:
        self._directory = WriterDirectory(spool, 0)
        self._log = log
        self.path = self._directory.path
        self.lives = True

    def segment(self, number: int) -> Path:
        return segment_path(self.path, number)

    def dies(self) -> None:
        self.lives = False
        self._directory.release()

    def spool(self) -> WriterSpool:
        return WriterSpool(self.path, self._log.logger)


@pytest.fixture(name="writer")
def _writer(directory: Path, log: CapturedLog) -> Iterator[LivingWriter]:
    writer = LivingWriter(directory, log)
    yield writer
    if writer.lives:
        writer.dies()


def test_reading_goes_on_where_it_stopped(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(5)) + NULS)
    spool = writer.spool()

    assert ended_numbers(spool.read(2)) == [0, 1]
    assert ended_numbers(spool.read(2)) == [2, 3]
    assert ended_numbers(spool.read(2)) == [4]
    assert spool.read() == []

    writer.segment(1).write_bytes(lines(range(7)) + NULS)
    assert ended_numbers(spool.read()) == [5, 6]


def test_reading_stops_at_max_bytes_but_gives_one_entry_at_least(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(4)))
    spool = writer.spool()
    length = len(lines([0]))

    assert ended_numbers(spool.read(max_bytes=1)) == [0]
    assert ended_numbers(spool.read(max_bytes=length + 100)) == [1, 2]


def test_positions_are_ordered_and_lead_to_the_next_entry(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(2)))
    writer.segment(3).write_bytes(lines(range(2, 4)))
    entries = writer.spool().read()
    ends = [entry.end for entry in entries]

    assert ends == sorted(ends)
    assert [end.segment for end in ends] == [1, 1, 3, 3]
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        spool = writer.spool()
        spool.acknowledge(entry.end, None)
        assert writer.spool().read(1) == ([following] if following else [])


def test_rewind_reads_again_what_is_not_acknowledged(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(4)))
    spool = writer.spool()
    entries = spool.read()
    spool.acknowledge(entries[1].end, None)
    spool.rewind()

    assert ended_numbers(spool.read()) == [2, 3]


def test_saved_value_comes_back_after_a_restart(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(2)))
    spool = writer.spool()
    assert spool.saved is None
    entries = spool.read()
    spool.acknowledge(entries[0].end, {"open": ["req_1"]})

    again = writer.spool()

    assert spool.saved == again.saved == {"open": ["req_1"]}
    assert ended_numbers(again.read()) == [1]


def test_acknowledging_removes_the_segments_before_the_position_only(writer: LivingWriter) -> None:
    for number in (1, 2, 3):
        writer.segment(number).write_bytes(lines([number]))
    writer.segment(4).write_bytes(NULS)
    spool = writer.spool()
    entries = spool.read()

    spool.acknowledge(entries[1].end, None)
    assert sorted(path.name for path in writer.path.iterdir()) == [
        "00000002.segment",
        "00000003.segment",
        "00000004.segment",
        "cursor.json",
        "lock",
    ]
    spool.acknowledge(entries[2].end, None)
    assert writer.segment(3).exists()  # its writer may not be done with it


def test_living_writers_prepared_segment_does_not_end_the_one_in_use(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines([0]) + NULS)
    writer.segment(2).write_bytes(NULS)
    spool = writer.spool()
    assert ended_numbers(spool.read()) == [0]

    with writer.segment(1).open("r+b") as file:
        file.seek(len(lines([0])))
        file.write(lines([1]))
    assert ended_numbers(spool.read()) == [1]

    writer.segment(2).write_bytes(lines([2]) + NULS)
    assert ended_numbers(spool.read()) == [2]


@pytest.mark.parametrize(
    "half",
    [
        lambda line: line[: len(line) // 2] + NULS,
        lambda line: line[: len(line) // 2],
        lambda line: line[:20] + bytes(len(line) - 40) + line[-20:] + NULS,
        lambda line: b"\0" + line[1:] + NULS,
    ],
    ids=["begun", "begun-at-the-end-of-the-file", "both-ends", "all-but-the-first-byte"],
)
def test_line_that_is_being_copied_is_looked_at_again(writer: LivingWriter, log: CapturedLog, half: object) -> None:
    assert callable(half)
    line = lines([1])
    writer.segment(1).write_bytes(lines([0]) + half(line))
    spool = writer.spool()
    assert ended_numbers(spool.read()) == [0]
    assert spool.read() == []

    writer.segment(1).write_bytes(lines([0]) + line + NULS)

    assert ended_numbers(spool.read()) == [1]
    assert spool.corrupt == 0
    assert log.entries == []


@pytest.mark.parametrize("gone", [True, False], ids=["writer-gone", "later-segment-begun"])
def test_half_a_line_at_the_end_is_passed_over_and_counted(writer: LivingWriter, log: CapturedLog, gone: bool) -> None:
    writer.segment(1).write_bytes(lines([0]) + lines([1])[:-9] + NULS)
    spool = writer.spool()
    assert ended_numbers(spool.read()) == [0]
    if gone:
        writer.dies()
    else:
        writer.segment(2).write_bytes(lines([2]))

    assert ended_numbers(spool.read()) == ([] if gone else [2])
    assert spool.corrupt == 1
    assert spool.finished() == gone
    assert log.entries[0]["file"] == str(writer.segment(1))
    assert log.entries[0]["offset"] == len(lines([0]))


def test_line_of_a_dead_writer_that_lacks_its_first_byte_counts_once(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines([0]) + b"\0" + lines([1])[1:] + NULS)
    writer.dies()
    spool = writer.spool()

    assert ended_numbers(read_all(spool)) == [0]
    assert spool.corrupt == 1


def test_damaged_line_in_the_middle_is_passed_over_while_the_writer_lives(
    writer: LivingWriter, log: CapturedLog
) -> None:
    writer.segment(1).write_bytes(lines([0]) + b"garbage\n" + b"more\n" + lines([1]) + NULS)
    spool = writer.spool()

    assert ended_numbers(spool.read()) == [0, 1]
    assert spool.corrupt == 2
    assert log.entries == [
        {
            "event": "spool_lines_corrupt",
            "file": str(writer.segment(1)),
            "offset": len(lines([0])),
            "bytes": 13,
            "lines": 2,
            "log_level": "error",
        }
    ]


def test_hole_of_nuls_does_not_stop_delivery(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines([0]) + bytes(200_000) + lines([1, 2]) + NULS)
    spool = writer.spool()
    assert ended_numbers(spool.read()) == [0]
    writer.dies()

    assert ended_numbers(spool.read()) == [1, 2]


@pytest.mark.parametrize("size", [50_000, 65_500, 66_000, 300_000])
def test_lines_of_any_length_are_read(writer: LivingWriter, size: int) -> None:
    long = [encode_run("ended", run_record(number, content={"answer": "x" * size})) for number in range(6)]
    damaged = long[3][:-500] + b"x" * 499 + b"\n"
    writer.segment(1).write_bytes(b"".join([*long[:3], damaged, *long[4:]]) + NULS)
    spool = writer.spool()

    assert ended_numbers(read_all(spool)) == [0, 1, 2, 4, 5]
    assert spool.corrupt == 1


def test_garbage_and_truncated_segments_do_not_stop_delivery(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(bytes(range(256)) * 4_000)
    writer.segment(2).write_bytes(lines(range(3))[:-10])
    writer.segment(3).write_bytes(b"")
    writer.segment(4).write_bytes(lines([7]))
    writer.dies()

    assert ended_numbers(read_all(writer.spool())) == [0, 1, 7]


def test_segment_cut_below_the_cursor_does_not_stop_delivery(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(3)))
    spool = writer.spool()
    spool.acknowledge(spool.read()[-1].end, None)
    writer.segment(1).write_bytes(lines([0]))
    writer.segment(2).write_bytes(lines([5]))

    assert ended_numbers(writer.spool().read()) == [5]


def test_unreadable_segment_is_tried_again_and_at_last_set_aside(
    writer: LivingWriter, log: CapturedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.segment(1).mkdir()  # permissions do not bind root
    writer.segment(2).write_bytes(lines([0]))
    writer.dies()
    spool = writer.spool()
    assert [spool.read(), spool.read()] == [[], []]
    assert log.events() == ["spool_unreadable"]
    assert not spool.finished()
    spool.remove()
    assert writer.segment(2).exists()

    monkeypatch.setattr(writer_spool, "_SET_ASIDE_SECONDS", 0)
    assert spool.read() == []
    assert ended_numbers(spool.read()) == [0]
    assert spool.finished()
    assert spool.corrupt == 1
    assert log.events() == ["spool_unreadable", "spool_segment_set_aside", "spool_readable_again"]
    spool.remove()
    kept = writer.path.with_name(f"{writer.path.name}.unreadable")
    assert (kept / "00000001.segment.unreadable").exists()
    assert not writer.path.exists()


@pytest.mark.parametrize("call", ["open", "listdir"])
def test_a_shortage_of_files_loses_nothing(writer: LivingWriter, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    writer.segment(1).write_bytes(lines([0, 1]))
    writer.dies()
    spool = writer.spool()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        assert spool.read() == []
        assert not spool.finished()

    assert ended_numbers(spool.read()) == [0, 1]
    assert spool.finished()


def test_what_a_killed_writer_had_reserved_is_given_back(writer: LivingWriter) -> None:
    data = lines([0, 1])
    writer.segment(1).write_bytes(data + NULS)
    writer.segment(2).write_bytes(NULS)
    os.utime(writer.segment(1), (1e9, 1e9))
    os.utime(writer.segment(2), (1, 1))
    writer.dies()
    spool = writer.spool()

    assert ended_numbers(read_all(spool)) == [0, 1]
    assert writer.segment(1).read_bytes() == data
    assert not writer.segment(2).exists()
    assert spool.last_written == writer.segment(1).stat().st_mtime == 1e9


def test_vanished_segments_and_directories_are_passed_over(writer: LivingWriter, directory: Path) -> None:
    writer.segment(1).write_bytes(lines([0]))
    spool = Spool(directory)
    [found] = spool.writers()
    assert ended_numbers(found.read()) == [0]
    writer.segment(1).unlink()
    writer.segment(4).write_bytes(lines([1]))
    assert ended_numbers(found.read()) == [1]

    for path in writer.path.iterdir():
        path.unlink()
    writer.path.rmdir()

    assert found.read() == []
    assert found.finished()
    found.remove()
    assert spool.writers() == []


@pytest.mark.parametrize(
    "cursor",
    [
        b"",
        b"{",
        b"[]",
        b"\0" * 40,
        b'{"segment": "1", "offset": 0}',
        b'{"segment": 2}',
        b'{"segment": 2, "offset": -1}',
        b'{"segment": 9, "offset": 0}',
    ],
)
def test_corrupt_cursor_means_the_oldest_segment(writer: LivingWriter, log: CapturedLog, cursor: bytes) -> None:
    writer.segment(2).write_bytes(lines([2]))
    writer.segment(3).write_bytes(lines([3]))
    (writer.path / "cursor.json").write_bytes(cursor)

    assert ended_numbers(writer.spool().read()) == [2, 3]
    assert log.events() == ["spool_cursor_corrupt"]


def test_cursor_that_cannot_be_written_is_remembered_all_the_same(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(2)))
    writer.segment(2).write_bytes(lines([2]))
    spool = writer.spool()
    entries = spool.read()
    obstacle = writer.path / "cursor.tmp"
    obstacle.mkdir()

    with pytest.raises(OSError, match="cursor.tmp"):
        spool.acknowledge(entries[2].end, [1])
    spool.rewind()
    assert spool.read() == []
    assert spool.saved == [1]
    assert writer.segment(1).exists()

    obstacle.rmdir()
    spool.acknowledge(entries[2].end, [2])
    assert not writer.segment(1).exists()
    assert orjson.loads((writer.path / "cursor.json").read_bytes())["saved"] == [2]


def test_spool_is_finished_when_its_writer_is_gone_and_all_is_read(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines(range(3)) + NULS)
    spool = writer.spool()
    assert len(spool.read()) == 3
    assert not spool.finished()
    writer.segment(1).write_bytes(lines(range(5)) + NULS)  # its last words
    writer.dies()
    assert not spool.finished()

    assert ended_numbers(spool.read(1)) == [3]
    assert not spool.finished()
    assert ended_numbers(spool.read()) == [4]
    assert spool.finished()
    spool.rewind()
    assert not spool.finished()
    spool.remove()
    assert writer.path.exists(), "only a finished spool is removed"
    read_all(spool)
    spool.remove()
    assert not writer.path.exists()


def test_dropped_count_is_delivered(writer: LivingWriter) -> None:
    writer.segment(1).write_bytes(lines([0]) + encode_dropped(3) + lines([1]))

    assert dropped_counts(writer.spool().read()) == [3]


def test_missing_spool_is_empty(directory: Path) -> None:
    spool = Spool(directory)

    assert spool.writers() == []
    assert spool.size() == 0


def test_file_in_place_of_the_spool_is_logged_once(directory: Path, log: CapturedLog) -> None:
    directory.write_bytes(b"")
    spool = Spool(directory, logger=log.logger)

    assert spool.writers() == spool.writers() == []
    assert log.events() == ["spool_unreadable"]


def test_writers_are_found_by_age_and_stay_the_same_objects(directory: Path) -> None:
    second = WriterDirectory(directory, 2_000_000_000)
    first = WriterDirectory(directory, 1_999_999_999.5)
    spool = Spool(directory)

    names = [first.path.name, second.path.name]
    found = spool.writers()
    assert [writer.name for writer in found] == names
    third = WriterDirectory(directory, 2_000_000_001)
    assert [writer.name for writer in spool.writers()] == [*names, third.path.name]
    assert spool.writers()[:2] == found
    for writer in (first, second, third):
        writer.release()


def test_foreign_things_in_the_spool_are_left_alone(writer: LivingWriter, directory: Path, log: CapturedLog) -> None:
    writer.segment(1).write_bytes(lines([0]))
    (directory / "recorder.json").write_bytes(b"{}")
    (directory / "lost+found").mkdir()
    (directory / f".{writer.path.name}").mkdir()
    (directory / "20260101T000000.000000Z-1-ffff").write_bytes(b"a file with the name of a writer")
    for name in ("1.segment", "00000002.segment~", "notes.txt", "000000x1.segment"):
        (writer.path / name).write_bytes(b"garbage\n")
    spool = Spool(directory, logger=log.logger)

    assert [ended_numbers(read_all(found)) for found in spool.writers()] == [[0]]
    assert log.entries == []
    assert spool.size() == sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
