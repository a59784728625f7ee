"""What a record says of an error: kind and fingerprint, never its text."""

import asyncio

from openrouter_anthropic_server.observability.fingerprints import fingerprint
from openrouter_anthropic_server.ports.run_records import Failure, LogLine, RunRecord


def failure_of(error: BaseException) -> Failure:
    """The kind and fingerprint of an error."""
    return Failure(type(error).__name__, fingerprint(error))


def shown(failure: Failure) -> str:
    """A failure as a log line shows it."""
    return f"{failure.kind} {failure.fingerprint}"


def is_cancellation(error: BaseException) -> bool:
    """Whether a body that this error ended was stopped from outside, rather than failed."""
    return isinstance(error, asyncio.CancelledError | GeneratorExit)


def last_line(record: RunRecord, ended: float, *, within: bool) -> LogLine:
    """The last line in the log of a run that did not complete; `within` another one."""
    seconds = f"{ended - record.started:.3f} s"
    if record.failure is not None:
        return LogLine(ended, "ERROR", f"Failed after {seconds}: {shown(record.failure)}")
    why = "the run that called it did not wait for it" if within else "the client left"
    return LogLine(ended, "WARNING", f"Cancelled after {seconds}: {why}")
