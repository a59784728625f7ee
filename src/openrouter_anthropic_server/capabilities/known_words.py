"""The words that an entry of the capability table may use where others would be mistakes."""

from collections.abc import Mapping
from typing import Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every level of effort that some model takes, lowest first."""

UPSTREAMS: Final = (
    *("openrouter", "anthropic", "databricks", "openai", "google", "cohere", "mistral", "azure", "bedrock"),
    "demo",
)
WIRES: Final = ("messages", "chat")

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "thinking": ("adaptive", "enabled", "disabled", "between_tools"),
    "efforts": EFFORTS,
    "sampling": (
        *("temperature", "top_p", "top_k", "min_p", "top_a"),
        *("repetition_penalty", "frequency_penalty", "presence_penalty"),
    ),
}
"""By the field of an entry: what may stand in its list."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {"upstreams": UPSTREAMS, "wires": WIRES}
"""By the field of an entry: the names of which each of its globs must mean one."""
