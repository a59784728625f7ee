"""Where Prefect is, how often one looks for it, and what is said about it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from openrouter_anthropic_server.orchestration.recorder.connection import PrefectAddressSource, PrefectConnection
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError


@pytest.fixture(name="healthy")
async def _healthy() -> AsyncIterator[str]:
    async def health(_request: web.Request) -> web.Response:
        return web.json_response(True)

    application = web.Application()
    application.router.add_get("/api/health", health)
    server = TestServer(application)
    await server.start_server()
    yield str(server.make_url("/api"))
    await server.close()


@pytest.mark.parametrize(
    ("api_url", "ui_url", "expected"),
    [
        ("http://host:4200/api", None, "http://host:4200"),
        ("http://host:4200/api/", None, "http://host:4200"),
        ("https://host/prefect/api", None, "https://host/prefect"),
        ("http://host/api", "https://dashboard.example/", "https://dashboard.example"),
    ],
)
def test_the_ui_is_beside_the_api_unless_told_otherwise(
    tmp_path: Path, api_url: str, ui_url: str | None, expected: str
) -> None:
    found = PrefectAddressSource(api_url, ui_url, tmp_path).find()

    assert found is not None
    assert (found.api_url, found.ui_url) == (api_url.rstrip("/"), expected)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'"text"'])
def test_a_file_that_is_not_there_or_not_whole_is_no_address(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "server.json").write_bytes(content)

    assert PrefectAddressSource(None, None, tmp_path).find() is None


def test_the_file_names_the_address(tmp_path: Path) -> None:
    address = {"api_url": "http://127.0.0.1:4201/api", "ui_url": "http://here:4201", "pid": 1}
    (tmp_path / "server.json").write_bytes(orjson.dumps(address))

    found = PrefectAddressSource(None, None, tmp_path).find()

    assert found is not None
    assert (found.api_url, found.ui_url) == ("http://127.0.0.1:4201/api", "http://here:4201")


async def test_it_says_once_that_prefect_is_missing_and_once_that_it_is_back(healthy: str, tmp_path: Path) -> None:
    api = PrefectApi("")
    connection = PrefectConnection(PrefectAddressSource(healthy, None, tmp_path), api, structlog.get_logger())
    with capture_logs() as lines:
        for _ in range(3):
            await connection.find()
            connection.works()
        for _ in range(3):
            connection.lost(PrefectUnavailableError("no answer"))
        assert (connection.reachable, connection.problem) == (False, "no answer")
        while not connection.reachable:
            await connection.find()
            await asyncio.sleep(0.01)
        assert connection.problem == "no answer", "until a request succeeds"
        connection.works()
    await api.close()

    assert [line["event"] for line in lines] == ["prefect_reached", "prefect_not_reached", "prefect_reached"]
    assert connection.problem is None


async def test_it_looks_at_growing_intervals_and_not_before_prefect_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("openrouter_anthropic_server.orchestration.recorder.connection.time.monotonic", lambda: now)
    connection = PrefectConnection(PrefectAddressSource(None, None, tmp_path), PrefectApi(""), structlog.get_logger())
    looks: list[float] = []
    monkeypatch.setattr(PrefectAddressSource, "find", lambda _self: looks.append(now))

    while now < 110.0:
        await connection.find()
        now += 0.05
    gaps = [round(later - earlier, 2) for earlier, later in pairwise(looks)]
    assert gaps[0] == pytest.approx(0.2, abs=0.06)
    assert gaps == sorted(gaps)
    assert 1.9 < gaps[-1] < 2.1

    looks.clear()
    connection.lost(PrefectUnavailableError("429", retry_after=7.0))
    start = now
    while not looks:
        await connection.find()
        now += 0.05
    assert 6.9 < looks[0] - start < 7.2


@pytest.mark.blocking_allowed("the recorder's event loop is its own, so it reads files there")
async def test_another_address_is_another_server(healthy: str, tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    api = PrefectApi("")
    connection = PrefectConnection(PrefectAddressSource(None, None, tmp_path), api, structlog.get_logger())
    file.write_bytes(orjson.dumps({"api_url": healthy, "ui_url": "http://ui", "pid": 1}))
    assert not await connection.find()
    assert connection.reachable

    file.write_bytes(
        orjson.dumps({"api_url": healthy.replace("127.0.0.1", "localhost"), "ui_url": "http://ui", "pid": 1})
    )
    connection.lost(PrefectUnavailableError("gone"))
    await asyncio.sleep(0.25)

    assert await connection.find()
    await api.close()


def test_nothing_is_said_while_the_embedded_server_may_be_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("openrouter_anthropic_server.orchestration.recorder.connection.time.monotonic", lambda: now)
    connection = PrefectConnection(PrefectAddressSource(None, None, tmp_path), PrefectApi(""), structlog.get_logger())
    with capture_logs() as early:
        connection.lost(PrefectUnavailableError("no answer"))
    now += 31.0
    with capture_logs() as late:
        connection.lost(PrefectUnavailableError("no answer"))

    assert early == []
    assert [line["event"] for line in late] == ["prefect_not_reached"]
    assert "server.log" in late[0]["problem"]


def test_only_an_error_that_tells_of_the_servers_end_puts_its_memory_in_doubt(tmp_path: Path) -> None:
    connection = PrefectConnection(PrefectAddressSource("x", None, tmp_path), PrefectApi(""), structlog.get_logger())
    connection.lost(PrefectUnavailableError("429"))
    assert not connection.memory_gone
    connection.lost(PrefectUnavailableError("refused", memory_gone=True))
    connection.lost(PrefectUnavailableError("429"))
    assert connection.memory_gone
