"""Which provider a model name means: by a prefix (`openai:gpt-5`, `mistral/magistral-medium`) or by the name itself.

Names are the providers' own, as of their model lists in 2026; pure text, nothing is looked up.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

PROVIDERS: Final = ("anthropic", "openai", "google", "cohere", "mistral", "azure", "bedrock")
"""In the order of preference for a model whose name says nothing."""

PREFIXES: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google",
    "gemini": "google",
    "cohere": "cohere",
    "mistral": "mistral",
    "mistralai": "mistral",
    "azure": "azure",
    "bedrock": "bedrock",
}
"""What may stand before a model name, and whom it means. `mistralai` is OpenRouter's name for Mistral."""

_BEDROCK_VENDORS = "ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|moonshot|openai|qwen|stability|writer"
_BY_NAME: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), provider)
    for pattern, provider in (
        # Bedrock writes `vendor.model`, `eu.vendor.model` (a region's inference profile) or an ARN.
        (rf"(?:(?:us|eu|apac|jp|au|ca|sa|us-gov|global)\.)?(?:{_BEDROCK_VENDORS})\.", "bedrock"),
        (r"arn:aws[a-z-]*:(?:bedrock|sagemaker):", "bedrock"),
        (r"claude-", "anthropic"),
        (r"(?:gpt|chatgpt)-|o[1-9](?:-|$)|codex-", "openai"),
        (r"(?:gemini|gemma|learnlm)-", "google"),
        (r"(?:command|c4ai)-|command$", "cohere"),
        (r"(?:open-)?(?:mistral|mixtral|codestral)-|(?:magistral|ministral|pixtral|devstral|voxtral)-", "mistral"),
    )
)
_SEPARATOR = re.compile(r"[:/]")


def split_provider(name: str) -> tuple[str, str] | None:
    """`openai:gpt-5` and `openai/gpt-5` -> ("openai", "gpt-5"); None for a name without a provider's prefix.

    The rest can be empty.
    """
    separator = _SEPARATOR.search(name)
    if separator is None:
        return None
    provider = PREFIXES.get(name[: separator.start()].lower())
    return None if provider is None else (provider, name[separator.end() :])


def provider_of(model: str) -> str | None:
    """The provider whose names look like this one; None where nothing tells."""
    return next((provider for pattern, provider in _BY_NAME if pattern.match(model)), None)


def choose_provider(name: str, configured: Collection[str]) -> tuple[str, str] | None:
    """The provider for a model name and the model's name there.

    A prefix decides, then the look of the name, then the order of preference among the `configured`; None if
    nothing is left to choose from.
    """
    split = split_provider(name)
    if split is not None:
        return split
    provider = provider_of(name) or next((one for one in PROVIDERS if one in configured), None)
    return None if provider is None else (provider, name)
