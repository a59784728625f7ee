"""No parameter of the three APIs is dropped in silence, and each is measured over every backend."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.conformance.backends import HOME, Backend
from tests.conformance.introspection import anthropic_betas, anthropic_parameters, openai_parameters
from tests.conformance.measuring import Measurements, backends_of
from tests.conformance.rows import Row, all_rows

pytestmark = pytest.mark.blocking_allowed("LiteLLM asks for paths of files on the event loop")

ROOT = Path(__file__).parents[2]
ROWS = all_rows()

HANDLED = frozenset({"sent", "converted", "not sent", "refused"})


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_parameter_is_handled(measurements: Measurements, row: Row) -> None:
    handled = {backend.name: seen(measurements, backend, row) for backend in backends_of(row.api)}

    assert {backend: kind for backend, kind in handled.items() if kind not in HANDLED} == {}
    arrives = handled[HOME[row.api]] in {"sent", "converted"}
    assert arrives != bool(row.home), f"{handled}; reason given: {row.home!r}"


def seen(measurements: Measurements, backend: Backend, row: Row) -> str:
    """What became of a parameter, or why that could not be seen."""
    try:
        return measurements.parameter(backend, row)
    except AssertionError as error:
        return str(error)


def test_every_parameter_of_anthropics_sdk_is_a_row() -> None:
    names = {row.name for row in ROWS if row.api == "Anthropic"}

    assert anthropic_parameters() - names == set()
    assert {f"anthropic-beta: {beta}" for beta in anthropic_betas()} - names == set()


def test_every_parameter_of_openais_sdk_is_a_row() -> None:
    for api in ("OpenAI", "OpenAI's form"):
        names = {row.name for row in ROWS if row.api == api}

        assert openai_parameters() - names == set()


def test_rows_have_names_of_their_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_rows_name_tests_that_exist() -> None:
    missing = [f"{row.id}: {test}" for row in ROWS for test in row.tests if not exists(test)]

    assert missing == []


def test_a_test_that_is_gone_is_noticed() -> None:
    assert exists("tests/conformance/test_parameters.py::test_parameter_is_handled")
    assert not exists("tests/conformance/test_parameters.py::test_that_never_was")
    assert not exists("tests/conformance/no_such_file.py::test_parameter_is_handled")


def exists(test: str) -> bool:
    """Whether there is a test function with this id (without parameters)."""
    file, _, function = test.partition("::")
    return function in _functions(ROOT / file)


@cache
def _functions(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
