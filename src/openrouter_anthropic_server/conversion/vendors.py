"""Who made a model, read off its name, and whose reasoning a `reasoning_details` format belongs to."""

ANTHROPIC = "anthropic"
GOOGLE = "google"
OPENAI = "openai"
X_AI = "x-ai"

_BARE_NAMES = (("claude", ANTHROPIC), ("gemini", GOOGLE), ("gpt-", OPENAI), ("grok", X_AI))
"""Names without an author (`databricks-claude-sonnet-4`, `gemini-2.5-pro`): a part of the name and its author."""

_FORMATS: tuple[tuple[str, frozenset[str]], ...] = (
    ("anthropic-", frozenset({ANTHROPIC})),
    ("google-", frozenset({GOOGLE})),
    ("openai-", frozenset({OPENAI})),
    ("azure-", frozenset({OPENAI, "azure"})),
    ("bedrock-openai-", frozenset({OPENAI})),
    ("xai-", frozenset({X_AI})),
    ("meta-", frozenset({"meta", "meta-llama"})),
)


def vendor_of(model: str) -> str:
    """The author of `model`: `~anthropic/claude-opus-latest` -> "anthropic"; "" if the name does not tell."""
    author, slash, rest = model.lstrip("~").lower().partition("/")
    if author == "openrouter" and "/" in rest:
        return vendor_of(rest)
    if slash:
        return author
    return next((vendor for part, vendor in _BARE_NAMES if part in author), "")


def vendors_of_format(reasoning_format: object) -> frozenset[str] | None:
    """The authors whose models take reasoning of this `format`; None if the format names nobody we know."""
    if not isinstance(reasoning_format, str):
        return None
    return next((vendors for prefix, vendors in _FORMATS if reasoning_format.startswith(prefix)), None)
