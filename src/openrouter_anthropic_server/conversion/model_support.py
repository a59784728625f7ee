"""Fills an entry of the models list with what is known of the model: windows, limits, capabilities."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.model_list import (
    EFFORTS,
    UNKNOWN_DATE,
    ModelCapabilities,
    ModelInfo,
    alias_entry,
)
from openrouter_anthropic_server.conversion.model_names import from_via_alias, is_claude
from openrouter_anthropic_server.conversion.thinking_kinds import can_think


def filled(model: ModelInfo, known: Capabilities) -> ModelInfo:
    """The entry with what is `known` of the model where it says nothing itself; the same object if that is nothing."""
    extra: dict[str, Any] = {
        "max_input_tokens": known.max_input or known.context_window,
        "max_tokens": known.max_output,
        "capabilities": model_capabilities(model["id"], known) if _says_enough(known) else None,
    }
    missing = {name: value for name, value in extra.items() if value is not None and model.get(name) is None}
    return {**model, **missing} if missing else model  # type: ignore[typeddict-item]


def all_filled(models: Iterable[ModelInfo], capabilities_of: Callable[[str], Capabilities]) -> list[ModelInfo]:
    """The entries with what `capabilities_of` knows of their models; a `claude-via-…` alias is its model."""
    return [
        model if _is_whole(model) else filled(model, capabilities_of(from_via_alias(model["id"]) or model["id"]))
        for model in models
    ]


def plain_entry(model_id: str, *, description: str = "") -> ModelInfo:
    """The entry of a model of which only the name is known."""
    entry: ModelInfo = {
        "type": "model",
        "id": model_id,
        "display_name": model_id,
        "created_at": UNKNOWN_DATE,
        "lifecycle": "active",
        "line": None,
        "max_input_tokens": None,
        "max_tokens": None,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": None,
    }
    return {**entry, "description": description} if description else entry


def with_prefix(models: Iterable[ModelInfo], prefix: str) -> list[ModelInfo]:
    """The models of an upstream beside the configured one, under the names that lead there.

    Each foreign one is followed by its `claude-via-…` alias; aliases of the upstream's own list are left out.
    """
    prefixed: list[ModelInfo] = []
    for model in models:
        if from_via_alias(model["id"]) is not None:
            continue
        entry: ModelInfo = {**model, "id": prefix + model["id"]}
        prefixed.append(entry)
        if not is_claude(model["id"]):
            prefixed.append(alias_entry(entry))
    return prefixed


def model_capabilities(model_id: str, known: Capabilities) -> ModelCapabilities:
    """What is known of a model, in the form of the API."""
    claude = is_claude(model_id)
    thinks = can_think(known) is True
    kinds = known.thinking or frozenset()
    return {
        "batch": {"supported": True},  # this server runs batches for every model
        "citations": {"supported": claude},
        "code_execution": {"supported": claude and _runs("code_execution_", known)},
        "context_management": {"supported": claude},
        "effort": _effort(known.efforts or ()),
        "image_input": {"supported": known.images},
        "pdf_input": {"supported": known.pdfs},
        "server_tools": {
            "supported": claude and known.server_tools != (),
            "web_search": {"supported": claude and _runs("web_search_", known)},
            "code_execution": {"supported": claude and _runs("code_execution_", known)},
        },
        "structured_outputs": {"supported": known.structured_output},
        "thinking": {
            "supported": thinks,
            "types": {
                "adaptive": {"supported": "adaptive" in kinds},
                "between_tools": {"supported": "between_tools" in kinds},
                "disabled": {"supported": "disabled" in kinds or not thinks},
                "enabled": {"supported": "enabled" in kinds},
            },
        },
    }


def _effort(taken: Sequence[str]) -> dict[str, Any]:
    return {"supported": bool(taken), **{level: {"supported": level in taken} for level in EFFORTS}}


def _runs(tool: str, known: Capabilities) -> bool:
    return known.server_tools is not None and any(glob.startswith(tool) for glob in known.server_tools)


def _is_whole(model: ModelInfo) -> bool:
    return None not in (model["max_input_tokens"], model["max_tokens"], model["capabilities"])


def _says_enough(known: Capabilities) -> bool:
    """Whether so much is known that a model's abilities can be told, and not only guessed."""
    return known.thinking is not None or known.efforts is not None or known.context_window is not None
