"""Parameters of requests that clients did not set; each value keeps the rule that a client's has to keep."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from openrouter_anthropic_server.conversion.parameter_table import BY_NAME

_WORDS: Final = frozenset({"route", "user"})
"""Texts; all others are written as JSON."""


def _checked(name: str) -> BeforeValidator:
    """What checks a setting that is the parameter `name`; an empty value counts as not set."""

    def checked(value: object) -> Any:
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            value = value if name in _WORDS else _json(value, BY_NAME[name].rule.wanted)
        if value is None:
            return None
        for path, problem in BY_NAME[name].rule.problems(name, value):
            inside = path.removeprefix(name).removeprefix(".")
            raise ValueError(f"{inside}: {problem}" if inside else problem)
        return value

    return BeforeValidator(checked)


def _json(text: str, wanted: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError(f"must be {wanted}, written as JSON") from None


class OpenRouterParameters(BaseSettings):
    """Defaults for what only OpenRouter takes."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="OPENROUTER_")

    min_p: Annotated[Any, NoDecode, _checked("min_p")] = Field(None, description="Default of `min_p`: 0 to 1.")
    top_a: Annotated[Any, NoDecode, _checked("top_a")] = Field(None, description="Default of `top_a`: 0 to 1.")
    repetition_penalty: Annotated[Any, NoDecode, _checked("repetition_penalty")] = Field(
        None, description="Default of `repetition_penalty`: 0 to 2."
    )
    temperature_range: Annotated[Any, NoDecode, _checked("temperature_range")] = Field(
        None, description="Temperatures sent to OpenRouter are kept within it, e.g. [0.2, 0.9]."
    )
    provider: Annotated[Any, NoDecode, _checked("provider")] = Field(
        None, description='Default of `provider`, a JSON object, e.g. {"order": ["anthropic"]}.'
    )
    transforms: Annotated[Any, NoDecode, _checked("transforms")] = Field(
        None, description='Default of `transforms`: ["middle-out"] shortens what is too long, [] forbids it.'
    )
    route: Annotated[Any, NoDecode, _checked("route")] = Field(
        None, description="Default of `route`: fallback or sort."
    )


class OpenAiParameters(BaseSettings):
    """Defaults for what OpenAI's API has and several upstreams take."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="OPENAI_")

    frequency_penalty: Annotated[Any, NoDecode, _checked("frequency_penalty")] = Field(
        None, description="Default of `frequency_penalty`: -2 to 2."
    )
    presence_penalty: Annotated[Any, NoDecode, _checked("presence_penalty")] = Field(
        None, description="Default of `presence_penalty`: -2 to 2."
    )
    seed: Annotated[Any, NoDecode, _checked("seed")] = Field(None, description="Default of `seed`: a whole number.")
    user: Annotated[Any, NoDecode, _checked("user")] = Field(
        None, description="Default of `user`, where a request names nobody."
    )
    logit_bias: Annotated[Any, NoDecode, _checked("logit_bias")] = Field(
        None, description="Default of `logit_bias`: a JSON object of token ids and numbers from -100 to 100."
    )


def default_parameters(*groups: BaseSettings) -> Mapping[str, Any]:
    """The values that are set, by parameter."""
    values = {name: value for group in groups for name, value in group.model_dump().items()}
    return {name: value for name, value in values.items() if value is not None}
