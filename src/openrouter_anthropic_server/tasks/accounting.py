"""What a run knows of its request: tokens, cost and times, as facts."""

from collections.abc import Mapping

from openrouter_anthropic_server.errors import GatewayError, InternalError
from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.recorded_run import current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.run_records import Fact
from openrouter_anthropic_server.ports.token_counter import Expectation
from openrouter_anthropic_server.tasks.message_call import Outcome

_COUNTED = {
    name: name
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cost")
}
"""Counts of the usage, and the facts that these become."""

_COUNTED_WITHIN: Mapping[str, Mapping[str, str]] = {
    "cache_creation": {
        "ephemeral_5m_input_tokens": "cache_creation_5m_input_tokens",
        "ephemeral_1h_input_tokens": "cache_creation_1h_input_tokens",
    },
    "output_tokens_details": {"thinking_tokens": "thinking_tokens"},
    "server_tool_use": {
        "web_search_requests": "web_search_requests",
        "web_fetch_requests": "web_fetch_requests",
        "code_execution_requests": "code_execution_requests",
        "tool_search_requests": "tool_search_requests",
    },
}
"""The same for objects inside the usage."""

_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
"""What the whole input of a request adds up from."""

_UNANSWERED = {"input_tokens": "unanswered_input_tokens", "output_tokens": "unanswered_output_tokens"}
"""The same for attempts that were given up before their first content."""

_LARGEST_COUNT = 2**53  # beyond it is nonsense, and more than JSON writers take


@task(name="account_usage")
def account_usage(outcome: Outcome, expected: Expectation | None = None) -> None:
    """Note tokens, cost (USD) and stop reason as facts of the run; what the upstream does not tell is left out.

    `expected`, our own count of the input, learns what it should have been.
    """
    if expected is not None and not outcome.estimated:
        _compare(expected, outcome.usage)
    run = current_run()
    if run is None:
        return
    facts: dict[str, Fact] = {}
    _note_text(facts, "model_used", outcome.model)
    _note_text(facts, "stop_reason", outcome.stop_reason)
    usage = outcome.usage
    if isinstance(usage, dict):
        _note_counts(facts, usage, _COUNTED)
        for part, names in _COUNTED_WITHIN.items():
            within = usage.get(part)
            if isinstance(within, dict):
                _note_counts(facts, within, names)
    run.fact(**facts)


def note_unanswered(outcome: Outcome) -> None:
    """Note tokens that an upstream counted for an attempt of which the client got nothing, beside those of others."""
    run = current_run()
    if run is None or outcome.estimated or not isinstance(outcome.usage, dict):
        return
    counted: dict[str, Fact] = {}
    _note_counts(counted, outcome.usage, _UNANSWERED)
    so_far = run.record.facts
    run.fact(**{name: _plus(so_far.get(name), count) for name, count in counted.items()})


def _plus(before: Fact | None, count: Fact) -> Fact:
    both = isinstance(before, int | float) and isinstance(count, int | float)
    return before + count if both else count  # type: ignore[operator] # of numbers


def _compare(expected: Expectation, usage: object) -> None:
    """Tell the real input tokens; not where tools of the upstream added to the input what no client sent."""
    if not isinstance(usage, dict) or _used_server_tools(usage.get("server_tool_use")):
        return
    counts = [usage.get(name) or 0 for name in _INPUT]
    if all(type(count) is int for count in counts):
        expected.met(sum(counts))


def _used_server_tools(counts: object) -> bool:
    return isinstance(counts, dict) and any(counts.values())


def note_model_used(model: object) -> None:
    """Note which model the upstream says it is."""
    run = current_run()
    if run is not None and isinstance(model, str):
        run.fact(model_used=label(model))


def note_time(name: str) -> None:
    """Note as fact `name` how long the run has taken so far, in milliseconds."""
    run = current_run()
    if run is not None:
        run.fact(**{name: round((run.now() - run.record.started) * 1000, 1)})


def note_failure(error: Exception) -> None:
    """Note what the client is told of a failure: HTTP status and type; once a stream has begun, as an `error` event."""
    run = current_run()
    if run is not None:
        answered = error if isinstance(error, GatewayError) else InternalError("")
        run.fact(error_status=answered.status, error_type=answered.type)


def _note_text(facts: dict[str, Fact], name: str, value: object) -> None:
    """Add a text to `facts`; what an upstream says of itself can be anything, and only texts are taken."""
    if isinstance(value, str):
        facts[name] = label(value)


def _note_counts(facts: dict[str, Fact], counts: Mapping[str, object], names: Mapping[str, str]) -> None:
    for theirs, ours in names.items():
        value = counts.get(theirs)
        if (type(value) is int or type(value) is float) and 0 <= value < _LARGEST_COUNT:
            facts[ours] = value
