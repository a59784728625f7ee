"""The scenarios by the names that the document shows, in its order."""

from collections.abc import Mapping

from tests.conformance import scenarios, scenarios_of_runs
from tests.conformance.scenarios import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    "text": scenarios.text,
    "stream": scenarios.stream,
    "system prompt": scenarios.system_prompt,
    "tools": scenarios.tools,
    "tools, streamed": scenarios.tools_streamed,
    "parallel tools": scenarios.parallel_tools,
    "parallel tools, streamed": scenarios.parallel_tools_streamed,
    "forced tool": scenarios.forced_tool,
    "image": scenarios.image,
    "image in a tool result": scenarios.image_in_tool_result,
    "PDF": scenarios.pdf,
    "structured output": scenarios.structured_output,
    "thinking": scenarios_of_runs.thinking,
    "thinking, streamed": scenarios_of_runs.thinking_streamed,
    "thinking, given back": scenarios_of_runs.thinking_replayed,
    "stop at max_tokens": scenarios_of_runs.stops_at_max_tokens,
    "refusal": scenarios_of_runs.stops_with_refusal,
    "usage with cache": scenarios_of_runs.usage,
    "error before the answer": scenarios_of_runs.error_before_the_stream,
    "error in the stream": scenarios_of_runs.error_in_the_stream,
    "broken stream": scenarios_of_runs.broken_stream,
    "cancel": scenarios_of_runs.cancel,
    "count_tokens": scenarios_of_runs.count_tokens,
    "models": scenarios_of_runs.models,
}
