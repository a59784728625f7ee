"""A chain of fallback models: tried in order, visible in the run, and never after the first content."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.api.calls import VERSION, assert_error, body, post, stream
from tests.api.test_run_facts import run_of
from tests.server_process import UPSTREAM_KEY, Gateway, Gateways
from tests.upstreams.answers import Answer, ApiError, Failure, Text, Tokens
from tests.upstreams.server import FakeAnthropic, FakeUpstream

ASKED = "anthropic/claude-sonnet-4.5"
SECOND = "openai/gpt-5"
OTHER_KEY = "sk-ant-the-other-upstream"


@dataclass(frozen=True, slots=True)
class Chain:
    """A server whose chain is: another model on the other wire of OpenRouter, then another upstream."""

    gateway: Gateway
    openrouter: FakeUpstream
    anthropic: FakeUpstream

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return self.gateway.url

    def models(self) -> list[str]:
        """The models that were asked, in order, at OpenRouter and then at the other upstream."""
        return [call.model for call in (*self.openrouter.calls, *self.anthropic.calls)]


@pytest.fixture(name="other", scope="module")
def _other() -> Iterator[FakeAnthropic]:
    upstream = FakeAnthropic().start()
    yield upstream
    upstream.stop()


@pytest.fixture(name="chain")
def _chain(gateways: Gateways, other: FakeAnthropic) -> Chain:
    gateway = gateways.openrouter(
        FALLBACK_MODELS=f"{ASKED}, {SECOND}, anthropic:claude-haiku-4-5",
        ANTHROPIC_UPSTREAM_API_KEY=OTHER_KEY,
        ANTHROPIC_UPSTREAM_BASE_URL=other.base_url,
        UPSTREAM_TIMEOUT_SECONDS="1",
        STREAM_IDLE_SECONDS="1",
    )
    other.reset()
    assert gateway.upstream is not None
    return Chain(gateway, gateway.upstream, other)


FAILURES = [
    pytest.param(ApiError(429, type="rate_limit_error"), "rate_limit_error", id="rate limit"),
    pytest.param(ApiError(529, type="overloaded_error"), "overloaded_error", id="overloaded"),
    pytest.param(ApiError(500), "api_error", id="failure"),
    pytest.param(ApiError(404, type="not_found_error"), "not_found_error", id="unknown model"),
    pytest.param(Answer(pause_before_headers=2.0), "timeout_error", id="silence"),
]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("failure", "kind"), FAILURES)
def test_another_model_answers(
    http: httpx.Client, chain: Chain, failure: ApiError | Answer, kind: str, streaming: bool
) -> None:
    chain.openrouter.reply(failure, Answer((Text("from the second"),), tokens=Tokens(input=7)))

    response = post(http, chain.url, body(ASKED, stream=streaming))

    assert response.status_code == 200, response.text
    assert (response.headers["x-model"], response.headers["x-backend"]) == (SECOND, "openrouter")
    assert chain.models() == [ASKED, SECOND]
    run = run_of(chain.gateway, response)
    assert run["state"] == "Completed"
    assert {name: run["facts"].get(name) for name in ("model_requested", "model", "wire", "input_tokens")} == {
        "model_requested": ASKED,
        "model": SECOND,
        "wire": "chat",
        "input_tokens": 7,
    }
    assert (run["facts"]["fallbacks"], run["facts"]["fallback_from"]) == (1, ASKED)
    assert run["facts"]["fallback_reason"] == kind
    assert [tag for tag in run["tags"] if tag.startswith("model:")] == [f"model:{SECOND}"]


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_account_is_of_no_use_for_another_model_there(http: httpx.Client, chain: Chain, status: int) -> None:
    chain.openrouter.reply(ApiError(status))

    response = post(http, chain.url, body(ASKED))

    assert response.json()["model"] == "claude-haiku-4-5"
    assert (response.headers["x-model"], response.headers["x-backend"]) == ("claude-haiku-4-5", "anthropic")
    assert chain.models() == [ASKED, "claude-haiku-4-5"]
    assert chain.anthropic.last.headers["x-api-key"] == OTHER_KEY
    assert OTHER_KEY not in str(chain.openrouter.last.headers)
    assert UPSTREAM_KEY not in str(chain.anthropic.last.headers)


def test_a_refused_key_does_not_poison_the_next_request(http: httpx.Client, chain: Chain) -> None:
    chain.openrouter.reply(ApiError(401), Answer())

    post(http, chain.url, body(ASKED))
    response = post(http, chain.url, body(ASKED))

    assert response.headers["x-model"] == ASKED


@pytest.mark.parametrize("streaming", [False, True])
def test_where_all_fail_the_error_is_that_of_the_model_asked_for(
    http: httpx.Client, chain: Chain, streaming: bool
) -> None:
    chain.openrouter.reply(ApiError(429, "slow down", "rate_limit_error", {"retry-after": "7"}), ApiError(500))
    chain.anthropic.reply(ApiError(529))

    response = post(http, chain.url, body(ASKED, stream=streaming))

    assert_error(response, 429, "rate_limit_error", "slow down")
    assert response.headers["retry-after"] == "7"
    assert chain.models() == [ASKED, SECOND, "claude-haiku-4-5"]
    run = run_of(chain.gateway, response)
    assert (run["state"], run["facts"]["fallbacks"], run["facts"]["model"]) == ("Failed", 3, ASKED)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_wrong_request_is_not_tried_elsewhere(http: httpx.Client, chain: Chain, streaming: bool) -> None:
    chain.openrouter.reply(ApiError(400, "messages: too odd", "invalid_request_error"))

    response = post(http, chain.url, body(ASKED, stream=streaming))

    assert_error(response, 400, "invalid_request_error", "messages: too odd")
    assert chain.models() == [ASKED]


def test_a_fallback_that_cannot_take_the_request_is_passed_over(http: httpx.Client, chain: Chain) -> None:
    chain.openrouter.reply(ApiError(529))
    request = body(ASKED, fallbacks=[{"model": "anthropic/claude-haiku-4.5"}])

    response = post(http, chain.url, request)

    assert response.status_code == 200, response.text
    assert response.headers["x-backend"] == "anthropic"
    assert chain.models() == [ASKED, "claude-haiku-4-5"]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Answer((), ending="error", failure=Failure(503, type="overloaded_error")), id="error"),
        pytest.param(Answer((), ending="cut"), id="cut"),
        pytest.param(Answer((), ending="hold"), id="silence"),
    ],
)
@pytest.mark.parametrize("model", [ASKED, "google/gemini-2.5-pro"])
def test_a_stream_falls_back_until_its_first_content(
    http: httpx.Client, chain: Chain, broken: Answer, model: str
) -> None:
    chain.openrouter.reply(broken, Answer((Text("whole"),)))

    response = post(http, chain.url, body(model, stream=True))

    names = [line[7:] for line in response.text.splitlines() if line.startswith("event: ")]
    assert (names.count("message_start"), names[-1]) == (1, "message_stop"), response.text
    assert "error" not in names
    assert chain.models()[0] == model
    assert len(chain.models()) == 2


def test_after_its_first_content_a_stream_ends_with_its_error(http: httpx.Client, chain: Chain) -> None:
    chain.openrouter.reply(Answer((Text("half an answer"),), ending="error", failure=Failure(503)))

    events = stream(http, chain.url, body(ASKED))

    assert events[-1].name == "error"
    assert chain.models() == [ASKED]


def test_the_first_content_is_not_held_back(chain: Chain) -> None:
    chain.openrouter.reply(Answer((Text("first then the rest"),), pause_within=0.8))
    request = body(ASKED, stream=True)

    with httpx.stream("POST", f"{chain.url}/v1/messages", json=request, headers=VERSION, timeout=10.0) as response:
        pieces = response.iter_bytes()
        while b"content_block" not in next(pieces):
            pass
        assert not chain.openrouter.last.wait_until_answered(0.1)


def test_a_client_that_leaves_while_content_is_awaited_ends_the_upstream(chain: Chain) -> None:
    chain.openrouter.reply(Answer((), ending="hold"))
    request = body(ASKED, stream=True)

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{chain.url}/v1/messages", json=request, headers=VERSION, timeout=0.5)

    assert chain.openrouter.wait_for_calls(1)[0].wait_until_gone(3.0)


LIMITS = {"anthropic-ratelimit-requests-remaining": "0", "x-ratelimit-remaining": "0"}


@pytest.mark.parametrize("streaming", [False, True])
def test_headers_of_a_failed_attempt_are_not_those_of_the_answer(
    http: httpx.Client, chain: Chain, streaming: bool
) -> None:
    broken = Answer((), ending="error", failure=Failure(503), headers=LIMITS)
    chain.openrouter.reply(broken if streaming else ApiError(200, headers=LIMITS), Answer())

    response = post(http, chain.url, body(ASKED, stream=streaming))

    assert response.headers["x-model"] == SECOND
    assert not LIMITS.keys() & response.headers.keys()


def test_after_a_refused_account_the_chain_never_goes_back_there(http: httpx.Client, chain: Chain) -> None:
    chain.openrouter.reply(ApiError(401))
    chain.anthropic.reply(ApiError(500))

    response = post(http, chain.url, body(ASKED))

    assert_error(response, 401, "authentication_error")
    assert chain.models() == [ASKED, "claude-haiku-4-5"]
    assert run_of(chain.gateway, response)["facts"]["fallback_reason"] == "authentication_error, api_error"


def test_what_was_changed_for_a_failed_attempt_names_its_model(http: httpx.Client, chain: Chain) -> None:
    chain.openrouter.reply(ApiError(529), Answer())

    response = post(http, chain.url, body(ASKED, seed=4))

    assert chain.openrouter.last.body["seed"] == 4
    seeds = [note for note in run_of(chain.gateway, response)["notes"] if "seed" in note]
    assert seeds
    assert all(note.endswith(f"(for {ASKED})") for note in seeds)


def test_headers_that_go_out_with_a_ping_name_nobody_yet(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.openrouter(FALLBACK_MODELS=SECOND, PING_INTERVAL_SECONDS="0.2", STREAM_IDLE_SECONDS="1")
    assert gateway.upstream is not None
    gateway.upstream.reply(Answer((), ending="hold"), Answer())

    response = post(http, gateway.url, body(ASKED, stream=True))

    assert "message_stop" in response.text
    assert not {"x-model", "x-backend"} & response.headers.keys()


@pytest.mark.parametrize("model", [ASKED, "google/gemini-2.5-pro"])
def test_tokens_of_a_stream_that_was_given_up_are_in_the_run(http: httpx.Client, chain: Chain, model: str) -> None:
    broken = Answer((), tokens=Tokens(input=999), ending="error", failure=Failure(503))
    chain.openrouter.reply(broken, Answer(tokens=Tokens(input=7)))

    run = run_of(chain.gateway, post(http, chain.url, body(model, stream=True)))

    assert run["facts"]["input_tokens"] == 7
    assert run["facts"].get("unanswered_input_tokens") == (999 if model == ASKED else None)
