"""JSON documents with one value replaced, and how long tests look for a bad one."""

from typing import Any

from hypothesis import HealthCheck, settings

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def paths(value: object, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value inside a JSON document."""
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    deeper = [path for key, child in children for path in paths(child, (*prefix, key))]
    return [*([prefix] if prefix else []), *deeper]


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """A copy of a JSON document with one value replaced."""
    if not path:
        return new
    key, *rest = path
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = replaced(value[key], tuple(rest), new)
    return copy
