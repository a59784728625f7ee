"""The table of parameters in the documentation against the table in the code, both ways."""

import re
from pathlib import Path

from openrouter_anthropic_server.conversion.parameter_table import PARAMETERS, REFUSED, Parameter

PAGE = Path(__file__).parents[3] / "docs" / "09-parameters.md"
ROW = re.compile(r"^\| `.*$", re.MULTILINE)


def documented(parameter: Parameter) -> str:
    """The line of the documentation for one parameter."""
    rule = parameter.rule.items or parameter.rule
    fields = ", ".join(f"`{name}`" for name in rule.fields)
    value = parameter.rule.wanted + (f" ({fields} are checked)" if fields else "")
    cells = (
        value,
        _takers(parameter.chat),
        _takers(parameter.messages),
        parameter.becomes and f"`{parameter.becomes}`",
    )
    return f"| `{parameter.name}` | {' | '.join(cells)} |".replace("  |", " |")


def _takers(names: object) -> str:
    assert isinstance(names, frozenset | dict)
    return "all" if len(names) == 8 else ", ".join(sorted(names))


def test_every_parameter_is_documented_as_it_is() -> None:
    found = [line for line in ROW.findall(PAGE.read_text(encoding="utf-8")) if line.count("|") == 6]

    assert found == [documented(parameter) for parameter in PARAMETERS]


def test_what_is_refused_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [name for name in REFUSED if f"`{name}`" not in text] == []
