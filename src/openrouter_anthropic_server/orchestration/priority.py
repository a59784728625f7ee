"""Lets a process give way to others that want the same CPU."""

import os
from pathlib import Path

_LOWEST = 19


def lower_process(pid: int, niceness: int) -> None:
    """Our own priority less `niceness`; right after its start, so that all its threads inherit it."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, pid, min(own + niceness, _LOWEST))
    except OSError:
        return  # it has gone already


def lower_session(pid: int, niceness: int) -> bool:
    """The same for its session: where Linux shares out time by sessions ("autogroup"), nothing else counts.

    False: try again in a moment, Linux takes only ten such wishes a second.
    """
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
    except BlockingIOError:
        return False
    except OSError:
        return True  # no Linux, no such thing, or no such process
    return True
