"""Parameters beside Anthropic's on the messages wire: what they become, and what overrules what."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED
from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.messages_parameters import for_messages_wire
from openrouter_anthropic_server.conversion.own_parameters import without_own_parameters
from openrouter_anthropic_server.errors import InvalidRequestError

TOOLS = [{"name": "Bash", "input_schema": {"type": "object"}}]
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
COMPRESSION = {"id": "context-compression", "engine": "middle-out"}


def sent(upstream: str = "anthropic", /, **fields: Any) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """What goes out beside model and messages, and the notes."""
    notes = NoteBook()
    body = {"model": "m", "messages": [], **fields}
    before = dict(body)
    changed = for_messages_wire(without_own_parameters(body, upstream, notes), upstream, UNLIMITED, notes)
    assert body == before
    rest = {name: value for name, value in changed.items() if name not in ("model", "messages")}
    return rest, {(note.kind, note.path) for note in notes.notes()}


@pytest.mark.parametrize("upstream", ["anthropic", "openrouter", "databricks"])
def test_a_request_of_anthropics_parameters_stays_the_same_object(upstream: str) -> None:
    body = {"model": "m", "messages": [], "max_tokens": 5, "service_tier": "auto", "metadata": {"user_id": "u"}}
    notes = NoteBook()

    assert for_messages_wire(without_own_parameters(body, upstream, notes), upstream, UNLIMITED, notes) is body
    assert notes.notes() == ()


def test_openrouters_own_parameters_stay_where_they_are_taken() -> None:
    body = {"model": "m", "messages": [], "provider": {"order": ["anthropic"]}, "session_id": "s", "trace": {}}
    notes = NoteBook()

    assert for_messages_wire(body, "openrouter", UNLIMITED, notes) is body


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"user": "me"}, {"metadata": {"user_id": "me"}}),
        ({"max_tokens": 50, "max_completion_tokens": 20}, {"max_tokens": 20}),
        ({"max_tokens": 10, "max_completion_tokens": 20}, {"max_tokens": 10}),
        (
            {"tools": TOOLS, "parallel_tool_calls": False},
            {"tools": TOOLS, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"tools": TOOLS, "tool_choice": {"type": "any"}, "parallel_tool_calls": False},
            {"tools": TOOLS, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        ),
        (
            {"reasoning_effort": "low", "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            {
                "thinking": {"type": "adaptive"},
                "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            },
        ),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
    ],
)
def test_what_anthropic_has_under_another_name_is_sent_so(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    changed, notes = sent(**fields)

    assert changed == expected
    assert {kind for kind, _ in notes} == {"converted"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"stop": "END", "stop_sequences": ["A"]}, "stop"),
        ({"user": "me", "metadata": {"user_id": "you"}}, "user"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"parallel_tool_calls": True, "tools": TOOLS}, "parallel_tool_calls"),
        ({"response_format": {"type": "text"}}, "response_format"),
        (
            {"response_format": {"type": "json_object"}, "output_config": {"format": {"type": "json_schema"}}},
            "response_format",
        ),
        ({"service_tier": "flex"}, "service_tier"),
        ({"seed": 1}, "seed"),
    ],
)
def test_what_anthropic_says_better_or_not_at_all_is_left_out(fields: dict[str, Any], path: str) -> None:
    changed, notes = sent(**fields)

    assert changed == {name: value for name, value in fields.items() if name != path}
    assert notes == {("not_sent", path)}


def test_parallel_calls_that_anthropics_choice_forbids_are_said_to_be_so() -> None:
    notes = NoteBook()
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    body = {"model": "m", "messages": [], "tools": TOOLS, "tool_choice": choice, "parallel_tool_calls": True}

    changed = for_messages_wire(body, "anthropic", UNLIMITED, notes)

    assert changed["tool_choice"] == choice
    assert [note.detail for note in notes.notes()] == ["the request has tool_choice.disable_parallel_tool_use"]


def test_json_without_a_schema_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="^response_format: .*send output_config.format"):
        sent(response_format={"type": "json_object"})


class TestTransforms:
    @pytest.mark.parametrize(
        ("transforms", "plugin"),
        [(["middle-out"], COMPRESSION), ([], {"id": "context-compression", "enabled": False})],
    )
    def test_they_become_a_plugin(self, transforms: list[str], plugin: dict[str, Any]) -> None:
        changed, notes = sent("openrouter", transforms=transforms, plugins=[{"id": "web"}])

        assert changed == {"plugins": [{"id": "web"}, plugin]}
        assert notes == {("converted", "transforms")}

    def test_a_plugin_of_the_client_wins(self) -> None:
        changed, notes = sent("openrouter", transforms=[], plugins=[COMPRESSION])

        assert changed == {"plugins": [COMPRESSION]}
        assert notes == {("not_sent", "transforms")}


class TestTemperatureRange:
    @pytest.mark.parametrize(
        ("given", "limits", "expected"),
        [(0.5, [0.2, 0.9], 0.5), (0.1, [0.2, 0.9], 0.2), (1, [0.2, 0.9], 0.9), (0.5, [1.5, 2], 1)],
    )
    def test_the_temperature_is_kept_within_it(self, given: float, limits: list[float], expected: float) -> None:
        changed, notes = sent(temperature=given, temperature_range=limits)

        assert changed == {"temperature": expected}
        assert notes == (set() if given == expected else {("converted", "temperature")})

    def test_without_a_temperature_it_is_noted(self) -> None:
        assert sent(temperature_range=[0, 1]) == ({}, {("not_sent", "temperature_range")})
