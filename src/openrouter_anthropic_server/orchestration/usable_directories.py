"""Whether the directories that recording needs can be used."""

import errno
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

_PRIVATE = 0o700
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Troubles of a disk that end some day; the spool waits for that."""


def directory_problem(needed: Mapping[Path, str]) -> str | None:
    """Why one of them cannot be used, in one line that names its setting; None if all can.

    `needed` holds the name of the setting by directory. Directories that are missing are made.
    """
    for path, setting in needed.items():
        try:
            path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            with TemporaryFile(dir=path):
                continue
        except OSError as error:
            if error.errno in _PASSING:
                continue
            return f"{setting} cannot be used, {path}: {error.strerror}"
    return None
