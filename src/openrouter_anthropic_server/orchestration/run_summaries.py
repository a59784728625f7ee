"""Flow runs as Prefect's API answers them, read back as what was recorded. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from openrouter_anthropic_server.ports.run_directory import RunSummary
from openrouter_anthropic_server.ports.run_records import Fact

_NO_FACTS = frozenset({"flow", "started", "ended", "duration_seconds"})
_FACTS_OF_TAGS = {
    "model": "model",
    "backend": "backend",
    "wire": "wire",
    "client": "client",
    "class": "request_class",
}
_LIST_SECONDS = 30 * 24 * 3600
"""How far back the list of a session's runs goes in the older UI, which otherwise shows one week."""


def run_address(ui_url: str, flow_run_id: str) -> str:
    """The page of a run in Prefect's UI."""
    return f"{ui_url}/runs/flow-run/{flow_run_id}"


def tagged_runs_address(ui_url: str, tag: str) -> str:
    """The list of the runs with a tag in Prefect's UI; its two versions name the filter differently."""
    value = quote(tag, safe="")
    return f"{ui_url}/runs?tag={value}&tags={value}&type=span&seconds=-{_LIST_SECONDS}"


def summary(run: Mapping[str, Any], ui_url: str) -> RunSummary:
    """One flow run; times and facts are those of its labels, else Prefect's own."""
    labels = run.get("labels") or {}
    started = _seconds(labels.get("started")) or _seconds(run.get("start_time") or run.get("expected_start_time"))
    return RunSummary(
        name=str(run.get("name")),
        flow=str(labels.get("flow") or ""),
        state=str(run.get("state_name") or run.get("state_type")),
        started=started,
        duration_seconds=_duration(labels, run),
        url=run_address(ui_url, str(run["id"])),
        facts=_facts_of_tags(run.get("tags") or ()) | _facts_of_labels(labels),
    )


def _facts_of_tags(tags: Sequence[str]) -> dict[str, Fact]:
    """What is known of a run before its end, too."""
    parts = (tag.partition(":") for tag in tags)
    return {_FACTS_OF_TAGS[kind]: value for kind, _, value in parts if kind in _FACTS_OF_TAGS}


def _facts_of_labels(labels: Mapping[str, Any]) -> dict[str, Fact]:
    return {
        name: value
        for name, value in labels.items()
        if name not in _NO_FACTS and not name.startswith("prefect.") and isinstance(value, str | int | float)
    }


def _duration(labels: Mapping[str, Any], run: Mapping[str, Any]) -> float | None:
    told = labels.get("duration_seconds")
    if isinstance(told, int | float):
        return float(told)
    total = run.get("total_run_time")
    return float(total) if run.get("end_time") and isinstance(total, int | float) else None


def _seconds(moment: object) -> float:
    """Seconds since the epoch of an ISO text; 0 where it is none."""
    try:
        return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else 0.0
    except ValueError:
        return 0.0
