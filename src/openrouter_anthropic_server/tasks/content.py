"""What was asked and answered, kept with the run where the operator wants that, and only there."""

from openrouter_anthropic_server.observability.redaction import redact_keys
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run

MAX_KEPT_BYTES = 256 * 1024
"""Most that is kept of a request and of an answer."""

_LONGEST_KEY = 256  # bytes of which a key that the limit cuts in two is still seen whole


class KeptText:
    """Text in pieces, as it goes out: its beginning, and how long it was."""

    __slots__ = ("_kept", "_size")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._size = 0

    def add(self, data: bytes) -> None:
        """One more piece."""
        room = MAX_KEPT_BYTES + _LONGEST_KEY - len(self._kept)
        if room > 0:
            self._kept += data[:room]
        self._size += len(data)

    def text(self) -> str:
        """The beginning without keys, and a line that says what was cut off."""
        kept = redact_keys(bytes(self._kept))[:MAX_KEPT_BYTES].decode(errors="replace")
        cut = self._size - MAX_KEPT_BYTES
        return f"{kept}\n[{cut} more bytes are not kept]" if cut > 0 else kept


def keep(run: RecordedRun, name: str, data: bytes) -> None:
    """Keep `data` as the content called `name`, if this run keeps content."""
    if run.keeps_content:
        kept = KeptText()
        kept.add(data)
        run.content(name, kept.text())


def keep_answer(data: bytes) -> None:
    """Keep a whole answer with the current run, if that keeps content."""
    run = current_run()
    if run is not None:
        keep(run, "answer", data)


def begin_kept_answer() -> KeptText | None:
    """What collects a streamed answer; None if the current run keeps no content."""
    run = current_run()
    return KeptText() if run is not None and run.keeps_content else None


def end_kept_answer(kept: KeptText | None) -> None:
    """Keep what was collected, also of an answer that broke off."""
    run = current_run()
    if kept is not None and run is not None:
        run.content("answer", kept.text())
