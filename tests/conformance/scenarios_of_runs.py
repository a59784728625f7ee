"""Further scenarios: thinking, stop reasons, usage, failures, departures, counts."""

import json
import time
from typing import Literal

import anthropic
import pytest

from tests.conformance.scenarios import CALLS, SIGNATURE, THINKING, TOOLS, YES, after_tools, texts
from tests.conformance.stations import Station
from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens

_GONE_SECONDS = 5.0
_TOKENS = Tokens(input=100, output=40, cache_read=30, cache_write=20, reasoning=5)


def thinking(station: Station) -> str:
    """Thinking is asked for, and comes before the text."""
    station.upstream.reply(Answer((Thinking("Let me think.", SIGNATURE), Text("Four."))))

    message = station.client.messages.create(**station.ask(thinking=THINKING))

    return _thought(message)


def thinking_streamed(station: Station) -> str:
    """The same as a stream."""
    station.upstream.reply(Answer((Thinking("Let me think.", SIGNATURE), Text("Four."))))

    with station.client.messages.stream(**station.ask(thinking=THINKING)) as events:
        message = events.get_final_message()

    return _thought(message)


def _thought(message: anthropic.types.Message) -> str:
    found = [block for block in message.content if block.type == "thinking"]
    assert texts(message.content) == ["Four."]
    if not found:
        return "not shown"
    assert "".join(block.thinking for block in found) == "Let me think."
    assert message.content[0].type == "thinking"
    return YES if any(block.signature for block in found) else "without a signature"


def thinking_replayed(station: Station) -> str:
    """Thinking comes back to the model that thought it, with its signature, inside a tool loop."""
    station.upstream.reply(Answer((Thinking("Let me think.", SIGNATURE), CALLS[0])), Answer((Text("Sunny."),)))
    first = station.client.messages.create(**station.ask("Weather?", tools=TOOLS, thinking=THINKING))

    last = station.client.messages.create(**after_tools(station, "Weather?", first, ["21 degrees"], thinking=THINKING))

    assert texts(last.content) == ["Sunny."]
    sent = json.dumps(station.last.body)
    if SIGNATURE in sent:
        return YES
    return "without the signature" if "Let me think." in sent else "thinking left out"


def stops_at_max_tokens(station: Station) -> str:
    """A cut answer says so, whole and streamed."""
    return _stops(station, "max_tokens")


def stops_with_refusal(station: Station) -> str:
    """A refused answer says so, whole and streamed."""
    return _stops(station, "refusal")


def _stops(station: Station, reason: str) -> str:
    answer = Answer((Text("Once upon"),), stop=reason)  # type: ignore[arg-type]
    station.upstream.reply(answer, answer)

    whole = station.client.messages.create(**station.ask())
    with station.client.messages.stream(**station.ask()) as events:
        streamed = events.get_final_message()

    assert (whole.stop_reason, streamed.stop_reason) == (reason, reason)
    return YES


def usage(station: Station) -> str:
    """Tokens with those of the cache, whole and streamed."""
    station.upstream.reply(Answer(tokens=_TOKENS), Answer(tokens=_TOKENS))

    whole = station.client.messages.create(**station.ask()).usage
    with station.client.messages.stream(**station.ask()) as events:
        streamed = events.get_final_message().usage

    got = {_counts(whole), _counts(streamed)}
    if got == {(100, 40, 30, 20)}:
        return YES
    assert got <= {(100, 40, 30, 0), (120, 40, 30, 0)}, got
    return "without cache writes"


def _counts(usage: anthropic.types.Usage) -> tuple[int, int, int, int]:
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    return usage.input_tokens, usage.output_tokens, read or 0, written or 0


def error_before_the_stream(station: Station) -> str:
    """An upstream's 429 and 500 keep their status before the first byte, whole and streamed."""
    limit = ApiError(429, "slow down", "rate_limit_error", {"retry-after": "7"})
    broken = ApiError(500, "it broke", "api_error")
    station.upstream.reply(limit, limit, broken)

    with pytest.raises(anthropic.RateLimitError) as whole:
        station.client.messages.create(**station.ask())
    with pytest.raises(anthropic.RateLimitError) as streamed, station.client.messages.stream(**station.ask()):
        pass
    with pytest.raises(anthropic.InternalServerError):
        station.client.messages.create(**station.ask())

    assert "slow down" in str(whole.value)
    kept = {error.value.response.headers.get("retry-after") for error in (whole, streamed)}
    return YES if kept == {"7"} else "without retry-after"


def error_in_the_stream(station: Station) -> str:
    """A failure after the first content is an `error` event, never an answer that looks complete."""
    return _breaks(station, "error")


def broken_stream(station: Station) -> str:
    """A stream that breaks off is an `error` event too."""
    return _breaks(station, "cut")


def _breaks(station: Station, ending: Literal["error", "cut"]) -> str:
    station.upstream.reply(Answer((Text("Once upon"),), ending=ending))
    came = []

    with pytest.raises(anthropic.APIStatusError) as error, station.client.messages.stream(**station.ask()) as events:
        came += [event.text for event in events if event.type == "text"]

    assert error.value.response.status_code == 200
    assert "Once upon".startswith("".join(came))
    return YES


def cancel(station: Station) -> str:
    """When the client leaves, the upstream is left at once."""
    station.upstream.reply(Answer((Text("Once upon"),), ending="hold"))

    started = time.monotonic()
    with station.client.messages.stream(**station.ask()) as events:
        next(event for event in events if event.type == "text")

    assert station.last.wait_until_gone(_GONE_SECONDS)
    assert time.monotonic() - started < _GONE_SECONDS
    return YES


def count_tokens(station: Station) -> str:
    """Counted by the upstream where it can, else estimated here."""
    counted = station.client.messages.count_tokens(
        model=station.backend.model, messages=[{"role": "user", "content": "Say hello."}]
    )

    assert counted.input_tokens > 0
    return "by the upstream" if counted.input_tokens == station.upstream.count else "estimated"


def models(station: Station) -> str:
    """The list of models can be read, and each of its entries be looked up."""
    listed = station.client.models.list(limit=1000)

    first = next(iter(listed))
    assert station.client.models.retrieve(first.id).id == first.id
    return YES
