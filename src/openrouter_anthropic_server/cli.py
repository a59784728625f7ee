"""The command line: `serve` runs the server, `claude` starts Claude Code against it."""

import gc
import logging
import os
import shutil
import sys
from typing import Annotated, Any, NoReturn

import typer

from openrouter_anthropic_server import __version__
from openrouter_anthropic_server.settings import SettingError, Settings, client_address, load_settings, unknown_names

_FORWARD_ALL = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

cli = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one (PORT).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Server processes.")] = 1,
    backend: Annotated[str | None, typer.Option(help="OPENROUTER, ANTHROPIC or DEMO (PROXY_BACKEND).")] = None,
) -> None:
    """Run the server."""
    settings = _settings_or_exit(host=host, port=port, proxy_backend=backend.upper() if backend else None)
    # Imported here: the web stack and Prefect take a second that other commands need not wait for. Collecting
    # what the imports leave behind would add a tenth to it; the application turns the collector on again.
    gc.disable()
    from openrouter_anthropic_server.serving import serve as serve_until_stopped  # noqa: PLC0415

    raise typer.Exit(serve_until_stopped(settings, workers=workers))


@cli.command(context_settings=_FORWARD_ALL)
def claude(context: typer.Context) -> None:
    """Start Claude Code against the running server; arguments are passed on."""
    settings = _settings_or_exit()
    executable = shutil.which("claude")
    if executable is None:
        _fail("claude: not found; install it with npm install -g @anthropic-ai/claude-code")
    environment = {**os.environ, **claude_environment(settings)}  # noqa: TID251 - the child inherits the user's own
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


@cli.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """The Messages API of Anthropic with the models of OpenRouter."""
    if show:
        print(__version__)  # noqa: T201
        raise typer.Exit


def main() -> None:
    """The console script."""
    cli()


def _settings_or_exit(**overrides: Any) -> Settings:
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it would repeat each bad line of .env many times
    try:
        settings = load_settings(**overrides)
    except SettingError as error:
        _fail(str(error))
    for name in unknown_names():
        print(f"warning: {name} in .env is not a setting of this server", file=sys.stderr)  # noqa: T201
    return settings


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(1)
