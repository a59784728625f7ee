"""The step that fits a request to its route: what it changes, what it tells the run, and what it leaves alone."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.parameter_defaults import ParameterDefaults
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, open_run
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, ModelDefaults, Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageCall, PreparedRequest
from openrouter_anthropic_server.tasks.parameters import apply_parameters
from tests.unit.tasks.test_content import NoSink

HUGE = 12345678901234567890123


class Counter:
    """Estimates a token for every byte of the request's text."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def estimate(self, request: Mapping[str, Any]) -> int:
        """The estimate; notes for which model it was."""
        self.asked.append(request["model"])
        return len(orjson.dumps(request["messages"]))


@pytest.fixture(name="run", autouse=True)
def _run() -> Iterator[RecordedRun]:
    run = open_run("req_1", NoSink())
    yield run
    run.end()


@pytest.fixture(name="counter")
def _counter() -> Counter:
    return Counter()


@pytest.fixture(name="services")
def _services(counter: Counter) -> Services:
    return with_defaults(counter)


def with_defaults(counter: Counter, **values: Any) -> Services:
    found = SimpleNamespace(parameters=ParameterDefaults(values), token_counter=counter)
    return cast(Services, found)


def messages_route(upstream: Any = "anthropic", known: Capabilities = UNLIMITED, effort: str | None = None) -> Route:
    return MessagesRoute("the-model", cast(Any, None), upstream, known, ModelDefaults(effort))


def chat_route(known: Capabilities = UNLIMITED, effort: str | None = None) -> Route:
    return ChatRoute("the-model", cast(Any, None), capabilities=known, defaults=ModelDefaults(effort))


def fitted(
    services: Services, route: Route, text: str | None = None, betas: str = "", **fields: Any
) -> tuple[MessageCall, PreparedRequest]:
    body = {"model": "any", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}], **fields}
    raw = orjson.dumps(body) if text is None else text.encode()
    call = MessageCall("req_1", raw, orjson.loads(raw), {"anthropic-beta": betas})
    before = orjson.loads(raw)
    prepared = apply_parameters(call, route, services)
    assert call.body == before
    return call, prepared


@pytest.mark.parametrize(
    "route",
    [
        messages_route(),
        messages_route("openrouter", Capabilities(max_output=64_000, context_window=200_000), "high"),
        chat_route(Capabilities(max_output=64_000)),
    ],
)
def test_what_fits_goes_on_byte_for_byte(services: Services, run: RecordedRun, route: Route) -> None:
    call, prepared = fitted(services, route)

    assert prepared.body is call.body
    assert prepared.raw is call.raw
    assert run.record.notes == []


def test_a_parameter_that_the_upstream_refuses_is_left_out_and_noted(services: Services, run: RecordedRun) -> None:
    _, prepared = fitted(services, messages_route(), seed=42)

    assert "seed" not in prepared.body
    assert prepared.raw is None
    assert run.record.notes == ["not_sent seed: anthropic does not take it"]


def test_max_tokens_is_clamped_to_the_model(services: Services, run: RecordedRun) -> None:
    _, prepared = fitted(services, chat_route(Capabilities(max_output=64_000)), max_tokens=200_000)

    assert prepared.body["max_tokens"] == 64_000
    assert run.record.notes == ["converted max_tokens: 200000 is more than the 64000 of the model"]


def test_the_estimate_is_for_the_routes_model_and_only_asked_near_the_window(
    services: Services, counter: Counter
) -> None:
    route = messages_route("openrouter", Capabilities(context_window=10_000))
    fitted(services, route, max_tokens=5_000)
    assert counter.asked == []

    _, prepared = fitted(services, route, system="x" * 14_000, max_tokens=5_000)

    assert counter.asked == ["the-model"]
    assert prepared.body["max_tokens"] == 5_000


def test_anthropics_own_models_end_an_answer_themselves_where_the_window_does(
    services: Services, counter: Counter
) -> None:
    long = [{"role": "user", "content": "x" * 12_000}]
    known = Capabilities(context_window=10_000)

    _, elsewhere = fitted(services, messages_route("openrouter", known), messages=long, max_tokens=5_000)
    assert elsewhere.body["max_tokens"] == 4_096
    assert len(counter.asked) > 0
    counter.asked.clear()

    call, prepared = fitted(services, messages_route("anthropic", known), messages=long, max_tokens=5_000)
    assert prepared.raw is call.raw
    assert counter.asked == []


def test_a_beta_raises_a_limit_where_it_is_sent(services: Services) -> None:
    known = Capabilities(max_output=64_000, beta_limits=(("output-128k-*", "max_output", 128_000),))

    def longest(route: Route) -> int:
        fit = fitted(services, route, betas="output-128k-2025-02-19", max_tokens=128_000)[1]
        return int(fit.body["max_tokens"])

    assert longest(messages_route(known=known)) == 128_000
    assert longest(chat_route(known)) == 64_000


def test_anthropic_judges_prefills_itself(services: Services) -> None:
    known = Capabilities(prefill=False)
    prefilled = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Sure"}]

    assert fitted(services, messages_route("anthropic", known), messages=prefilled)[1].raw is not None
    with pytest.raises(InvalidRequestError, match="takes no prefill"):
        fitted(services, messages_route("openrouter", known), messages=prefilled)


@pytest.mark.parametrize(
    ("route", "lifted"),
    [
        (chat_route(), True),
        (messages_route(known=Capabilities(system_messages=False)), True),
        (messages_route(effort="high", known=Capabilities(efforts=("low", "high"))), False),
    ],
)
def test_an_effort_of_a_turn_is_not_lost(services: Services, run: RecordedRun, route: Route, lifted: bool) -> None:
    turns = [{"role": "user", "content": "hi"}, {"role": "system", "content": "s", "output_config": {"effort": "low"}}]

    _, prepared = fitted(services, route, messages=turns)

    assert prepared.body.get("output_config") == ({"effort": "low"} if lifted else None)
    assert (prepared.body["messages"] == turns) is not lifted
    assert run.record.facts.get("effort") == ("low" if lifted else None)


@pytest.mark.parametrize("route", [messages_route, chat_route])
def test_an_effort_of_the_models_name_is_a_default_and_a_fact(services: Services, run: RecordedRun, route: Any) -> None:
    known = Capabilities(thinking=frozenset({"adaptive"}), efforts=("low", "high"))

    _, prepared = fitted(services, route(known=known, effort="high"), max_tokens=8_192)

    assert prepared.body["output_config"] == {"effort": "high"}
    assert run.record.notes == ["default output_config.effort: high"]
    assert run.record.facts["effort"] == "high"


def test_an_effort_of_the_client_is_a_fact_too(services: Services, run: RecordedRun) -> None:
    _, prepared = fitted(services, messages_route(effort="high"), output_config={"effort": "low"})

    assert prepared.raw is not None
    assert run.record.facts["effort"] == "low"


def test_a_request_without_effort_has_no_such_fact(services: Services, run: RecordedRun) -> None:
    fitted(services, messages_route())

    assert "effort" not in run.record.facts


@pytest.mark.parametrize(
    ("route", "added"),
    [
        (chat_route(), {"seed": 7, "min_p": 0.1, "provider": {"order": ["a"]}}),
        (messages_route("openrouter"), {"provider": {"order": ["a"]}}),
        (messages_route("anthropic"), {}),
    ],
)
def test_the_operators_defaults_go_where_they_are_taken(
    counter: Counter, run: RecordedRun, route: Route, added: dict[str, Any]
) -> None:
    services = with_defaults(counter, seed=7, min_p=0.1, provider={"order": ["a"]})

    call, prepared = fitted(services, route)

    assert prepared.body == call.body | added
    assert run.record.notes == [f"default {name}: set by the server's settings" for name in added]


def test_a_default_of_transforms_becomes_a_plugin_at_openrouter(counter: Counter) -> None:
    services = with_defaults(counter, transforms=["middle-out"])

    assert fitted(services, messages_route("openrouter"))[1].body["plugins"][0]["id"] == "context-compression"
    assert fitted(services, messages_route("anthropic"))[1].raw is not None


def test_what_a_model_cannot_take_is_refused(services: Services) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}

    with pytest.raises(InvalidRequestError, match="^messages.0.content.0: model 'the-model' takes no images"):
        fitted(
            services,
            chat_route(Capabilities(images=False)),
            messages=[{"role": "user", "content": [picture]}],
        )


def test_a_changed_request_keeps_all_digits(services: Services) -> None:
    tools = f'[{{"name":"a","input_schema":{{"type":"object","maximum":{HUGE}}}}}]'
    text = f'{{"model":"m","max_tokens":5,"seed":1,"messages":[{{"role":"user","content":"hi"}}],"tools":{tools}}}'

    _, prepared = fitted(services, messages_route(), text)

    assert "seed" not in prepared.body
    assert prepared.body["tools"][0]["input_schema"]["maximum"] == HUGE
