"""What a run shows besides its steps: a page of its facts, and its content where the operator keeps that.

Bodies for `POST /artifacts/`, without the id of the flow run. The same record always gives the same ones.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.content_page import content_page
from openrouter_anthropic_server.orchestration.recorder.failure_hints import hint
from openrouter_anthropic_server.orchestration.recorder.markdown import code, plain, table
from openrouter_anthropic_server.ports.run_records import Fact, RunRecord, StepRecord

_MAX_STEPS = 200
_MAX_NOTES = 200
_MAX_VALUE = 500  # characters of a value of the metadata; Prefect cuts there too

_NOTE_KINDS = {
    "converted": "Converted (the same meaning in another form)",
    "renamed": "Renamed (back to the client's name in the answer)",
    "not_sent": "Not sent (harmless, and unknown to the upstream)",
    "default": "Set by default (the request left it open)",
}
_OTHER_NOTES = "Others"


def run_artifacts(record: RunRecord) -> list[dict[str, Any]]:
    """The artifacts of a run, the page of facts first; also of a run that has only begun."""
    artifacts = [_artifact(_summary(record), _page(record), _metadata(record))]
    if record.content:
        artifacts.append(_artifact(f"Content: {' and '.join(record.content)}", content_page(record.content), {}))
    return artifacts


def _artifact(description: str, data: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {"type": "markdown", "description": description, "data": data, "metadata_": metadata}


def _metadata(record: RunRecord) -> dict[str, str]:
    """All facts as texts, so that nobody has to read the Markdown; times in seconds."""
    facts = {name: _text(value) for name, value in record.facts.items() if value is not None}
    times = {"started": f"{record.started:.6f}"}
    if record.ended is not None:
        times |= {"ended": f"{record.ended:.6f}", "duration": f"{record.ended - record.started:.6f}"}
    return facts | {"name": record.name, "flow": record.flow, "state": record.state} | times


def _text(value: Fact) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)[:_MAX_VALUE]


def _summary(record: RunRecord) -> str:
    """One line for the card of the artifact: only our own words and numbers."""
    facts = record.facts
    parts = [
        f"{_number(facts['input_tokens'])} tokens in" if "input_tokens" in facts else "",
        f"{_number(facts['output_tokens'])} out" if "output_tokens" in facts else "",
        _cost(facts.get("cost")),
        _seconds(record.ended - record.started) if record.ended is not None else "",
    ]
    return f"{record.state}: {', '.join(filter(None, parts)) or 'no answer yet'}"


def _page(record: RunRecord) -> str:
    rows = [(name, value) for name, value in _rows(record) if value]
    sections = [table(("Request", code(record.name)), rows)]
    if record.failure is not None or record.state in ("Cancelled", "Crashed"):
        sections.append(f"## Why it ended\n\n{_ending(record)}")
    if record.steps:
        sections.append(f"## Steps\n\n{_steps(record.steps)}")
    if record.notes:
        sections.append(f"## Converted, renamed or not sent\n\n{_notes(record.notes)}")
    return "\n\n".join(sections) + "\n"


def _rows(record: RunRecord) -> list[tuple[str, str]]:
    facts = record.facts
    return [
        ("State", record.state),
        ("Model asked for", _code(facts.get("model_requested"))),
        ("Model sent to the upstream", _code(facts.get("model"))),
        ("Model that answered", _code(facts.get("model_used"))),
        ("Upstream", _upstream(facts)),
        ("Effort", _code(facts.get("effort"))),
        ("Tokens in", _tokens_in(facts)),
        ("Tokens out", _tokens_out(facts)),
        ("Server tools", _server_tools(facts)),
        ("Cost", _cost(facts.get("cost"))),
        ("Time to first token", _milliseconds(facts.get("first_token_ms"))),
        ("Upstream's headers after", _milliseconds(facts.get("headers_ms"))),
        ("Started", _moment(record.started)),
        ("Duration", _seconds(record.ended - record.started) if record.ended is not None else "not known"),
        ("Stop reason", _code(facts.get("stop_reason"))),
        ("Retries", str(sum(step.attempts - 1 for step in record.steps))),
        *((name, _tag(record, prefix)) for name, prefix in _TAG_ROWS),
        ("Part of", code(record.parent.run) if record.parent else ""),
    ]


_TAG_ROWS = (("Client", "client:"), ("Session", "session:"), ("Request class", "class:"))


def _tag(record: RunRecord, prefix: str) -> str:
    return next((code(tag.removeprefix(prefix)) for tag in record.tags if tag.startswith(prefix)), "")


def _upstream(facts: Mapping[str, Fact]) -> str:
    parts = [code(facts[name]) + suffix for name, suffix in (("backend", ""), ("wire", " wire")) if name in facts]
    if "stream" in facts:
        parts.append("streamed" if facts["stream"] else "not streamed")
    return ", ".join(parts)


def _tokens_in(facts: Mapping[str, Fact]) -> str:
    lifetimes = _counts(
        facts, {"cache_creation_5m_input_tokens": "for 5 min", "cache_creation_1h_input_tokens": "for 1 h"}
    )
    known = lifetimes and facts.get("cache_creation_input_tokens")
    written = f"written to the cache ({lifetimes})" if known else "written to the cache"
    return _counts(
        facts,
        {
            "input_tokens": "uncached",
            "cache_read_input_tokens": "read from the cache",
            "cache_creation_input_tokens": written,
        },
    )


def _tokens_out(facts: Mapping[str, Fact]) -> str:
    return _counts(facts, {"output_tokens": "in all", "thinking_tokens": "of thinking"})


def _server_tools(facts: Mapping[str, Fact]) -> str:
    return _counts(
        facts,
        {
            "web_search_requests": "web searches",
            "web_fetch_requests": "web fetches",
            "code_execution_requests": "code executions",
            "tool_search_requests": "tool searches",
        },
    )


def _counts(facts: Mapping[str, Fact], words: Mapping[str, str]) -> str:
    return ", ".join(f"{_number(facts[name])} {word}" for name, word in words.items() if _is_number(facts.get(name)))


def _ending(record: RunRecord) -> str:
    request = record.parent.run if record.parent else record.name
    failure = record.failure
    if failure is None:
        return hint(record.state, request)
    failed = next((step.name for step in record.steps if step.failure is not None), None)
    rows = [
        ("Fingerprint", f"{code(failure.fingerprint)} (failures of one cause share it)"),
        ("Step", code(failed) if failed else "none"),
        ("Answered as", _answered(record.facts)),
    ]
    told = table(("Kind", code(failure.kind)), [row for row in rows if row[1]])
    return f"{told}\n\n{hint(failure.kind, request)}"


def _answered(facts: Mapping[str, Fact]) -> str:
    status, kind = facts.get("error_status"), facts.get("error_type")
    return f"{status} {code(kind)}" if status is not None and kind is not None else ""


def _steps(steps: list[StepRecord]) -> str:
    rows = [_step(step) for step in steps[:_MAX_STEPS]]
    more = len(steps) - _MAX_STEPS
    return table(("Step", "ms", "State", "Attempts"), rows) + (f"\n\nand {more} more" if more > 0 else "")


def _step(step: StepRecord) -> tuple[str, ...]:
    took = "" if step.ended is None else f"{(step.ended - step.started) * 1000:,.2f}"
    name = f"{code(step.name)} (run {code(step.child)})" if step.child else code(step.name)
    return name, took, step.state, str(step.attempts)


def _notes(notes: list[str]) -> str:
    grouped: dict[str, list[str]] = {}
    for note in notes[:_MAX_NOTES]:
        kind, _, text = note.partition(" ")
        known = _NOTE_KINDS.get(kind)
        grouped.setdefault(known or _OTHER_NOTES, []).append(_note(text if known else note))
    more = len(notes) - _MAX_NOTES
    groups = [f"{kind}:\n\n" + "\n".join(lines) for kind, lines in grouped.items()]
    return "\n\n".join([*groups, f"and {more} more"] if more > 0 else groups)


def _note(text: str) -> str:
    path, separator, detail = text.partition(": ")
    return f"- {code(path)}: {plain(detail)}" if separator and detail else f"- {code(path.removesuffix(':'))}"


def _code(value: Fact) -> str:
    return "" if value is None else code(value)


def _is_number(value: Fact) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _number(value: Fact) -> str:
    return f"{value:,}" if isinstance(value, int | float) else "?"


def _cost(value: Fact) -> str:
    if not isinstance(value, int | float) or not isfinite(value):
        return ""
    return "$" + (f"{value:.6f}".rstrip("0").rstrip(".") or "0")


def _moment(at: float) -> str:
    """The true time: what Prefect shows of a run is when it was told."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def _milliseconds(value: Fact) -> str:
    return _seconds(value / 1000) if isinstance(value, int | float) and isfinite(value) else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
