"""Tool names for upstreams, and the way back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.tool_names import ToolNames

VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LONG = "mcp__a_server_with_a_long_name__and_a_tool_with_a_name_that_is_even_longer"


@pytest.mark.parametrize("name", ["Bash", "mcp__tiny__add", "a-b_C9", "x" * 64])
def test_valid_names_stay(name: str) -> None:
    names = ToolNames()

    assert names.to_upstream(name) == name
    assert names.to_client(name) == name


@pytest.mark.parametrize("name", [LONG, "x" * 65, "files.read", "näme", "a b", "", "日本"])
def test_other_names_become_valid_and_come_back(name: str) -> None:
    names = ToolNames()
    mapped = names.to_upstream(name)

    assert VALID.fullmatch(mapped)
    assert names.to_client(mapped) == name


def test_a_mapped_name_starts_readably() -> None:
    assert ToolNames().to_upstream(LONG).startswith("mcp__a_server_with_a_long_name__and_a_tool_with_a_name")
    assert ToolNames().to_upstream("files.read").startswith("files_read_")


def test_a_name_is_mapped_the_same_way_in_every_request() -> None:
    assert ToolNames([LONG]).to_upstream(LONG) == ToolNames(["other", LONG]).to_upstream(LONG)


def test_names_that_differ_only_at_the_end_stay_apart() -> None:
    names = ToolNames()

    assert names.to_upstream(LONG + "1") != names.to_upstream(LONG + "2")


def test_a_mapped_name_never_equals_the_name_of_another_tool() -> None:
    taken = ToolNames().to_upstream(LONG)
    names = ToolNames([taken, LONG])

    assert names.to_upstream(LONG) != taken
    assert names.to_client(names.to_upstream(taken)) == taken
    assert names.to_client(names.to_upstream(LONG)) == LONG


def test_an_unknown_name_of_a_model_stays() -> None:
    assert ToolNames().to_client("invented") == "invented"


@given(st.lists(st.text(max_size=80), unique=True))
def test_any_names_become_valid_distinct_and_come_back(client_names: list[str]) -> None:
    names = ToolNames(client_names)
    mapped = [names.to_upstream(name) for name in client_names]

    assert all(VALID.fullmatch(name) for name in mapped)
    assert len(set(mapped)) == len(mapped)
    assert [names.to_client(name) for name in mapped] == client_names
