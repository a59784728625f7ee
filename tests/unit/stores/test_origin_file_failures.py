"""The file of signatures while it is locked, broken or deleted: no request waits, what can be kept is not lost."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from openrouter_anthropic_server.conversion.thinking_origins import Origin
from openrouter_anthropic_server.stores.origin_front import OriginFront, digest_of
from openrouter_anthropic_server.stores.sqlite import origin_file, signature_origins
from openrouter_anthropic_server.stores.sqlite.origin_file import Change, OriginFile
from openrouter_anthropic_server.stores.sqlite.signature_origins import SqliteSignatureOrigins
from tests.waiting import wait_for

OPUS = Origin("anthropic", "anthropic", "claude-opus-5-5")
GEMINI = Origin("openrouter", "google", "google/gemini-3-pro")
NO_UNICODE = Origin("openrouter", "google", "\ud800")


def sqlite_origins(file: OriginFile) -> SqliteSignatureOrigins:
    return SqliteSignatureOrigins(file, OriginFront(100), logger=structlog.get_logger())


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The file while another process writes to it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def handed_out(name: str, origin: Origin = OPUS) -> Change:
    return Change("handed_out", digest_of(name), origin)


def remove(path: Path) -> None:
    """Delete the file, all that belongs to it, and its directory."""
    for one in list(path.parent.iterdir()):
        one.unlink()
    path.parent.rmdir()


@pytest.mark.blocking_allowed("opens and closes the file inside the loop of a test")
class TestRequests:
    async def test_do_not_wait_for_a_writer(self, tmp_path: Path) -> None:
        with closing(sqlite_origins(OriginFile(tmp_path / "origins", 100))) as store, locked(tmp_path / "origins"):
            store.remember(["a"], OPUS)
            await asyncio.sleep(0.2)  # our own writer waits for the lock now
            begun = time.monotonic()

            assert await store.find(["x", "y"]) == {}
            assert time.monotonic() - begun < 0.5

    async def test_do_not_each_ask_a_file_that_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = OriginFile(tmp_path / "origins", 100)
        asked = []

        def failing(signatures: Sequence[bytes]) -> dict[bytes, Origin]:
            asked.append(signatures)
            raise sqlite3.OperationalError("database is locked")

        monkeypatch.setattr(file, "read", failing)
        with closing(sqlite_origins(file)) as store:
            store.remember(["a"], OPUS)
            assert [await store.find(["a", "x"]) for _ in range(3)] == [{"a": OPUS}] * 3

        assert len(asked) == 1


class TestChanges:
    def test_are_written_once_the_lock_is_gone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(origin_file, "_BUSY_SECONDS", 0.01)
        monkeypatch.setattr(signature_origins, "_RETRY_SECONDS", 0.05)
        path = tmp_path / "origins"
        with capture_logs() as logs, closing(sqlite_origins(OriginFile(path, 100))) as store:
            with locked(path):
                store.remember(["a"], OPUS)
                wait_for(lambda: bool(logs))

            with closing(OriginFile(path, 100)) as other:
                wait_for(lambda: other.read([digest_of("a")]) == {digest_of("a"): OPUS})

    def test_are_written_beside_one_that_cannot_be(self, tmp_path: Path) -> None:
        path = tmp_path / "origins"
        with closing(sqlite_origins(OriginFile(path, 100))) as store:
            for name, origin in (("a", OPUS), ("b", NO_UNICODE), ("c", GEMINI)):
                store.remember([name], origin)

        with closing(OriginFile(path, 100)) as file:
            assert file.read([digest_of(name) for name in "abc"]) == {digest_of("a"): OPUS, digest_of("c"): GEMINI}

    def test_can_be_written_after_some_that_failed(self, tmp_path: Path) -> None:
        with closing(OriginFile(tmp_path / "origins", 100)) as file:
            with pytest.raises(UnicodeEncodeError):
                file.write([handed_out("a"), handed_out("b", NO_UNICODE)])
            file.write([handed_out("b")])

            assert file.read([digest_of("a"), digest_of("b")]) == {digest_of("b"): OPUS}


class TestADeletedFile:
    def test_is_begun_anew_with_the_next_write(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "origins"
        with closing(OriginFile(path, 100)) as file:
            file.write([handed_out("a")])
            remove(path)
            file.write([handed_out("b", GEMINI)])

            assert file.read([digest_of("a"), digest_of("b")]) == {digest_of("b"): GEMINI}
            with closing(OriginFile(path, 100)) as other:
                assert other.read([digest_of("b")]) == {digest_of("b"): GEMINI}

    def test_is_shared_again_with_who_began_it_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "origins"
        with closing(OriginFile(path, 100)) as file:
            remove(path)
            with closing(OriginFile(path, 100)) as other:
                other.write([handed_out("a")])
                file.write([handed_out("b")])

                assert other.read([digest_of("a"), digest_of("b")]) == {digest_of(name): OPUS for name in "ab"}

    def test_is_tried_again_if_it_cannot_be_begun_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "origins"
        with closing(OriginFile(path, 100)) as file:
            remove(path)
            path.parent.write_text("in the way")
            with pytest.raises(OSError, match="data"):
                file.write([handed_out("a")])
            path.parent.unlink()
            file.write([handed_out("a")])

            assert file.read([digest_of("a")]) == {digest_of("a"): OPUS}
