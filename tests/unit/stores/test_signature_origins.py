"""The memory of signatures: what every store of it promises, and what the file adds."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from openrouter_anthropic_server.conversion.thinking_origins import Origin
from openrouter_anthropic_server.ports.signature_origins import SignatureOrigins
from openrouter_anthropic_server.settings import load_settings
from openrouter_anthropic_server.stores.memory.signature_origins import MemorySignatureOrigins
from openrouter_anthropic_server.stores.origin_front import OriginFront, digest_of
from openrouter_anthropic_server.stores.sqlite.origin_file import Change, OriginFile
from openrouter_anthropic_server.stores.sqlite.signature_origins import SqliteSignatureOrigins
from openrouter_anthropic_server.wiring.signature_origins import FILE_NAME, open_signature_origins
from tests.waiting import wait_for

SOURCES = Path(__file__).parents[3] / "src"
OPUS = Origin("anthropic", "anthropic", "claude-opus-5-5")
GEMINI = Origin("openrouter", "google", "google/gemini-3-pro")


def sqlite_origins(path: Path, *, in_memory: int = 100, in_file: int = 100) -> SqliteSignatureOrigins:
    return SqliteSignatureOrigins(OriginFile(path, in_file), OriginFront(in_memory), logger=structlog.get_logger())


@pytest.fixture(params=["memory", "sqlite"])
def origins(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SignatureOrigins]:
    """Each store."""
    if request.param == "memory":
        yield MemorySignatureOrigins(OriginFront(100))
        return
    with closing(sqlite_origins(tmp_path / "origins")) as store:
        yield store


class TestEveryStore:
    async def test_knows_what_was_handed_out(self, origins: SignatureOrigins) -> None:
        origins.remember(["a", "b"], OPUS)
        origins.remember(["c"], GEMINI)

        assert await origins.find(["a", "c", "x"]) == {"a": OPUS, "c": GEMINI}

    async def test_the_last_one_to_hand_it_out_counts(self, origins: SignatureOrigins) -> None:
        origins.remember(["a"], OPUS)
        origins.remember(["a"], GEMINI)

        assert await origins.find(["a"]) == {"a": GEMINI}

    async def test_knows_who_refused_it(self, origins: SignatureOrigins) -> None:
        origins.remember(["a"], OPUS)
        origins.refused(["a", "x"], "openrouter")
        origins.refused(["a", "x"], "openrouter")
        origins.refused(["a"], "databricks")

        found = await origins.find(["a", "x"])

        assert found["a"] == Origin(OPUS.upstream, OPUS.vendor, OPUS.model, frozenset({"openrouter", "databricks"}))
        assert found["x"] == Origin(refused_by=frozenset({"openrouter"}))

    async def test_a_refusal_outlives_that_it_is_handed_out_again(self, origins: SignatureOrigins) -> None:
        origins.refused(["a"], "openrouter")
        origins.remember(["a"], OPUS)

        assert (await origins.find(["a"]))["a"] == Origin(
            OPUS.upstream, OPUS.vendor, OPUS.model, frozenset({"openrouter"})
        )

    async def test_takes_any_text(self, origins: SignatureOrigins) -> None:
        origins.remember(["", "\ud800", "é" * 10_000], OPUS)

        assert len(await origins.find(["", "\ud800", "é" * 10_000])) == 3


async def test_the_memory_forgets_what_was_used_least_recently() -> None:
    store = MemorySignatureOrigins(OriginFront(2))
    store.remember(["a", "b"], OPUS)
    await store.find(["a"])
    store.remember(["c"], OPUS)

    assert (await store.find(["a", "b", "c"])).keys() == {"a", "c"}


@pytest.mark.blocking_allowed("opens and closes the file inside the loop of a test")
class TestTheFile:
    async def test_outlives_the_process(self, tmp_path: Path) -> None:
        with closing(sqlite_origins(tmp_path / "origins")) as before:
            before.remember(["a"], OPUS)
            before.refused(["a"], "openrouter")
            before.remember(["b"], GEMINI)

        with closing(sqlite_origins(tmp_path / "origins")) as after:
            found = await after.find(["a", "b"])

        assert found["a"].refused_by == {"openrouter"}
        assert found["b"] == GEMINI

    def test_is_shared_with_a_running_process(self, tmp_path: Path) -> None:
        with closing(sqlite_origins(tmp_path / "origins")) as here:
            here.remember(["mine"], OPUS)
            other = subprocess.run(
                [sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "origins")],
                env={"PYTHONPATH": str(SOURCES)},
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )

            assert other.stdout.strip() == "anthropic"
            assert asyncio.run(here.find(["theirs"])) == {"theirs": GEMINI}

    async def test_an_unknown_signature_is_asked_for_again_later(self, tmp_path: Path) -> None:
        now = [0.0]
        front = OriginFront(100, clock=lambda: now[0])
        path = tmp_path / "origins"
        with closing(SqliteSignatureOrigins(OriginFile(path, 100), front, logger=structlog.get_logger())) as store:
            assert await store.find(["a"]) == {}
            with closing(OriginFile(path, 100)) as other:
                other.write([Change("handed_out", digest_of("a"), OPUS)])

            assert await store.find(["a"]) == {}
            now[0] = 6.0
            assert await store.find(["a"]) == {"a": OPUS}

    def test_is_bounded_and_keeps_what_is_used(self, tmp_path: Path) -> None:
        now = [0.0]
        with closing(OriginFile(tmp_path / "origins", 3, clock=lambda: now[0])) as file:
            for name in ("a", "b", "c"):
                now[0] += 1
                file.write([Change("handed_out", digest_of(name), OPUS)])
            now[0] += 1
            file.write([Change("used", digest_of("a"), OPUS)])
            now[0] += 1
            file.write([Change("handed_out", digest_of(name), OPUS) for name in ("d", "e")])

            assert file.read([digest_of(name) for name in "abcde"]).keys() == {digest_of(name) for name in "ade"}

    async def test_what_comes_back_is_used(self, tmp_path: Path) -> None:
        path = tmp_path / "origins"
        with closing(OriginFile(path, 100, clock=lambda: 1.0)) as file:
            file.write([Change("handed_out", digest_of("a"), OPUS)])
        with closing(sqlite_origins(path)) as store:
            await store.find(["a"])

        with closing(sqlite3.connect(path)) as connection:
            [[used]] = connection.execute("SELECT used FROM origins")
        assert used > 1

    def test_a_failed_write_leaves_nothing_half_done(self, tmp_path: Path) -> None:
        broken = Change("handed_out", digest_of("b"), Origin(None, "", ""))  # type: ignore[arg-type]
        with closing(OriginFile(tmp_path / "origins", 100)) as file:
            with pytest.raises(sqlite3.IntegrityError):
                file.write([Change("handed_out", digest_of("a"), OPUS), broken])

            assert file.read([digest_of("a")]) == {}

    def test_is_private_and_holds_hashes_and_names_only(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "origins"
        with closing(sqlite_origins(path)) as store:
            store.remember(["a-long-signature-that-is-a-secret"], OPUS)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"secret" not in path.read_bytes()
        assert b"claude-opus-5-5" in path.read_bytes()

    async def test_that_breaks_while_it_is_used_leaves_the_memory(self, tmp_path: Path) -> None:
        file = OriginFile(tmp_path / "origins", 100)
        with capture_logs() as logs:
            store = SqliteSignatureOrigins(file, OriginFront(100), logger=structlog.get_logger())
            file.close()
            store.remember(["a"], OPUS)
            wait_for(lambda: bool(logs))
            store.remember(["b"], OPUS)

            assert await store.find(["a", "b", "x"]) == {"a": OPUS, "b": OPUS}
            store.close()

        assert [line["event"] for line in logs] == ["signature_origins_in_memory_only"]


class TestOpening:
    async def test_begins_a_file_in_the_data_directory(self, opened: "Opened", tmp_path: Path) -> None:
        async with opened() as store:
            store.remember(["a"], OPUS)
        async with opened() as store:
            assert await store.find(["a"]) == {"a": OPUS}

        assert (tmp_path / FILE_NAME).exists()

    @pytest.mark.parametrize("content", [b"this is no database, but it is long enough" * 50, b"SQLite format 3\0"])
    async def test_a_broken_file_is_let_be(self, opened: "Opened", tmp_path: Path, content: bytes) -> None:
        (tmp_path / FILE_NAME).write_bytes(content)

        with capture_logs() as logs:
            async with opened() as store:
                store.remember(["a"], OPUS)
                assert await store.find(["a"]) == {"a": OPUS}

        assert [line["event"] for line in logs] == ["signature_origins_in_memory_only"]
        assert logs[0]["path"] == str(tmp_path / FILE_NAME)
        assert (tmp_path / FILE_NAME).read_bytes() == content

    async def test_a_directory_that_cannot_be_made_is_no_reason_to_stop(
        self, opened: "Opened", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "data"))

        with capture_logs() as logs:
            async with opened() as store:
                assert await store.find(["a"]) == {}

        assert [line["event"] for line in logs] == ["signature_origins_in_memory_only"]


Opened = Callable[[], AbstractAsyncContextManager[SignatureOrigins]]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens the store as the server does."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return lambda: open_signature_origins(load_settings(env_file=None))


_OTHER_PROCESS = """
import asyncio, sys, time
from pathlib import Path
import structlog
from openrouter_anthropic_server.conversion.thinking_origins import Origin
from openrouter_anthropic_server.stores.origin_front import OriginFront
from openrouter_anthropic_server.stores.sqlite.origin_file import OriginFile
from openrouter_anthropic_server.stores.sqlite.signature_origins import SqliteSignatureOrigins

def store():
    file = OriginFile(Path(sys.argv[1]), 100)
    return SqliteSignatureOrigins(file, OriginFront(100), logger=structlog.get_logger())

for _ in range(200):
    origins = store()
    found = asyncio.run(origins.find(["mine"]))
    if found:
        break
    origins.close()
    time.sleep(0.02)
origins.remember(["theirs"], Origin("openrouter", "google", "google/gemini-3-pro"))
origins.close()
print(found["mine"].upstream)
"""
