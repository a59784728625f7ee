"""The command line: `serve` runs the server, `recorder` its recorder, `claude` starts Claude Code against it."""

import gc
import os
import shutil
from contextlib import suppress
from typing import Annotated, Any

import typer

from openrouter_anthropic_server import __version__, run_commands
from openrouter_anthropic_server.command_line import fail, settings_or_exit
from openrouter_anthropic_server.settings import SettingError, Settings, client_address

_LIMITS_SECONDS = 3.0
_ASKED_FOR_TOKENS = 32_000  # by Claude Code, of a model that it does not know
_FORWARD_ALL = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
cli.add_typer(run_commands.runs, name="runs")


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one (PORT).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Server processes.")] = 1,
    backend: Annotated[str | None, typer.Option(help="OPENROUTER, ANTHROPIC or DEMO (PROXY_BACKEND).")] = None,
) -> None:
    """Run the server."""
    settings = settings_or_exit(host=host, port=port, proxy_backend=backend.upper() if backend else None)
    # Imported here: the web stack and Prefect take a second that other commands need not wait for. Collecting
    # what the imports leave behind would add a tenth to it; the application turns the collector on again.
    gc.disable()
    from openrouter_anthropic_server.serving import serve as serve_until_stopped  # noqa: PLC0415

    try:
        raise typer.Exit(serve_until_stopped(settings, workers=workers))
    except SettingError as error:
        fail(str(error))


@cli.command()
def recorder(
    drain: Annotated[bool, typer.Option("--drain", help="Deliver what waits there now, and exit.")] = False,
    child: Annotated[bool, typer.Option("--child", hidden=True, help="End with the standard input.")] = False,
) -> None:
    """Bring recorded runs into Prefect; `serve` starts a recorder of its own."""
    settings = settings_or_exit(warn=not child)
    # Imported here for the other commands' sake; the web stack and Prefect (80 MB) are not among it.
    from openrouter_anthropic_server.orchestration.recorder.process import RecorderOptions  # noqa: PLC0415
    from openrouter_anthropic_server.orchestration.recorder_command import deliver  # noqa: PLC0415

    prefect = settings.prefect
    options = RecorderOptions(
        spool_directory=settings.recording.spool_path.absolute(),
        api_url=prefect.api_url,
        ui_url=prefect.ui_address,
        prefect_directory=settings.recording.prefect_path,
        headers=prefect.headers,
        lifeline=child,
        drain=drain,
    )
    raise typer.Exit(deliver(options, log_level=settings.log.level, log_format=settings.log.format))


@cli.command(context_settings=_FORWARD_ALL)
def claude(context: typer.Context) -> None:
    """Start Claude Code against the running server; arguments are passed on."""
    settings = settings_or_exit()
    executable = shutil.which("claude")
    if executable is None:
        fail("claude: not found; install it with npm install -g @anthropic-ai/claude-code")
    own = os.environ  # noqa: TID251 - the child inherits the user's own
    environment = {**model_limits(settings), **own, **claude_environment(settings)}
    environment.pop("ANTHROPIC_API_KEY", None)  # with both set the client would send both
    os.execve(executable, ["claude", *context.args], environment)


def claude_environment(settings: Settings) -> dict[str, str]:
    """What Claude Code needs in its environment to use this server."""
    keys = settings.security.server_api_keys
    return {
        "ANTHROPIC_BASE_URL": client_address(settings.server.host, settings.server.port),
        "ANTHROPIC_AUTH_TOKEN": keys[0].get_secret_value() if keys else "any",
        "ANTHROPIC_MODEL": "big",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "small",
    }


def model_limits(settings: Settings) -> dict[str, str]:
    """What Claude Code cannot know of `big`: the window, and the longest answer where that is under what it asks for.

    The running server tells; without one Claude Code has its own guesses, and says itself that nobody answers.
    """
    import httpx  # noqa: PLC0415 - a seventh of a second that other commands need not wait for

    address, known = claude_environment(settings), dict[str, Any]()
    headers = {"authorization": f"Bearer {address['ANTHROPIC_AUTH_TOKEN']}"}
    url = f"{address['ANTHROPIC_BASE_URL']}/v1/models/big"
    with suppress(httpx.HTTPError, ValueError):
        known = httpx.get(url, headers=headers, timeout=_LIMITS_SECONDS, trust_env=False).json()
    window, longest = known.get("max_input_tokens"), known.get("max_tokens")
    limits = {"CLAUDE_CODE_MAX_CONTEXT_TOKENS": str(window)} if window else {}
    if longest and longest < _ASKED_FOR_TOKENS:
        limits["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(longest)
    return limits


@cli.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """The Messages API of Anthropic with the models of OpenRouter."""
    if show:
        print(__version__)  # noqa: T201
        raise typer.Exit


def main() -> None:
    """The console script."""
    cli()
