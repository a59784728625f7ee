"""What a reader does with the files of a writer, besides reading them."""

import errno
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from openrouter_anthropic_server.orchestration.spool.segments import segment_numbers, segment_path
from openrouter_anthropic_server.orchestration.spool.writer_directory import is_writer_name, writer_is_gone

_UNREADABLE = ".unreadable"
_ABANDONED_SECONDS = 60
# The process lacks something; the file is as good as ever.
_OWN_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def is_own_shortage(error: OSError) -> bool:
    """Whether an error says nothing about the file: there are too many open files, or too little memory."""
    return error.errno in _OWN_SHORTAGE


def is_begun(path: Path) -> bool:
    """Whether a segment is known to hold a line."""
    try:
        with path.open("rb", buffering=0) as file:
            return (file.read(1) or b"\0") != b"\0"
    except OSError:
        return False


def trim(path: Path, used: int) -> None:
    """Cut a segment that nobody writes to any more down to `used` bytes, or remove it; raises `OSError`.

    The file keeps its time of modification: it tells when the writer was last alive.
    """
    if not used:
        path.unlink(missing_ok=True)
        return
    times = path.stat()
    os.truncate(path, used)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def set_aside(path: Path) -> None:
    """Rename a segment that cannot be read, so that readers pass over it; raises `OSError`."""
    path.rename(path.with_name(path.name + _UNREADABLE))


def last_written(directory: Path) -> float | None:
    """When a segment was last written to, in seconds since the epoch; None without one. Raises `OSError`."""
    times = [segment_path(directory, number).stat().st_mtime for number in segment_numbers(directory)]
    return max(times, default=None)


def reserved_bytes(directory: Path) -> int:
    """The sizes of the segments that hold no line yet; 0 where that cannot be told."""
    total = 0
    with suppress(OSError):
        for path in [segment_path(directory, number) for number in segment_numbers(directory)[-2:]]:
            total += 0 if is_begun(path) else path.stat().st_size
    return total


def remove_writer(directory: Path) -> None:
    """Delete what a writer left behind, but what was set aside; raises `OSError`.

    A directory with anything set aside stays under another name, which no reader takes for a writer's.
    """
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for number in segment_numbers(directory):  # first: without its cursor a segment would be delivered again
        segment_path(directory, number).unlink(missing_ok=True)
    if not any(name.endswith(_UNREADABLE) for name in names):
        shutil.rmtree(directory)
        return
    directory.rename(directory.with_name(directory.name + _UNREADABLE))


def remove_abandoned(spool: Path, name: str) -> None:
    """Remove the directory `name` if its writer died while it set it up; it holds nothing then."""
    directory = spool / name
    if not name.startswith(".") or not is_writer_name(name[1:]):
        return
    with suppress(OSError):  # nothing depends on it
        if time.time() - directory.stat().st_mtime > _ABANDONED_SECONDS and writer_is_gone(directory):
            shutil.rmtree(directory)
