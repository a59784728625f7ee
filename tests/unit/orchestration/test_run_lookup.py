"""What the directory of runs says without a Prefect: the recorder's state, and why there is no answer."""

import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.orchestration.run_lookup import NoRunDirectory, PrefectRunDirectory
from openrouter_anthropic_server.ports.run_directory import PrefectSilentError, RecorderPhase, RecorderState
from tests.server_process import free_port
from tests.upstreams.server import FakeOpenRouter


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "recorder.json"


def directory(file: Path, api_url: str | None = None, ui_url: str | None = None) -> PrefectRunDirectory:
    """Of a server that has run for a minute."""
    return PrefectRunDirectory(file, api_url=api_url, ui_url=ui_url, headers={}, since=time.time() - 60)


@pytest.fixture(name="stranger")
def _stranger() -> Iterator[FakeOpenRouter]:
    """A server that is no Prefect."""
    upstream = FakeOpenRouter().start()
    yield upstream
    upstream.stop()


@pytest.fixture(name="silent")
def _silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


@pytest.fixture(name="lost")
async def _lost(file: Path) -> AsyncIterator[PrefectRunDirectory]:
    """A directory whose Prefect is not there."""
    lost = directory(file, f"http://127.0.0.1:{free_port()}/api")
    yield lost
    await lost.aclose()


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def tell(file: Path, **changes: Any) -> None:
    """Write what a recorder would."""
    told = {
        "phase": "delivering",
        "updated": time.time(),
        "prefect_api_url": "http://prefect.example/api",
        "prefect_ui_url": "http://prefect.example",
        "prefect_reachable": True,
        "backlog": 3,
        "recorded": 10,
        "pid": 1234,
        "of_a_later_version": True,
    }
    write(file, orjson.dumps(told | changes))


async def test_before_the_recorder_has_said_anything_it_is_starting(file: Path) -> None:
    state = await PrefectRunDirectory(file, api_url=None, ui_url=None, headers={}).state()

    assert (state.phase, state.prefect_api_url, state.backlog) == ("starting", None, 0)


async def test_what_the_recorder_says_is_the_state(file: Path) -> None:
    tell(file)

    state = await directory(file).state()

    assert (state.phase, state.backlog, state.recorded, state.prefect_reachable) == ("delivering", 3, 10, True)
    assert directory(file).session_address("s", state) == (
        "http://prefect.example/runs?tag=session%3As&tags=session%3As&type=span&seconds=-2592000"
    )


async def test_a_recorder_that_is_silent_has_stopped_and_its_counts_stay(file: Path) -> None:
    tell(file, updated=time.time() - 60)

    state = await directory(file).state()

    assert (state.phase, state.prefect_reachable, state.recorded) == ("stopped", False, 10)
    assert state.problem == "the recorder has said nothing for 60 s"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"phase": "delivering", "updated": "now"}', b"\xff"])
async def test_a_state_that_cannot_be_read_is_a_problem_and_no_error(file: Path, content: bytes) -> None:
    write(file, content)

    state = await directory(file).state()

    assert state.phase == "stopped"
    assert state.problem == "what the recorder says of itself cannot be read"


async def test_configured_addresses_win(file: Path) -> None:
    tell(file)

    state = await directory(file, "http://mine.example/api/", "https://mine.example/ui/").state()

    assert (state.prefect_api_url, state.prefect_ui_url) == ("http://mine.example/api", "https://mine.example/ui")


async def test_while_nobody_knows_where_prefect_is_nothing_is_found(file: Path) -> None:
    tell(file, prefect_api_url=None, prefect_ui_url=None)
    unknown = directory(file)
    state = await unknown.state()

    assert await unknown.address("req_1", state) is None
    assert await unknown.session("s", state) == []
    assert unknown.session_address("s", state) is None


async def test_a_file_in_place_of_the_directory_is_a_recorder_that_has_said_nothing(tmp_path: Path) -> None:
    write(tmp_path / "spool", b"")
    file = tmp_path / "spool" / "recorder.json"

    assert await PrefectRunDirectory(file, api_url=None, ui_url=None, headers={}).state() == RecorderState("starting")


async def test_a_recorder_that_has_never_come_up_has_stopped(file: Path) -> None:
    state = await directory(file).state()

    assert (state.phase, state.problem) == ("stopped", "no recorder has come up yet")


@pytest.mark.parametrize("age", [0.5, 600.0])
async def test_what_an_earlier_recorder_said_is_not_believed_at_the_start(file: Path, age: float) -> None:
    tell(file, updated=time.time() - age)
    new = PrefectRunDirectory(file, api_url=None, ui_url=None, headers={})

    state = await new.state()

    assert (state.phase, state.backlog, state.prefect_api_url, state.problem) == ("starting", 3, None, None)
    tell(file, updated=time.time())
    assert (await new.state()).phase == "delivering"


async def test_a_recorder_that_never_comes_up_again_has_stopped(file: Path) -> None:
    tell(file, updated=time.time() - 600)
    old = PrefectRunDirectory(file, api_url=None, ui_url=None, headers={}, since=time.time() - 16)

    assert (await old.state()).phase == "stopped"


@pytest.mark.parametrize("phase", ["starting", "waiting_for_prefect"])
async def test_a_prefect_that_is_not_up_is_not_asked(file: Path, silent: str, phase: RecorderPhase) -> None:
    waiting = directory(file, silent)
    problem = f"Prefect at {silent} cannot be reached: no answer in time"
    began = time.monotonic()

    assert await waiting.address("req_1", RecorderState(phase, prefect_api_url=silent, prefect_ui_url=silent)) is None
    with pytest.raises(UpstreamError, match="it is still starting"):
        await waiting.session("s", RecorderState(phase))
    with pytest.raises(UpstreamError, match="no answer in time") as caught:
        await waiting.session("s", RecorderState(phase, problem=problem))

    assert time.monotonic() - began < 1
    assert "127.0.0.1" not in caught.value.message


async def test_a_prefect_that_is_not_there_is_an_error_without_its_address(
    file: Path, lost: PrefectRunDirectory
) -> None:
    tell(file)
    state = await lost.state()

    with pytest.raises(PrefectSilentError, match="nobody listens there") as caught:
        await lost.address("req_1", state)
    with pytest.raises(PrefectSilentError):
        await lost.session("s", state)

    assert "127.0.0.1" not in caught.value.message


async def test_whoever_asks_for_one_run_waits_three_seconds_at_most(file: Path, silent: str) -> None:
    tell(file)
    asked = directory(file, silent)
    began = time.monotonic()

    with pytest.raises(PrefectSilentError, match="no answer in 3 s"):
        await asked.address("req_1", await asked.state())

    assert time.monotonic() - began < 5
    await asked.aclose()


async def test_something_that_is_no_prefect_is_an_error(file: Path, stranger: FakeOpenRouter) -> None:
    tell(file)
    wrong = directory(file, stranger.base_url)

    with pytest.raises(UpstreamError, match="it answers 404, and not with a list"):
        await wrong.address("req_1", await wrong.state())
    await wrong.aclose()


@pytest.mark.parametrize("problem", [None, "DATA_DIR cannot be used"])
async def test_with_recording_off_there_is_nothing(problem: str | None) -> None:
    none = NoRunDirectory(problem)
    state = await none.state()

    assert (state.phase, state.problem) == ("off", problem)
    assert (await none.address("req_1", state), await none.session("s", state)) == (None, [])
    assert none.session_address("s", state) is None
