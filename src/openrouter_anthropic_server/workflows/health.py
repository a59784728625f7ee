"""How the server fares, in detail: for its operator and for Prometheus."""

from typing import Any

from openrouter_anthropic_server.observability.metrics import RecordingFigures
from openrouter_anthropic_server.ports.run_directory import RecorderState
from openrouter_anthropic_server.services import Services


async def examine(services: Services) -> dict[str, Any]:
    """Status (`ok`, or `degraded`: requests are served, runs do not arrive), and what it rests on."""
    state = await services.directory.state()
    spool = services.spool
    problem = spool.problem if spool is not None else None
    recorded = state.phase == "starting" or (state.phase in ("off", "delivering") and state.problem is None)
    return {
        "status": "ok" if recorded and problem is None else "degraded",
        "backend": services.backend_name,
        "prefect": {
            "api_url": state.prefect_api_url,
            "ui_url": state.prefect_ui_url,
            "reachable": state.prefect_reachable,
        },
        "recorder": _recorder(state),
        "spool": {
            "bytes": state.spool_bytes,
            "max_bytes": services.spool_max_bytes,
            "dropped": spool.dropped if spool is not None else 0,
            "problem": problem,
        },
    }


async def measure(services: Services) -> RecordingFigures:
    """The figures of recording."""
    state = await services.directory.state()
    spool = services.spool
    return RecordingFigures(
        recorder_up=state.phase not in ("off", "stopped"),
        prefect_reachable=state.prefect_reachable,
        backlog=state.backlog,
        lag_seconds=state.lag_seconds,
        recorded=state.recorded,
        retried=state.retried,
        dropped=state.dropped,
        spool_bytes=state.spool_bytes,
        spool_max_bytes=services.spool_max_bytes,
        spool_dropped=spool.dropped if spool is not None else 0,
        open_runs=spool.open_runs if spool is not None else 0,
    )


def _recorder(state: RecorderState) -> dict[str, Any]:
    return {
        "phase": state.phase,
        "backlog": state.backlog,
        "lag_seconds": round(state.lag_seconds, 3),
        "recorded": state.recorded,
        "retried": state.retried,
        "dropped": state.dropped,
        "problem": state.problem,
    }
