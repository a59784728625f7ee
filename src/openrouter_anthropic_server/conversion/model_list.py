"""The models list in Anthropic's shape: entries from an upstream's list, alias entries, pages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NotRequired, TypedDict

from openrouter_anthropic_server.conversion.model_names import VIA_PREFIX, is_claude, via_alias
from openrouter_anthropic_server.errors import InvalidRequestError, UpstreamError

Lifecycle = Literal["active", "deprecated", "retired"]

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 1000
UNKNOWN_DATE: Final = "1970-01-01T00:00:00Z"
"""`created_at` of a model whose release date is not known; the API's own convention."""

_MAX_MODELS = 5_000
EFFORTS: Final = ("low", "medium", "high", "max", "xhigh")
"""Levels of effort that the API tells of."""

_USUAL_EFFORTS = ("low", "medium", "high")
_LINE = re.compile(r"(?:^|[-/])(haiku|sonnet|opus|fable|mythos)(?![a-z])")
_AUTHOR = re.compile(r"^[^:]{1,40}: ")


class Support(TypedDict):
    """Whether a model can do something."""

    supported: bool


class ModelCapabilities(TypedDict):
    """What a model can do; every key must be there, strict clients fail otherwise."""

    batch: Support
    citations: Support
    code_execution: Support
    context_management: dict[str, Any]
    effort: dict[str, Any]
    image_input: Support
    pdf_input: Support
    server_tools: dict[str, Any]
    structured_outputs: Support
    thinking: dict[str, Any]


class ModelInfo(TypedDict):
    """One entry of `GET /v1/models`. Dates in RFC 3339; `capabilities` null where they are not known.

    `description` is not Anthropic's; Claude Code shows it.
    """

    type: Literal["model"]
    id: str
    display_name: str
    created_at: str
    lifecycle: Lifecycle
    line: str | None
    max_input_tokens: int | None
    max_tokens: int | None
    deprecated_at: str | None
    retires_at: str | None
    capabilities: ModelCapabilities | None
    description: NotRequired[str]


def models_from_openrouter(answer: object) -> list[ModelInfo]:
    """The models of OpenRouter's `GET /models`, each foreign one followed by its `claude-via-…` alias.

    Entries without an id are left out; an answer that is no list of models raises `UpstreamError`.
    """
    models: list[ModelInfo] = []
    for entry in _entries(answer):
        model = model_info_from_openrouter(entry)
        models.append(model)
        if not is_claude(model["id"]):
            models.append(alias_entry(model))
    return models


def models_from_anthropic(answer: object) -> list[ModelInfo]:
    """The models of an upstream that speaks Anthropic's API; what older ones leave out is filled in."""
    return [_completed(entry) for entry in _entries(answer)]


def model_info_from_openrouter(entry: Mapping[str, Any]) -> ModelInfo:
    """One entry of OpenRouter's list (with a string `id`) as Anthropic would show it."""
    model_id = str(entry["id"])
    provider = _mapping(entry.get("top_provider"))
    window = _positive(provider.get("context_length")) or _positive(entry.get("context_length"))
    expires = _day(entry.get("expiration_date"))
    return {
        "type": "model",
        "id": model_id,
        "display_name": _text(entry.get("name")) or model_id,
        "created_at": _moment(entry.get("created")),
        "lifecycle": "active" if expires is None else "deprecated",
        "line": _line(model_id),
        "max_input_tokens": window,
        "max_tokens": _positive(provider.get("max_completion_tokens")),
        "deprecated_at": None,
        "retires_at": expires,
        "capabilities": _capabilities(entry),
        "description": _description(model_id, window),
    }


def alias_entry(model: ModelInfo) -> ModelInfo:
    """The same model under a name that Claude Code's discovery keeps: it wants "claude" in the id."""
    model_id = model["id"]
    name = _AUTHOR.sub("", model["display_name"])
    return {**model, "id": via_alias(model_id), "display_name": f"{name} ({model_id})"}


def page(
    models: Sequence[ModelInfo], *, after_id: str | None = None, before_id: str | None = None, limit: int | str = 20
) -> dict[str, Any]:
    """One page: `data`, `has_more` (in the direction of paging), `first_id`, `last_id`.

    A cursor that is not in the list is ignored. Raises `InvalidRequestError` for a limit outside 1..1000.
    """
    size = _limit(limit)
    positions = {model["id"]: position for position, model in enumerate(models)}
    if after_id not in positions and before_id in positions:
        end = positions[before_id]
        start = max(0, end - size)
        return _page(models[start:end], has_more=start > 0)
    start = positions[after_id] + 1 if after_id in positions else 0
    return _page(models[start : start + size], has_more=start + size < len(models))


def _page(data: Sequence[ModelInfo], *, has_more: bool) -> dict[str, Any]:
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": list(data), "has_more": has_more, "first_id": first, "last_id": last}


def _limit(limit: int | str) -> int:
    try:
        size = int(limit)
    except ValueError:
        raise InvalidRequestError("limit: Input should be a valid integer") from None
    if size < 1:
        raise InvalidRequestError("limit: Input should be greater than or equal to 1")
    if size > MAX_LIMIT:
        raise InvalidRequestError(f"limit: Input should be less than or equal to {MAX_LIMIT}")
    return size


def _entries(answer: object) -> Iterable[dict[str, Any]]:
    data = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(data, list):
        raise UpstreamError("the upstream's answer is no list of models")
    return [entry for entry in data[:_MAX_MODELS] if isinstance(entry, dict) and _text(entry.get("id"))]


def _completed(entry: Mapping[str, Any]) -> ModelInfo:
    lifecycle = entry.get("lifecycle")
    model: ModelInfo = {
        "type": "model",
        "id": entry["id"],
        "display_name": _text(entry.get("display_name")) or entry["id"],
        "created_at": _text(entry.get("created_at")) or UNKNOWN_DATE,
        "lifecycle": lifecycle if lifecycle in ("deprecated", "retired") else "active",
        "line": _text(entry.get("line")) or _line(entry["id"]),
        "max_input_tokens": _positive(entry.get("max_input_tokens")),
        "max_tokens": _positive(entry.get("max_tokens")),
        "deprecated_at": _text(entry.get("deprecated_at")),
        "retires_at": _text(entry.get("retires_at")),
        "capabilities": entry.get("capabilities"),
    }
    extra = {key: value for key, value in entry.items() if key not in model}
    return {**model, **extra}  # type: ignore[typeddict-item]  # fields that are newer than this server


def _line(model_id: str) -> str | None:
    if model_id.startswith(VIA_PREFIX) or not is_claude(model_id):
        return None
    found = _LINE.search(model_id)
    return found[1] if found else None


def _description(model_id: str, window: int | None) -> str:
    return f"{model_id} on OpenRouter" + (f", {window:,} tokens of context" if window else "")


def _capabilities(entry: Mapping[str, Any]) -> ModelCapabilities:
    claude = is_claude(str(entry["id"]))
    parameters = _list(entry.get("supported_parameters"))
    inputs = _list(_mapping(entry.get("architecture")).get("input_modalities"))
    thinks = "reasoning" in parameters
    reasoning = _mapping(entry.get("reasoning"))
    return {
        "batch": {"supported": True},  # this server runs batches for every model
        "citations": {"supported": claude},
        "code_execution": {"supported": False},
        "context_management": {"supported": claude},
        "effort": _effort(reasoning, supported=thinks),
        "image_input": {"supported": "image" in inputs},
        "pdf_input": {"supported": "file" in inputs},
        "server_tools": {
            "supported": claude,
            "web_search": {"supported": claude},
            "code_execution": {"supported": False},
        },
        "structured_outputs": {"supported": "structured_outputs" in parameters},
        "thinking": {
            "supported": thinks,
            "types": {
                "adaptive": {"supported": thinks},
                "between_tools": {"supported": False},
                "disabled": {"supported": reasoning.get("mandatory") is not True},
                "enabled": {"supported": thinks},
            },
        },
    }


def _effort(reasoning: Mapping[str, Any], *, supported: bool) -> dict[str, Any]:
    known = _list(reasoning.get("supported_efforts")) or _USUAL_EFFORTS
    levels = {effort: {"supported": supported and effort in known} for effort in EFFORTS}
    return {"supported": supported, **levels}


def _moment(epoch_seconds: object) -> str:
    if not isinstance(epoch_seconds, int | float) or isinstance(epoch_seconds, bool):
        return UNKNOWN_DATE
    if not 0 <= epoch_seconds < 1e11:
        return UNKNOWN_DATE
    return datetime.fromtimestamp(int(epoch_seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(value: object) -> str | None:
    """RFC 3339 of OpenRouter's `expiration_date`, a day or a moment; None if it is neither."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _positive(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
