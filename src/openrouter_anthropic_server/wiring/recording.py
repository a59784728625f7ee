"""Opens what keeps and finds the records of runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import structlog

from openrouter_anthropic_server.orchestration.log_sink import LogSink
from openrouter_anthropic_server.orchestration.recorder.state_file import FILE_NAME
from openrouter_anthropic_server.orchestration.run_lookup import NoRunDirectory, PrefectRunDirectory
from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.orchestration.usable_directories import directory_problem
from openrouter_anthropic_server.ports.run_directory import RunDirectory
from openrouter_anthropic_server.ports.run_records import RunSink
from openrouter_anthropic_server.ports.spool_health import SpoolHealth
from openrouter_anthropic_server.settings import Settings

Recording = tuple[RunSink, RunDirectory, SpoolHealth | None]


@asynccontextmanager
async def open_recording(settings: Settings) -> AsyncIterator[Recording]:
    """Where run records go and runs are found; without recording, each run is one line of the log."""
    if not settings.recording.recording:
        yield LogSink(structlog.get_logger()), NoRunDirectory(), None
        return
    problem = await asyncio.to_thread(recording_problem, settings)
    if problem is not None:
        structlog.get_logger().error("recording_off", problem=problem)
        yield LogSink(structlog.get_logger()), NoRunDirectory(problem), None
        return
    async with _spool(settings) as spool, aclosing(_run_directory(settings)) as directory:
        yield spool, directory, spool


def recording_problem(settings: Settings) -> str | None:
    """Why nothing can be recorded although it should be, in one line that names the setting; None if all is well."""
    recording = settings.recording
    needed = {recording.spool_path: "SPOOL_DIR" if recording.spool_dir else "DATA_DIR"}
    if settings.prefect.api_url is None:
        needed[recording.prefect_path] = "DATA_DIR"
    return directory_problem(needed)


@asynccontextmanager
async def _spool(settings: Settings) -> AsyncIterator[SpoolWriter]:
    """A writer that keeps watch over long runs; closed in a thread, because that waits for the disk."""
    logger = structlog.get_logger()
    writer = SpoolWriter(settings.recording.spool_path, max_bytes=spool_max_bytes(settings), logger=logger)
    watching = asyncio.get_running_loop().create_task(writer.watch())
    try:
        yield writer
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await asyncio.to_thread(writer.close)


def spool_max_bytes(settings: Settings) -> int:
    """`SPOOL_MAX_MB` in bytes."""
    return int(settings.recording.spool_max_mb * 2**20)


def _run_directory(settings: Settings) -> PrefectRunDirectory:
    prefect = settings.prefect
    return PrefectRunDirectory(
        settings.recording.spool_path / FILE_NAME,
        api_url=prefect.api_url,
        ui_url=prefect.ui_address,
        headers=prefect.headers,
    )
