"""What the value of a parameter must be: rules that can say in words what they want."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """`wanted` completes "must be ..."; `holds` tells whether a value is that.

    `fields` are rules for the fields of an object that have one, `items` is the rule for each element of a list.
    """

    wanted: str
    holds: Callable[[Any], bool]
    fields: Mapping[str, "Rule"] = field(default_factory=dict)
    items: "Rule | None" = None

    def problems(self, path: str, value: Any) -> Iterator[tuple[str, str]]:
        """Path and description of what is wrong with a value; null inside an object counts as absent."""
        if not self.holds(value):
            yield path, f"must be {self.wanted}"
            return
        for name, rule in self.fields.items():
            if value.get(name) is not None:
                yield from rule.problems(f"{path}.{name}", value[name])
        if self.items is not None:
            for number, item in enumerate(value):
                yield from self.items.problems(f"{path}.{number}", item)


def number(low: float, high: float) -> Rule:
    """A number in a closed range."""
    return Rule(f"a number between {low:g} and {high:g}", lambda value: _is_number(value) and low <= value <= high)


def whole_number(low: int | None = None, high: int | None = None) -> Rule:
    """A whole number, in a closed range if it has ends."""
    return Rule(
        f"a whole number{_range(low, high)}",
        lambda value: _is_whole(value) and (low is None or value >= low) and (high is None or value <= high),
    )


def whole_number_of_64_bits() -> Rule:
    """A whole number that JSON readers everywhere can hold."""
    return Rule("a whole number of at most 64 bits", lambda value: _is_whole(value) and -(2**63) <= value < 2**63)


def truth() -> Rule:
    """true or false."""
    return Rule("true or false", lambda value: isinstance(value, bool))


def text(longest: int | None = None) -> Rule:
    """A text, not empty."""
    limit = "" if longest is None else f" of at most {longest} characters"
    return Rule(
        f"a text{limit}",
        lambda value: isinstance(value, str) and value != "" and (longest is None or len(value) <= longest),
    )


def one_of(*words: str) -> Rule:
    """One of a few words."""
    return Rule(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def an_object(**fields: Rule) -> Rule:
    """An object; fields that are not named here may be anything."""
    return Rule("an object", lambda value: isinstance(value, dict), fields)


def a_list(items: Rule, *, longest: int | None = None) -> Rule:
    """A list of elements that each meet a rule."""
    limit = "" if longest is None else f" of at most {longest} elements"
    return Rule(
        f"a list{limit}",
        lambda value: isinstance(value, list) and (longest is None or len(value) <= longest),
        items=items,
    )


def a_map(values: Rule, *, most: int | None = None, longest_key: int | None = None) -> Rule:
    """An object of any names whose values are all of one kind."""
    limits = "" if most is None else f" of at most {most} entries"
    keys = "" if longest_key is None else f" with names of at most {longest_key} characters"

    def holds(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and (most is None or len(value) <= most)
            and all((longest_key is None or len(key) <= longest_key) and values.holds(value[key]) for key in value)
        )

    return Rule(f"an object{limits}{keys} whose values are each {values.wanted}", holds)


def a_map_by_number(values: Rule) -> Rule:
    """An object whose names are the numbers of tokens."""
    inner = a_map(values)
    return Rule(
        f"an object of numbers of tokens whose values are each {values.wanted}",
        lambda value: inner.holds(value) and all(key.isascii() and key.isdecimal() for key in value),
    )


def either(*rules: Rule) -> Rule:
    """What meets one of several rules; the fields of objects are looked at by the rule that they meet."""
    return Rule(
        " or ".join(rule.wanted for rule in rules),
        lambda value: any(rule.holds(value) and not any(rule.problems("", value)) for rule in rules),
    )


def an_interval(low: float, high: float) -> Rule:
    """`[low, high]`: two numbers in a closed range, the smaller one first."""
    end = number(low, high)
    return Rule(
        f"two numbers [low, high] between {low:g} and {high:g}, low first",
        lambda value: (
            isinstance(value, list) and len(value) == 2 and all(map(end.holds, value)) and value == sorted(value)
        ),
    )


def exactly(only: int) -> Rule:
    """One whole number and no other."""
    return Rule(str(only), lambda value: _is_whole(value) and value == only)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return (_is_whole(value) or isinstance(value, float)) and isfinite(value)


def _range(low: int | None, high: int | None) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f", at least {low}"
        case None, _:
            return f", at most {high}"
        case _:
            return f" between {low} and {high}"
