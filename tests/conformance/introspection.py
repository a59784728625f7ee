"""The names of all parameters that the official SDKs know, read from their types."""

import typing
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from anthropic.types import message_create_params as stable
from anthropic.types.anthropic_beta_param import AnthropicBetaParam
from anthropic.types.beta import message_create_params as beta
from openai.types.chat import completion_create_params as openai_params
from typing_extensions import get_type_hints, is_typeddict

_DISCRIMINATOR = "type"
_WITHIN: Mapping[str, frozenset[str]] = {
    "messages": frozenset({"content"}),
    "messages.content[image]": frozenset({"source"}),
    "messages.content[document]": frozenset({"source"}),
    "messages.content[tool_result]": frozenset({"content"}),
    "context_management": frozenset({"edits"}),
    "output_config": frozenset({"format", "task_budget"}),
}
"""Fields below the top level whose own kinds and keys are parameters too; deeper ones belong to their values."""

_PER_KIND = frozenset({"messages.content", "context_management.edits"})
"""Fields where a key means something else in each kind, so that it is a parameter of each kind."""

_OPAQUE = frozenset({"fallbacks", "model"})
"""Fields whose values are requests again, or names."""


def anthropic_parameters() -> set[str]:
    """`field`, `field[kind]`, `field.key` of Anthropic's Messages API, stable and beta."""
    return set(_names(stable.MessageCreateParamsBase, "")) | set(_names(beta.MessageCreateParamsBase, "")) | {"stream"}


def anthropic_betas() -> list[str]:
    """The known values of `anthropic-beta`."""
    return sorted(name for kind in get_args(AnthropicBetaParam) for name in get_args(kind))


def openai_parameters() -> set[str]:
    """The fields of OpenAI's chat completions."""
    return {*get_type_hints(openai_params.CompletionCreateParamsBase), "stream"}


def _names(shape: Any, path: str) -> Iterator[str]:
    for key, annotation in get_type_hints(shape).items():
        if key != _DISCRIMINATOR:
            name = f"{path}.{key}" if path else key
            yield name
            if name not in _OPAQUE and (not path or key in _WITHIN.get(path, ())):
                yield from _names_within(annotation, name)


def _names_within(annotation: Any, name: str) -> Iterator[str]:
    shapes = _shapes(annotation)
    for shape in shapes:
        kind = _kind(shape)
        if kind is not None and len(shapes) > 1:
            yield f"{name}[{kind}]"
        yield from _keys(shape, name, kind)


def _keys(shape: Any, name: str, kind: str | None) -> Iterator[str]:
    if kind is not None and name in _PER_KIND:
        yield from _own_keys(shape, f"{name}[{kind}]")
    elif kind is not None and "." in name and name not in _WITHIN:
        return
    else:
        yield from _names(shape, name)


def _own_keys(shape: Any, path: str) -> Iterator[str]:
    """Optional keys of one kind; those that it needs come with it. Cache marks are one parameter of all kinds."""
    required = _required(shape)
    for key, annotation in get_type_hints(shape).items():
        if key == "cache_control":
            yield f"{path.partition('[')[0]}.cache_control"
        elif key != _DISCRIMINATOR:
            if key not in required:
                yield f"{path}.{key}"
            if key in _WITHIN.get(path, ()):
                yield from (f"{path}.{key}[{_kind(one)}]" for one in _shapes(annotation) if _kind(one))


def _required(shape: Any) -> set[str]:
    """Keys marked as required; the SDK's modules postpone annotations, so the classes themselves do not know."""
    raw = {key: value for base in reversed(shape.__mro__[:-1]) for key, value in _annotations(base).items()}
    raw |= shape.__annotations__
    return {key for key, value in raw.items() if "Required[" in _text(value) and "NotRequired[" not in _text(value)}


def _annotations(shape: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(shape, "__annotations__", {})
    return found


def _text(annotation: Any) -> str:
    return annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else str(annotation)


def _shapes(annotation: Any) -> list[Any]:
    """The TypedDicts in a type, also inside unions and lists."""
    origin = get_origin(annotation)
    if origin in {typing.Union, UnionType} or (isinstance(origin, type) and issubclass(origin, Iterable)):
        return [shape for inner in get_args(annotation) for shape in _shapes(inner)]
    return [annotation] if is_typeddict(annotation) else []


def _kind(shape: Any) -> str | None:
    annotation = get_type_hints(shape).get(_DISCRIMINATOR)
    values = [
        value for one in (annotation, *get_args(annotation)) if get_origin(one) is Literal for value in get_args(one)
    ]
    return values[0] if values else None
