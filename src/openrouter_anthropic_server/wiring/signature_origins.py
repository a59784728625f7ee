"""Opens the memory of where signatures of thinking come from."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from openrouter_anthropic_server.ports.signature_origins import SignatureOrigins
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.stores.memory.signature_origins import MemorySignatureOrigins
from openrouter_anthropic_server.stores.origin_front import OriginFront
from openrouter_anthropic_server.stores.sqlite.origin_file import OriginFile
from openrouter_anthropic_server.stores.sqlite.signature_origins import SqliteSignatureOrigins

FILE_NAME = "signature-origins.sqlite3"

_MAX_IN_FILE = 100_000
_MAX_IN_MEMORY = 20_000


@asynccontextmanager
async def open_signature_origins(settings: Settings) -> AsyncIterator[SignatureOrigins]:
    """A file under `DATA_DIR`; the memory of this process alone where that cannot be used."""
    path = settings.recording.data_path / FILE_NAME
    logger = structlog.get_logger()
    front = OriginFront(_MAX_IN_MEMORY)
    try:
        file = await asyncio.to_thread(OriginFile, path, _MAX_IN_FILE)
    except (sqlite3.Error, OSError) as error:
        logger.warning("signature_origins_in_memory_only", path=str(path), error=str(error))
        yield MemorySignatureOrigins(front)
        return
    origins = SqliteSignatureOrigins(file, front, logger=logger)
    try:
        yield origins
    finally:
        await asyncio.to_thread(origins.close)
