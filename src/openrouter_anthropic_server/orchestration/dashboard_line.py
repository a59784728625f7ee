"""Tells people on standard output where the dashboard is."""

import sys
from pathlib import Path

from openrouter_anthropic_server.orchestration.server_address import read_address


def dashboard_line(ui_url: str, remark: str = "") -> str:
    """The line that names the dashboard, in the style of the other lines of the start."""
    return f"Dashboard:      {ui_url}   {remark}".rstrip()


def say(*lines: str) -> None:
    """Print lines for the person who started the server."""
    try:
        print("\n".join(lines), file=sys.stdout, flush=True)  # noqa: T201
    except OSError:
        return  # nobody reads standard output


class DashboardAnnouncement:
    """Says once where the embedded Prefect server of `directory` listens, and again whenever that changes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._told = ""

    def look(self, own_pid: int | None) -> None:
        """Look whether there is something to say; `own_pid` is a server that we have just started, if it is ours."""
        address = read_address(self._directory)
        if address is None or address.ui_url == self._told:
            return
        self._told = address.ui_url
        say(dashboard_line(address.ui_url, "(starting)" if address.pid == own_pid else ""))
