"""The sub-command `runs`: what the running server tells about recorded runs, for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openrouter_anthropic_server.command_line import fail, settings_or_exit
from openrouter_anthropic_server.settings import Settings, client_address

_TIMEOUT_SECONDS = 30.0
_WIDEST = 1_000
_COLUMNS = ("time", "request id", "model", "class", "state")
_NUMBERS = ("took", "first token", "in", "out", "cache read", "written", "cost")

runs = typer.Typer(no_args_is_help=True, help="Recorded runs.")


@runs.callback()
def _group() -> None:
    """Recorded runs."""


@runs.command()
def session(session_id: Annotated[str, typer.Argument(help="Id of the client session.", metavar="ID")]) -> None:
    """List the runs of one client session in order, with tokens and cost."""
    found = _ask(settings_or_exit(), "/runs", {"session": session_id})
    if not found["runs"]:
        print(f"No runs of session {session_id} are in Prefect (yet).")  # noqa: T201
        return
    print_whole(session_table(found["runs"], found["totals"]))
    if found["ui_url"]:
        print(f"In Prefect: {found['ui_url']}")  # noqa: T201


def print_whole(table: Table) -> None:
    """Print a table as wide as it has to be: a terminal breaks lines that are too long, but nothing is cut off."""
    width = Console(width=_WIDEST).measure(table).maximum
    Console(width=width).print(table)


def session_table(found: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> Table:
    """Runs as `GET /runs?session=` tells them, and their totals in the last row; no column is empty."""
    rows = [[*_labels(run), *_figures(run["facts"], run["duration_seconds"])] for run in found]
    count = "1 run" if totals["runs"] == 1 else f"{totals['runs']} runs"
    last = [Text("total"), Text(count), *[Text()] * (len(_COLUMNS) - 2)]
    last += _figures(totals, totals.get("duration_seconds"))
    table = Table(box=None, pad_edge=False, show_footer=True)
    filled = [index for index in range(len(last)) if any(row[index] for row in rows)]
    for index in filled:
        title = (*_COLUMNS, *_NUMBERS)[index]
        table.add_column(title, last[index], justify="left" if index < len(_COLUMNS) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(row[index] for index in filled))
    return table


def _labels(run: Mapping[str, Any]) -> list[Text]:
    facts = run["facts"]
    at = datetime.fromisoformat(run["started"]).astimezone()
    model = facts.get("model_used") or facts.get("model") or ""
    shown = (f"{at:%m-%d %H:%M:%S}", run["name"], model, facts.get("request_class", ""), run["state"])
    return [Text(str(value)) for value in shown]


def _figures(facts: Mapping[str, Any], seconds: float | None) -> list[Text]:
    first_token, cost = facts.get("first_token_ms"), facts.get("cost")
    shown = (
        "" if seconds is None else _duration(seconds),
        "" if first_token is None else _duration(first_token / 1000),
        *(
            _count(facts.get(f"{kind}_tokens"))
            for kind in ("input", "output", "cache_read_input", "cache_creation_input")
        ),
        "" if cost is None else f"${cost:,.4f}",
    )
    return [Text(value) for value in shown]


def _duration(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _ask(settings: Settings, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What the running server answers; ends the command where it answers nothing or an error."""
    import httpx  # noqa: PLC0415 - a seventh of a second that other commands need not wait for

    address = client_address(settings.server.host, settings.server.port)
    keys = settings.security.server_api_keys
    headers = {"x-api-key": keys[0].get_secret_value()} if keys else {}
    try:
        response = httpx.get(
            address + path, params=dict(query), headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False
        )
        answer = response.json()
    except httpx.ConnectError:
        fail(f"no server answers at {address}; start it with `openrouter-anthropic-server serve`, or set HOST and PORT")
    except (httpx.HTTPError, ValueError) as error:
        fail(f"what answers at {address} is not this server, or it is too slow: {type(error).__name__}")
    if response.status_code != httpx.codes.OK:
        fail(_message(answer, response.status_code))
    return dict(answer)


def _message(answer: Any, status: int) -> str:
    try:
        return str(answer["error"]["message"])
    except (KeyError, TypeError):
        return f"the server answers {status}"
