"""What the recorder asks Prefect, for many runs at once. The server gives at most 200 rows per answer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    Body,
    PrefectApi,
    RunInPrefect,
    run_in_prefect,
)
from openrouter_anthropic_server.orchestration.recorder.run_work import FINAL_TYPES

_ROWS = 200


async def runs_by_id(api: PrefectApi, flow_run_ids: Sequence[str]) -> dict[str, RunInPrefect]:
    """Those of these flow runs that exist, by id."""
    found: dict[str, RunInPrefect] = {}
    for ids in _portions(flow_run_ids):
        for row in await _rows(api, "/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}}):
            found[str(row["id"])] = run_in_prefect(row)
    return found


async def runs_by_name(api: PrefectApi, names: Sequence[str]) -> dict[str, RunInPrefect]:
    """Those of the runs with these names that exist, by name."""
    found: dict[str, RunInPrefect] = {}
    for keys in _portions(names):
        for row in await _rows(api, "/flow_runs/filter", {"flow_runs": {"idempotency_key": {"any_": keys}}}):
            found[str(row.get("idempotency_key"))] = run_in_prefect(row)
    return found


async def artifact_counts(api: PrefectApi, flow_run_ids: Sequence[str]) -> Counter[str]:
    """How many artifacts these flow runs have, by id."""
    found: Counter[str] = Counter()
    for ids in _portions(flow_run_ids):
        offset, more = 0, True
        while more:
            query: Body = {"artifacts": {"flow_run_id": {"any_": ids}}, "offset": offset}
            rows = await _rows(api, "/artifacts/filter", query)
            found.update(str(row.get("flow_run_id")) for row in rows)
            offset, more = offset + len(rows), len(rows) == _ROWS
    return found


async def surplus_artifacts(api: PrefectApi, flow_run_ids: Sequence[str]) -> list[str]:
    """The ids of artifacts that say what another one of the same flow run says: a late request brought them."""
    seen, surplus = set[tuple[str, str]](), list[str]()
    for ids in _portions(flow_run_ids):
        offset, more = 0, True
        while more:
            query: Body = {"artifacts": {"flow_run_id": {"any_": ids}}, "offset": offset, "sort": "ID_DESC"}
            rows = await _rows(api, "/artifacts/filter", query)
            for row in rows:
                what = str(row.get("flow_run_id")), str(row.get("description"))
                if what in seen:
                    surplus.append(str(row["id"]))
                seen.add(what)
            offset, more = offset + len(rows), len(rows) == _ROWS
    return surplus


async def runs_with_logs(api: PrefectApi, flow_run_ids: Sequence[str]) -> set[str]:
    """Those of these flow runs that have log lines."""
    found: set[str] = set()
    for portion in _portions(flow_run_ids):
        left, more = set(portion), True
        while more and left:  # each full answer tells of one run at least, which is not asked for again
            rows = await _rows(api, "/logs/filter", {"logs": {"flow_run_id": {"any_": sorted(left)}}})
            named = {str(row.get("flow_run_id")) for row in rows}
            found |= named
            left -= named
            more = len(rows) == _ROWS
    return found


async def task_runs_there(api: PrefectApi, task_run_ids: Sequence[str]) -> set[str]:
    """Those of these task runs that exist."""
    found: set[str] = set()
    for ids in _portions(task_run_ids):
        rows = await _rows(api, "/task_runs/filter", {"task_runs": {"id": {"any_": ids}}})
        found |= {str(row["id"]) for row in rows}
    return found


async def finished_task_runs(api: PrefectApi, flow_run_ids: Sequence[str]) -> set[str]:
    """The task runs of these flow runs that are in a final state."""
    found: set[str] = set()
    for ids in _portions(flow_run_ids):
        offset, more = 0, True
        while more:
            query = {"task_runs": _finished(ids), "offset": offset}
            rows = await _rows(api, "/task_runs/filter", query)
            found |= {str(row["id"]) for row in rows}
            offset, more = offset + len(rows), len(rows) == _ROWS
    return found


async def finished_steps(api: PrefectApi, flow_run_ids: Sequence[str]) -> int:
    """How many task runs of these flow runs are in a final state, all in all."""
    return await api.ask("/task_runs/count", {"task_runs": _finished(flow_run_ids)}, _count)


def _finished(flow_run_ids: Sequence[str]) -> Body:
    return {"flow_run_id": {"any_": list(flow_run_ids)}, "state": {"type": {"any_": sorted(FINAL_TYPES)}}}


async def _rows(api: PrefectApi, path: str, query: Body) -> list[Body]:
    return await api.ask(path, {**query, "limit": _ROWS}, _list)


def _portions(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _ROWS):
        yield list(ids[start : start + _ROWS])


def _list(value: Any) -> list[Body]:
    if not isinstance(value, list) or not all(isinstance(row, dict) and "id" in row for row in value):
        raise TypeError("no list of rows")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("no count")
    return value
