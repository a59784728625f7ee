"""Segments: the files of a spool, reserved on disk first and then filled through shared memory.

A segment is all NULs when it is new. Lines follow one another from its start, and a NUL where a line would
start means that nothing was written there yet. Numbers grow by the order of writing.
"""

import errno
import mmap
import os
import re
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"(\d{8,})\.segment")
_LARGEST_BYTES = 4 << 20
_SMALLEST_BYTES = 64 << 10
_SEGMENTS_OF_A_SPOOL = 16
_PRIVATE = 0o600
_CANNOT_RESERVE = frozenset({errno.EINVAL, errno.ENODEV, errno.ENOSYS, errno.EOPNOTSUPP})


def segment_path(directory: Path, number: int) -> Path:
    """The file of segment `number`."""
    return directory / f"{number:08d}.segment"


def segment_numbers(directory: Path) -> list[int]:
    """The numbers of the segments in `directory`, in order; raises `OSError`."""
    matches = (_NAME.fullmatch(name) for name in os.listdir(directory))
    return sorted(int(match[1]) for match in matches if match)


def segment_bytes(max_bytes: int) -> int:
    """How large the segments of a spool of at most `max_bytes` are: a small spool has small ones."""
    share = max_bytes // _SEGMENTS_OF_A_SPOOL
    return min(_LARGEST_BYTES, max(_SMALLEST_BYTES, whole_pages(share)))


def whole_pages(size: int) -> int:
    """`size` rounded up to what a file system gives out anyway, in bytes."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def spool_bytes(directory: Path) -> int:
    """The sum of the sizes of all files of a spool; 0 where there is none."""
    total = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            with suppress(OSError):  # another process may remove files at any time
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


class Segment:
    """A reserved segment that lines are appended to, without a system call. Not for several threads at once."""

    __slots__ = ("_memory", "_path", "size", "used")

    def __init__(self, path: Path, size: int) -> None:
        """Reserve `size` bytes on disk for the file `path`; raises `OSError` and leaves no file then."""
        self._path = path
        self.size = size
        self.used = 0
        try:
            self._memory = _mapped(path, size)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise

    def append(self, line: bytes) -> bool:
        """Append `line`; False if it does not fit.

        Its first byte comes last: until then a reader finds a NUL, and a process killed in the middle leaves
        no half of a line that could be taken for one.
        """
        start, end = self.used, self.used + len(line)
        if end > self.size:
            return False
        self._memory[start + 1 : end] = line[1:]
        self._memory[start] = line[0]
        self.used = end
        return True

    def close(self) -> None:
        """Cut the file down to what was written; without a line it is removed."""
        self._memory.close()
        with suppress(OSError):  # the recorder may have removed it: everything in it was delivered
            if self.used:
                os.truncate(self._path, self.used)
            else:
                self._path.unlink()


def _mapped(path: Path, size: int) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    try:
        _reserve(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size: int) -> None:
    """Have the file's blocks given out: a write to memory that finds no room on disk would kill the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
    # Blocks that were never written make the first write to each page wait for the file system, up to
    # milliseconds: so write them here, in the keeper's time. As few calls as can be: after each one this thread
    # waits its turn behind a busy event loop.
    start = 0
    while start < size:
        start += os.pwrite(descriptor, bytes(size - start), start)
