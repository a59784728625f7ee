"""A process that writes numbered runs into a spool and prints each number once the run is safe on disk.

`python -m tests.spool.writing_process DIRECTORY MAX_BYTES COUNT CONTENT_BYTES`: ends by itself after COUNT runs,
closing its spool; a COUNT of 0 goes on until it is killed.
"""

import itertools
import os
import sys
import time
from pathlib import Path

from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.ports.run_records import RunRecord
from tests.spool.records import CapturedLog, run_record


def main(directory: str, max_bytes: int, count: int, content_bytes: int) -> None:
    """Write, print, and close at the end."""
    writer = SpoolWriter(Path(directory), max_bytes=max_bytes, logger=CapturedLog().logger)
    content = {"answer": "x" * content_bytes} if content_bytes else None
    for number in range(count) if count else itertools.count():
        record = run_record(number, content=content)
        writer.begun(RunRecord(record.name, record.started))
        writer.ended(record)
        while writer.congested:
            time.sleep(0.001)
        os.write(1, b"%d\n" % number)
        time.sleep(0.0002)
    writer.close()
    assert writer.dropped == 0


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
