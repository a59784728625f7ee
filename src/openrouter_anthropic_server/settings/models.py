"""What model names mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import CommaList

ALIAS_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_KEYS: Final = frozenset({"model", "effort"})


@dataclass(frozen=True, slots=True)
class ModelAlias:
    """What an alias stands for; `effort` is for requests that say nothing of it."""

    model: str
    effort: str | None = None


def _aliases(value: object) -> object:
    """Aliases of a JSON object; what is wrong with one is a `ValueError` that names it."""
    if not isinstance(value, dict):
        return value
    return {str(name): _alias(str(name), target) for name, target in value.items()}


def _alias(name: str, target: object) -> ModelAlias:
    if isinstance(target, ModelAlias):
        return target
    fields: Mapping[str, Any] = target if isinstance(target, dict) else {"model": target}
    unknown = sorted(fields.keys() - _KEYS)
    if unknown:
        raise ValueError(f"'{name}': unknown key '{unknown[0]}', known are model and effort")
    model, effort = fields.get("model"), fields.get("effort")
    if not isinstance(model, str) or not model:
        raise ValueError(f"'{name}': must be a model name, or an object with a model and an effort")
    if effort is not None and effort not in ALIAS_EFFORTS:
        raise ValueError(f"'{name}': effort must be one of {', '.join(ALIAS_EFFORTS)}")
    return ModelAlias(model, effort)


class ModelSettings(BaseSettings):
    """The names `big` and `small`, and aliases of the operator's own."""

    model_config = SettingsConfigDict(extra="ignore", protected_namespaces=())

    big_model: str = Field("anthropic/claude-sonnet-4", min_length=1, description="Model behind the name `big`.")
    small_model: str = Field("anthropic/claude-3.7-sonnet", min_length=1, description="Model behind the name `small`.")
    model_aliases: Annotated[dict[str, ModelAlias], BeforeValidator(_aliases)] = Field(
        default_factory=dict,
        description=(
            'JSON object: model name or glob -> backend model, or {"model": ..., "effort": ...},'
            ' e.g. {"claude-*": "openai/gpt-5"}.'
        ),
    )
    fallback_models: CommaList = Field(
        (), description="Models that answer where another cannot, comma-separated, tried in this order."
    )
