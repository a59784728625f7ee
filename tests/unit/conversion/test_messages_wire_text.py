"""What reaches a Messages upstream is the client's text, apart from the edits that have to be."""

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.messages_wire import PreparedMessages, prepare_messages_body
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.claude_code_requests import recorded_body, request_files

JSON = dict[str, Any]
NEW = "anthropic/claude-opus-5.5"
USER = {"role": "user", "content": "hi"}
TEXT = {"type": "text", "text": "hello"}
OWN = {"type": "thinking", "thinking": "hm", "signature": "EqQBCkYI"}


def prepare(raw: bytes, model: str = NEW) -> PreparedMessages:
    return prepare_messages_body(orjson.loads(raw), raw, model=model, upstream="openrouter")


def history(*turns: JSON) -> JSON:
    return {"model": "claude-opus-5-5", "max_tokens": 10, "messages": [USER, *turns]}


def assistant(*blocks: JSON) -> JSON:
    return {"role": "assistant", "content": list(blocks)}


def test_a_request_that_needs_no_edit_is_the_same_object() -> None:
    raw = json.dumps(history(assistant(OWN, TEXT)), indent=1).encode()
    body = orjson.loads(raw)

    prepared = prepare_messages_body(body, raw, model="claude-opus-5-5", upstream="anthropic")

    assert prepared.body is raw
    assert prepared.notes == ()


TAIL = b'"max_tokens":10,"messages":[{"role":"user","content":"hi"}]'
EXACT = [
    b'{"model":"old",%s}',
    b'{%s,"model":"old"}',
    b' {\n "model" :\t"old" , %s }\n',
    b'{"model":"old","x":123456789012345678901234567890,%s}',
    b'{"x":-98765432109876543210,%s,"model":"old"}',
    b'{"model":"old","x":[1E5,-0,1.10,1e-7,0.1000000000000000055511151231257827],%s}',
    b'{"model":"old","x":"\\u00e9\\/\\u2028 \xf0\x9f\x98\x80",%s}',
    b'{"tools":[{"input_schema":{"properties":{"model":{"type":"string"}},"required":["model"]}}],%s,"model":"old"}',
    b'{"x":{"model":"other"},"y":["model"],%s,"model":"old"}',
    b'{"x":"\\"model\\":\\"old\\"","y\\"model":"old",%s,"model":"old"}',
    b'{"x":"\\\\","model":"old",%s}',
    b'{"model":"first","x":1.10,%s,"model":"old"}',
    b'{"x":' + b"[" * 500 + b"]" * 500 + b',%s,"model":"old"}',
]


@pytest.mark.parametrize("raw", EXACT)
def test_with_another_model_every_other_byte_stays(raw: bytes) -> None:
    raw = raw.replace(b"%s", TAIL)
    value = raw.rindex(b'"old"')

    assert prepare(raw).body == raw[:value] + b'"' + NEW.encode() + b'"' + raw[value + len(b'"old"') :]


UNCLEAR = [
    b'{"x":{"model":"old"},"big":123456789012345678901234567890,%s,"model":"old"}',
    b'{"x":{"model":"old"},"big":123456789012345678901234567890,%s,"\\u006dodel":"old"}',
    b'{"x":{"model":"old"},"big":123456789012345678901234567890,%s,"mo\\u0064e\\u006C":"old"}',
    b'{"x":{"model":"old"},"big":123456789012345678901234567890,%s,"model":"\\u006fld"}',
    b'{"x":{"model":"old"},"big":123456789012345678901234567890,%s,"model":"ol\\u0064"}',
    b'{"model":"old","big":123456789012345678901234567890,%s,"model":"old"}',
    rb'{"x":"\\u006","y":{"model":"old"},"big":123456789012345678901234567890,%s,"model":"old"}',
]


@pytest.mark.parametrize("raw", UNCLEAR)
def test_where_the_model_cannot_be_told_by_bytes_all_digits_stay_nevertheless(raw: bytes) -> None:
    raw = raw.replace(b"%s", TAIL)

    assert json.loads(prepare(raw).body) == {**json.loads(raw), "model": NEW}


def test_slashes_escaped_in_the_model_name_are_understood() -> None:
    raw = b'{"model":"vendor\\/old","x":{"model":"vendor/old"},%s}'.replace(b"%s", TAIL)

    assert json.loads(prepare(raw).body) == {**json.loads(raw), "model": NEW}


def test_a_model_name_with_quotes_is_escaped() -> None:
    prepared = prepare(b'{"model":"a\\"b",%s}'.replace(b"%s", TAIL), model='c"d\u00e9')

    assert orjson.loads(prepared.body)["model"] == 'c"d\u00e9'


NAMES = st.sampled_from(["old", "model", 'o"ld', "o/l", "\u00e9", 'x"model":"old'])
TREES = st.recursive(
    NAMES | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("model"), inner, max_size=3),
    max_leaves=12,
)


@given(
    fields=st.dictionaries(st.sampled_from(["x", "y", 'z"model', "system"]), TREES),
    model=NAMES,
    place=st.integers(0, 4),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:")]),
)
def test_whatever_the_text_only_the_model_changes(
    fields: JSON, model: str, place: int, ascii_only: bool, separators: tuple[str, str]
) -> None:
    items = [*fields.items(), ("messages", [USER])]
    items.insert(place, ("model", model))
    raw = json.dumps(dict(items), ensure_ascii=ascii_only, separators=separators).encode()

    sent = json.loads(prepare(raw).body)

    assert sent == {**json.loads(raw), "model": NEW}
    assert list(sent) == [key for key, _ in items]


@pytest.mark.parametrize("name", request_files("/v1/messages"))
def test_a_recorded_request_of_claude_code_changes_in_its_model_only(name: str) -> None:
    raw = orjson.dumps(recorded_body(name))
    old = orjson.dumps(recorded_body(name)["model"])

    prepared = prepare(raw)

    assert prepared.body == raw.replace(b'"model":' + old, b'"model":' + orjson.dumps(NEW), 1)
    assert prepared.notes == ()


def test_the_billing_line_stays_as_it_is() -> None:
    line = "x-anthropic-billing-header: cc_version=2.1.329.136; cc_entrypoint=sdk-cli;"
    body = history() | {"system": [{"type": "text", "text": line}]}

    assert orjson.loads(prepare(orjson.dumps(body)).body)["system"] == body["system"]


def test_the_body_is_never_changed() -> None:
    body = history(assistant(OWN, TEXT), USER, assistant(OWN))
    before = copy.deepcopy(body)

    prepare_messages_body(body, orjson.dumps(body), model=NEW, upstream="openrouter")
    prepare_messages_body(body, None, model=NEW, upstream="anthropic")

    assert body == before


def test_a_body_without_text_is_dumped() -> None:
    body = history(assistant(TEXT))

    prepared = prepare_messages_body(body, None, model=NEW, upstream="anthropic")

    assert prepared.body == orjson.dumps({**body, "model": NEW})


def test_a_body_too_deep_to_be_dumped_is_refused() -> None:
    raw = orjson.dumps(history(assistant(OWN, TEXT)))
    raw = raw[:-1] + b',"x":' + b"[" * 1020 + b"]" * 1020 + b"}"

    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        prepare_messages_body(orjson.loads(raw), None, model=NEW, upstream="openrouter")
