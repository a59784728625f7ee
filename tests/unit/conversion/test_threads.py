"""Only Anthropic's own API keeps conversations; everybody else must be sent the whole history."""

import pytest

from openrouter_anthropic_server.conversion.messages_wire import Upstream, prepare_messages_body
from openrouter_anthropic_server.errors import InvalidRequestError

BODY = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}], "thread": {"type": "create"}}


@pytest.mark.parametrize("upstream", ["openrouter", "demo"])
def test_a_thread_is_refused_with_the_code_that_lets_the_sdk_go_on_without(upstream: Upstream) -> None:
    with pytest.raises(InvalidRequestError, match=r"^thread: ") as refusal:
        prepare_messages_body(BODY, None, model="m", upstream=upstream)

    assert refusal.value.error_code == "thread_unsupported_request"


def test_a_thread_passes_to_anthropic() -> None:
    assert b'"thread"' in prepare_messages_body(BODY, None, model="m", upstream="anthropic").body


def test_no_thread_is_no_thread() -> None:
    assert prepare_messages_body({**BODY, "thread": None}, None, model="m", upstream="openrouter").notes == ()
