from typing import Any

import pytest

from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.errors import OverloadedError
from openrouter_anthropic_server.streaming.deltas import Delta, Failure, Finish, TextDelta, ThinkingDelta
from tests.unit.streaming.events import Event, assemble, call, check_stream, message_of, new_assembler

DONE = Finish("tool_calls")


def calls(*deltas: Delta, **options: Any) -> list[tuple[str, dict[str, Any]]]:
    """Name and input of each call of a stream with these deltas."""
    return [(block["name"], block["input"]) for block in blocks(*deltas, **options)]


def blocks(*deltas: Delta, **options: Any) -> list[dict[str, Any]]:
    events = assemble([*deltas, DONE], **options)
    check_stream(events)
    return [dict(block) for block in message_of(events)["content"]]


def partial_json(events: list[Event]) -> list[tuple[int, str]]:
    deltas = [event for event in events if event["type"] == "content_block_delta"]
    return [(event["index"], event["delta"].get("partial_json")) for event in deltas]


def test_arguments_stream_live() -> None:
    assembler = new_assembler()
    assembler.start()

    opened = assembler.feed(call(0, "", "f", "toolu_1"))
    assert opened == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}},
    ]
    assert partial_json(assembler.feed(call(0, '{"a'))) == [(0, '{"a')]
    assert partial_json(assembler.feed(call(0, '":1}'))) == [(0, '":1}')]


@pytest.mark.parametrize("arguments", [[], [""], ["", ""], [" "], ["null"], ["nu", "ll"], ["\n", "{}"]])
def test_a_call_without_arguments_has_empty_input(arguments: list[str]) -> None:
    pieces = [call(0, "", "f", "t"), *(call(0, piece) for piece in arguments)]

    assert calls(*pieces) == [("f", {})]


def test_arguments_that_are_no_json_go_out_as_they_are() -> None:
    for arguments in ('{"a": tru', "a=1", '"text"', '{"a":1}}'):
        events = assemble([call(0, arguments[:3], "f"), call(0, arguments[3:]), DONE])

        check_stream(events)
        assert "".join(piece for _, piece in partial_json(events)) == arguments


def test_the_client_gets_its_own_name_for_the_tool() -> None:
    names = ToolNames()
    upstream_name = names.to_upstream("mcp.server/with a very unusual name")

    assert calls(call(0, "{}", upstream_name), tool_names=names)[0][0] == "mcp.server/with a very unusual name"


def test_ids_are_made_where_missing_and_made_unique_where_repeated() -> None:
    pieces = [call(0, "{}", "a", "x"), call(1, "{}", "b", "x"), call(2, "{}", "c"), call(3, "{}", "d", "x_1")]

    ids = [block["id"] for block in blocks(*pieces)]

    assert ids[0] == "x"
    assert ids[2].startswith("toolu_")
    assert len(set(ids)) == 4


def test_sequential_calls_close_as_soon_as_the_next_begins() -> None:
    assembler = new_assembler()
    assembler.start()
    assembler.feed(call(0, '{"a":1}', "f", "1"))

    events = assembler.feed(call(1, "", "g", "2"))

    assert [event["type"] for event in events][:2] == ["content_block_stop", "content_block_start"]


def test_a_call_that_is_not_whole_waits_for_its_rest_and_the_other_for_it() -> None:
    assembler = new_assembler()
    assembler.start()
    assembler.feed(call(0, '{"a"', "f", "1"))

    assert assembler.feed(call(1, '{"b":2}', "g", "2")) == []
    closing = assembler.feed(call(0, ":1}"))
    assert partial_json(closing) == [(0, ":1}"), (1, ""), (1, '{"b":2}')]
    assert [event["type"] for event in closing][1:3] == ["content_block_stop", "content_block_start"]


def test_text_between_pieces_of_a_call_waits_and_stands_after_it() -> None:
    pieces: list[Delta] = [
        call(0, '{"a"', "f"),
        TextDelta("Wait"),
        call(0, ":1}"),
        TextDelta(" for it"),
        ThinkingDelta("hm"),
    ]

    assert [block["type"] for block in blocks(*pieces)] == ["tool_use", "text", "thinking"]
    assert blocks(*pieces)[1]["text"] == "Wait for it"


def test_text_after_a_whole_call_goes_out_at_once() -> None:
    assembler = new_assembler()
    assembler.start()
    assembler.feed(call(0, "{}", "f"))

    assert [event["type"] for event in assembler.feed(TextDelta("x"))] == [
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
    ]


def test_white_space_for_a_closed_call_is_ignored_and_more_is_a_failure() -> None:
    assembler = new_assembler()
    events = assembler.start() + assembler.feed(call(0, "{}", "f", "1")) + assembler.feed(call(1, "{", "g", "2"))

    assert assembler.feed(call(0, " \n")) == []
    assert assembler.feed(call(0, "")) == []
    events += assembler.feed(call(0, ',"b":2}'))
    check_stream(events)
    assert events[-1]["type"] == "error"
    assert assembler.failure is not None


def test_a_failure_leaves_the_open_call_open() -> None:
    events = assemble([call(0, '{"path": "/', "Write"), Failure(OverloadedError("busy"))])

    assert [event["type"] for event in events[-2:]] == ["content_block_delta", "error"]


def test_a_call_without_a_name_is_a_failure() -> None:
    events = assemble([call(0, '{"a":1}', call_id="x"), DONE])

    assert [event["type"] for event in events] == ["message_start", "error"]
    assert "without a name" in events[-1]["error"]["message"]


def test_a_name_may_come_after_the_first_piece() -> None:
    assert calls(call(0, '{"a"', None, "x"), call(0, "", "f"), call(0, ":1}")) == [("f", {"a": 1})]


def test_a_piece_that_says_nothing_is_no_call() -> None:
    assert blocks(call(0), call(None)) == []


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (
            [call(None, '{"a"', "f", "1"), call(None, ":1}"), call(None, "{}", "g", "2")],
            [("f", {"a": 1}), ("g", {})],
        ),
        (
            [call(None, '{"a"', "f", "1"), call(None, "{", "g", "2"), call(None, ":1}", None, "1"), call(None, "}")],
            [("f", {"a": 1}), ("g", {})],
        ),
        ([call(None, "{}", "f"), call(None, '{"b":1}', "f")], [("f", {}), ("f", {"b": 1})]),
        ([call(0, "{}", "f", "1"), call(0, '{"b":1}', "g", "2")], [("f", {}), ("g", {"b": 1})]),
        ([call(0, "{}", "f"), call(0, '{"b":1}', "f")], [("f", {}), ("f", {"b": 1})]),
        ([call(0, '{"a"', "f", "1"), call(0, ":1}", "f", "1"), call(0, "", "f", "1")], [("f", {"a": 1})]),
        ([call(0, '{"a"', "f"), call(0, ":1}", "f", "1")], [("f", {"a": 1})]),
        ([call(5, "{}", "f", "1"), call(2, "{}", "g", "2")], [("f", {}), ("g", {})]),
    ],
    ids=[
        "no index, one after the other",
        "no index, told apart by id",
        "neither index nor id",
        "every call numbered 0",
        "every call numbered 0, no ids",
        "name and id repeated",
        "id after the first piece",
        "numbers in any order",
    ],
)
def test_careless_numbering_is_sorted_out(pieces: list[Delta], expected: list[tuple[str, Any]]) -> None:
    assert calls(*pieces) == expected


def test_stop_with_calls_is_tool_use_and_tool_calls_without_is_not() -> None:
    assert message_of(assemble([call(0, "{}", "f"), Finish("stop")]))["stop_reason"] == "tool_use"
    assert message_of(assemble([TextDelta("a"), DONE]))["stop_reason"] == "end_turn"


def test_a_call_cut_off_by_the_token_limit_is_closed_as_the_api_does() -> None:
    events = assemble([call(0, '{"a": [1, 2', "f"), Finish("length")])

    check_stream(events)
    assert message_of(events)["content"][0]["input"] == {"a": [1, 2]}  # type: ignore[typeddict-item]
