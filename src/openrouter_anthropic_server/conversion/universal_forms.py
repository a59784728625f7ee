"""What a request of the universal endpoint asks for beside its content: forms, provider, stream, fallback."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from openrouter_anthropic_server.conversion.gemini_shapes import camel
from openrouter_anthropic_server.conversion.request_shapes import Json
from openrouter_anthropic_server.errors import InvalidRequestError

InputForm = Literal["anthropic_messages", "openai_chat", "google_gemini"]
OutputForm = Literal["anthropic_messages", "openai_chat", "google_gemini", "universal"]

INPUT_FORMS: Final[tuple[InputForm, ...]] = ("anthropic_messages", "openai_chat", "google_gemini")
OUTPUT_FORMS: Final[tuple[OutputForm, ...]] = (*INPUT_FORMS, "universal")

REQUEST_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A request in one of three forms, as an SDK of that API would post it, and keys of this server.",
    "required": ["model"],
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "input_format": {"enum": list(INPUT_FORMS), "description": "By default what the request looks like."},
        "output_format": {"enum": list(OUTPUT_FORMS), "description": "By default the form of the request."},
        "provider": {"description": "Who answers; by default what the model's name says.", "type": "string"},
        "stream": {"type": "boolean", "default": True},
        "fallback": {
            "anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}],
            "default": True,
            "description": "Whether other providers may answer before the first content, or which models.",
        },
    },
}
"""JSON schema of a request, for `components.schemas` of OpenAPI."""

_OWN_KEYS = frozenset({"input_format", "output_format", "stream", "fallback"})
_ANTHROPIC_KEYS = frozenset(
    {"system", "stop_sequences", "thinking", "output_config", "cache_control", "mcp_servers", "context_management"}
)
_OPENAI_KEYS = frozenset(
    {
        *("max_completion_tokens", "response_format", "reasoning_effort", "stop", "n", "stream_options", "logprobs"),
        *("frequency_penalty", "presence_penalty", "logit_bias", "functions", "function_call", "parallel_tool_calls"),
    }
)
_OPENAI_ROLES = ("developer", "tool", "function")  # no sets: the values compared can be anything
_OPENAI_PARTS = ("image_url", "input_audio", "file")
_OPENAI_CHOICES = ("function", "allowed_tools", "custom")
_ANTHROPIC_CHOICES = ("auto", "any", "tool", "none")
_ANTHROPIC_PARTS = ("tool_use", "tool_result", "image", "document", "thinking", "redacted_thinking")


@dataclass(frozen=True, slots=True)
class UniversalOptions:
    """What the client asks for. `body` is the request in its own form, without the keys of this server.

    `provider` is None where the model's name decides. `fallback`: whether other providers may answer, or which
    models, as `provider:model`. `include_usage`: whether an OpenAI stream ends with a chunk of usage.
    `include_thoughts`: whether an answer in Gemini's form shows thoughts; clients of that form have to ask for them.
    """

    body: dict[str, Any]
    model: str
    input_form: InputForm
    output_form: OutputForm
    provider: str | None
    stream: bool
    fallback: bool | tuple[str, ...]
    include_usage: bool
    include_thoughts: bool


def read_options(body: dict[str, Any]) -> UniversalOptions:
    """The options of a request. Raises `InvalidRequestError` naming the field."""
    input_form = cast(InputForm, _form(body, "input_format", INPUT_FORMS) or detect_form(body))
    output_form = _form(body, "output_format", OUTPUT_FORMS) or input_form
    provider = body.get("provider")
    own = _OWN_KEYS if isinstance(provider, Mapping) else _OWN_KEYS | {"provider"}
    if output_form == "openai_chat" != input_form:
        own |= {"stream_options"}  # it is about the form of the answer
    return UniversalOptions(
        body={name: value for name, value in body.items() if name not in own},
        model=_model(body),
        input_form=input_form,
        output_form=output_form,
        provider=_provider(provider),
        stream=_flag(body, "stream"),
        fallback=_fallback(body.get("fallback")),
        include_usage=_includes_usage(body.get("stream_options")),
        include_thoughts=input_form != "google_gemini" or _includes_thoughts(body),
    )


def detect_form(body: Json) -> InputForm:
    """The form of a request by what stands in it; the first rule that applies decides.

    1. `contents`: Gemini. 2. A tool with `function`, tool calls, a role or part that only OpenAI's API has, or a
    `tool_choice` in its form: OpenAI. 3. A top-level field, a part or a `tool_choice` that only Anthropic's has, or a
    tool with `input_schema`: Anthropic. 4. A field that only
    OpenAI's has, a system message, or no `max_tokens`, which Anthropic's API demands: OpenAI. 5. Anthropic.
    """
    if "contents" in body:
        return "google_gemini"
    tools, messages = _objects(body.get("tools")), _objects(body.get("messages"))
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if any("function" in tool for tool in tools) or any(map(_is_openais, messages)):
        return "openai_chat"
    if isinstance(choice, str) or kind in _OPENAI_CHOICES:
        return "openai_chat"
    if body.keys() & _ANTHROPIC_KEYS or any("input_schema" in tool for tool in tools):
        return "anthropic_messages"
    if kind in _ANTHROPIC_CHOICES or any(map(_is_anthropics, messages)):
        return "anthropic_messages"
    if body.keys() & _OPENAI_KEYS or "max_tokens" not in body or any(one.get("role") == "system" for one in messages):
        return "openai_chat"
    return "anthropic_messages"


def _is_openais(message: Json) -> bool:
    if message.get("role") in _OPENAI_ROLES or "tool_calls" in message:
        return True
    return any(part.get("type") in _OPENAI_PARTS for part in _objects(message.get("content")))


def _is_anthropics(message: Json) -> bool:
    return any(part.get("type") in _ANTHROPIC_PARTS for part in _objects(message.get("content")))


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _form(body: Json, name: str, known: tuple[OutputForm, ...]) -> OutputForm | None:
    value = body.get(name)
    if value is None:
        return None
    if value not in known:
        raise InvalidRequestError(f"{name}: Input should be one of {', '.join(known)}")
    return cast(OutputForm, value)


def _model(body: Json) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequestError("model: Field required: the name of a model, as in openai:gpt-5")
    # Google's clients write names as in their addresses.
    return model.strip().removeprefix("models/")


def _provider(value: object) -> str | None:
    """An object is OpenRouter's parameter of the same name, not ours."""
    if value is None or isinstance(value, Mapping):
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError("provider: Input should be the name of a provider")
    return value.strip().lower()


def _flag(body: Json, name: str) -> bool:
    value = body.get(name)
    if value is None:
        return True
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name}: Input should be a valid boolean")
    return value


def _fallback(value: object) -> bool | tuple[str, ...]:
    if value is None:
        return True
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise InvalidRequestError("fallback: Input should be true, false or a list of models as provider:model")


def _includes_thoughts(body: Json) -> bool:
    config = _inner(_inner(body, "generationConfig"), "thinkingConfig")
    return config.get("includeThoughts") is True or config.get("include_thoughts") is True


def _inner(body: Json, name: str) -> Json:
    """The object at a name of Gemini's, in one of its two spellings."""
    value = next((body[key] for key in body if camel(key) == name and body[key] is not None), None)
    return value if isinstance(value, Mapping) else {}


def _includes_usage(stream_options: object) -> bool:
    return isinstance(stream_options, Mapping) and stream_options.get("include_usage") is True
