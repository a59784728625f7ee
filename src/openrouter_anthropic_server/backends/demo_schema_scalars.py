"""Sample strings and numbers that keep to the rules of a JSON Schema."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_LONGEST_FOR_PATTERN = 24  # keeps a pattern that backtracks badly within milliseconds

_BY_FORMAT: Mapping[str, str] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "demo@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/demo",
    "uri-reference": "/demo",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "regex": "demo",
    "json-pointer": "/demo",
}

_BY_PROPERTY: Mapping[str, str] = {
    "command": "echo demo",
    "file_path": "/tmp/demo.txt",
    "notebook_path": "/tmp/demo.ipynb",
    "path": "/tmp",
    "url": "https://example.com/",
    "pattern": "demo",
    "language": "en",
    "city": "Paris",
    "location": "Paris",
}

_FOR_PATTERNS = (
    *("demo", "demo-1", "demo_1", "Demo", "DEMO", "a", "A", "0", "1", "12", "123", "1234", "12345", "true", ""),
    *("1.0", "1.0.0", "v1.0.0", "AB", "ABC", "ABCD", "A1", "A-1", "ABC-123", "en", "en-US", "#000000", "#demo"),
    *("/demo", "/tmp/demo.txt", "demo/demo", "demo.txt", "demo.py", "id_demo", "wf_demo-demo", "+15555550100"),
    *("555-0100", "555-555-0100", "12:00", "00:00:00", "2026-01", "2026/01/01", "deadbeef", "0123456789abcdef"),
)


def _string(rules: Mapping[str, Any], name: str) -> str:
    at_least, at_most = rules.get("minLength", 0), rules.get("maxLength")
    text = _BY_FORMAT.get(rules.get("format", "")) or _BY_PROPERTY.get(name) or f"demo {name}"
    patterns: Sequence[str] = rules.get("patterns", ())
    if patterns:
        likely = (candidate for candidate in (text, *_FOR_PATTERNS) if len(candidate) >= at_least)
        text = next((candidate for candidate in likely if _matches(candidate, patterns)), text)
    if len(text) < at_least:
        text = (text + " demo" * at_least)[:at_least]
    return text if at_most is None else text[:at_most]


def _matches(text: str, patterns: Sequence[str]) -> bool:
    if len(text) > _LONGEST_FOR_PATTERN:
        return False
    try:
        return all(re.search(pattern, text) for pattern in patterns)
    except re.error:  # ECMAScript has forms that Python does not know
        return True


def _integer(rules: Mapping[str, Any], name: str) -> int:
    return int(_number({**rules, "multipleOf": max(1, rules.get("multipleOf", 1))}, name))


def _number(rules: Mapping[str, Any], _name: str) -> float:
    low, high = _bounds(rules)
    step = rules.get("multipleOf")
    if step:
        return _multiple(low, high, step, rules)
    value: float = min(max(1, low), high)
    if value in {rules.get("exclusiveMinimum"), rules.get("exclusiveMaximum")}:
        return (low + high) / 2 if math.isfinite(low + high) else value + (1 if value == low else -1)
    return value


def _bounds(rules: Mapping[str, Any]) -> tuple[float, float]:
    low = max(rules.get("minimum", -math.inf), rules.get("exclusiveMinimum", -math.inf))
    high = min(rules.get("maximum", math.inf), rules.get("exclusiveMaximum", math.inf))
    return low, high


def _multiple(low: float, high: float, step: float, rules: Mapping[str, Any]) -> float:
    value = math.ceil(max(low, min(1, high)) / step) * step
    if value <= rules.get("exclusiveMinimum", -math.inf):
        value += step
    if value > high or value >= rules.get("exclusiveMaximum", math.inf):
        value = math.floor(high / step) * step
        value -= step if value >= rules.get("exclusiveMaximum", math.inf) else 0
    return value


SCALARS: Mapping[str, Callable[[Mapping[str, Any], str], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda _rules, _name: True,
    "null": lambda _rules, _name: None,
}
"""How to make a value of each scalar type from its rules and the name of its property."""
