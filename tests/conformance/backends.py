"""The backends that the suite runs over: one entry each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.upstreams.bedrock import FakeBedrock
from tests.upstreams.chat_wire import Quirks
from tests.upstreams.cohere import FakeCohere
from tests.upstreams.databricks import PERSONAL_TOKEN, FakeDatabricks
from tests.upstreams.gemini import FakeGemini
from tests.upstreams.openai_like import DEPLOYMENT, FakeAzure, FakeMistral, FakeOpenAi
from tests.upstreams.server import FakeAnthropic, FakeOpenRouter, FakeUpstream

REFUSED = "refused"
"""The answer to a scenario that a backend cannot do: a 400 of this server that says so; the upstream is not asked."""

ESTIMATED = {"count_tokens": "estimated"}
"""Only Anthropic counts tokens for others."""

UNSIGNED = ESTIMATED | {
    "thinking": "without a signature",
    "thinking, streamed": "without a signature",
    "thinking, given back": "thinking left out",
    "usage with cache": "without cache writes",
}
"""Thinking that nobody signs cannot be given back; no writes to the cache are counted."""

HIDDEN_THINKING = ESTIMATED | {
    "thinking": "not shown",
    "thinking, streamed": "not shown",
    "thinking, given back": "thinking left out",
    "usage with cache": "without cache writes",
}
"""OpenAI's chat completions say how much a model thought, but not what; they count no writes to the cache."""

_KEY = "upstream-key-of-the-conformance-suite"


@dataclass(frozen=True, slots=True)
class Backend:
    """One way from the Messages API to a model.

    `env`: settings, in which `{base}` stands for the address of the fake that `upstream` makes. `model`: what
    clients ask for. `limits`: by scenario, what happens instead of all that it stands for; else it says "yes".
    `newest`: a model for what only the newest take; `plain`: one that does not think, for what only those take.
    `is_provider`: whether the universal endpoint reaches it too.
    """

    name: str
    env: Mapping[str, str]
    model: str
    upstream: Callable[[], FakeUpstream]
    limits: Mapping[str, str] = field(default_factory=lambda: ESTIMATED)
    newest: str = ""
    plain: str = ""
    is_provider: bool = False

    def settings(self, base: str) -> dict[str, str]:
        """The settings for a fake at this address."""
        return {name: value.replace("{base}", base) for name, value in self.env.items()}


def _openrouter(**more: str) -> dict[str, str]:
    return {
        "PROXY_BACKEND": "OPENROUTER",
        "OPENROUTER_API_KEY": _KEY,
        "OPENROUTER_BASE_URL": "{base}",
        **more,
    }


def _databricks(wire: str) -> dict[str, str]:
    return {
        "PROXY_BACKEND": "AZURE_DATABRICKS",
        "DATABRICKS_HOST": "{base}",
        "DATABRICKS_TOKEN": PERSONAL_TOKEN,
        "DATABRICKS_WIRE": wire,
    }


def _provider(**env: str) -> dict[str, str]:
    return {"PROXY_BACKEND": "DEMO", **env}


_LITELLM = {"PROXY_BACKEND": "LITELLM_OPENROUTER"}


class GeminiThere(FakeOpenRouter):
    """Gemini at OpenRouter, with Google's form of reasoning."""

    def reset(self) -> None:
        """The state of a new fake."""
        super().reset()
        self.quirks = Quirks(reasoning_format="google-gemini-v1")


CLAUDE, NEWEST = "anthropic/claude-opus-4.6", "anthropic/claude-opus-4.8"

BACKENDS: tuple[Backend, ...] = (
    Backend("OPENROUTER, messages", _openrouter(), CLAUDE, FakeOpenRouter, newest=NEWEST),
    Backend("OPENROUTER, chat", _openrouter(OPENROUTER_WIRE="chat"), CLAUDE, FakeOpenRouter, newest=NEWEST),
    Backend("LITELLM_OPENROUTER, messages", _openrouter(**_LITELLM), CLAUDE, FakeOpenRouter, newest=NEWEST),
    Backend("LITELLM_OPENROUTER, chat", _openrouter(**_LITELLM), "google/gemini-2.5-pro", GeminiThere),
    Backend(
        "ANTHROPIC",
        {
            "PROXY_BACKEND": "ANTHROPIC",
            "ANTHROPIC_UPSTREAM_API_KEY": _KEY,
            "ANTHROPIC_UPSTREAM_BASE_URL": "{base}",
        },
        "claude-opus-4-6",
        FakeAnthropic,
        {"count_tokens": "by the upstream"},
        newest="claude-opus-4-8",
        is_provider=True,
    ),
    Backend(
        "AZURE_DATABRICKS, messages",
        _databricks("messages"),
        "databricks-claude-sonnet-4-5",
        FakeDatabricks,
        newest="databricks-claude-opus-5-5",
    ),
    Backend(
        "AZURE_DATABRICKS, chat",
        _databricks("chat"),
        "databricks-claude-sonnet-4-5",
        FakeDatabricks,
        ESTIMATED | {"PDF": REFUSED},
        newest="databricks-claude-opus-5-5",
    ),
    Backend(
        "openai",
        _provider(OPENAI_API_KEY=_KEY, OPENAI_UPSTREAM_BASE_URL="{base}"),
        "openai:gpt-5.1",
        FakeOpenAi,
        HIDDEN_THINKING,
        plain="openai:gpt-4.1",
        is_provider=True,
    ),
    Backend(
        "azure",
        _provider(AZURE_API_KEY=_KEY, AZURE_API_BASE="{base}"),
        f"azure:{DEPLOYMENT}",
        FakeAzure,
        HIDDEN_THINKING,
        is_provider=True,
    ),
    Backend(
        "google",
        _provider(GEMINI_API_KEY=_KEY, GEMINI_UPSTREAM_BASE_URL="{base}"),
        "google:gemini-2.5-pro",
        FakeGemini,
        # Its signature of a text comes after the text: too late for a stream, and Gemini can do without it.
        ESTIMATED | {"thinking, streamed": "without a signature", "usage with cache": "without cache writes"},
        is_provider=True,
    ),
    Backend(
        "mistral",
        _provider(MISTRAL_API_KEY=_KEY, MISTRAL_UPSTREAM_BASE_URL="{base}"),
        "mistral:mistral-medium-latest",
        FakeMistral,
        UNSIGNED,
        is_provider=True,
    ),
    Backend(
        "cohere",
        _provider(COHERE_API_KEY=_KEY, COHERE_UPSTREAM_BASE_URL="{base}"),
        "cohere:command-a-03-2025",
        FakeCohere,
        UNSIGNED | dict.fromkeys(("image", "image in a tool result", "PDF", "structured output"), REFUSED),
        is_provider=True,
    ),
    Backend(
        "bedrock",
        _provider(AWS_BEARER_TOKEN_BEDROCK=_KEY, AWS_REGION="eu-central-1", BEDROCK_UPSTREAM_BASE_URL="{base}"),
        "bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0",
        FakeBedrock,
        is_provider=True,
    ),
)

HOME: Mapping[str, str] = {
    "Anthropic": "ANTHROPIC",
    "OpenAI": "openai",
    "OpenAI's form": "openai",
    "OpenRouter": "OPENROUTER, chat",
}
"""By API, the backend that has to be sent everything of it, except what a row gives a reason for."""
