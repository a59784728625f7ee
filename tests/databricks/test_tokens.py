"""Tokens of a service principal: one request for all, renewed in time, and once more after a refusal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import pytest

from openrouter_anthropic_server.backends.databricks_token import DatabricksToken, token_headers
from openrouter_anthropic_server.backends.databricks_upstream import DatabricksUpstream
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.errors import (
    AuthenticationError,
    GatewayError,
    OverloadedError,
    PermissionDeniedError,
    UpstreamError,
)
from tests.upstreams.answers import ApiError
from tests.upstreams.databricks import CLIENT_ID, CLIENT_SECRET, PERSONAL_TOKEN, TOKEN_PATH, FakeDatabricks
from tests.upstreams.script import Script, raw_script

MODELS = "/api/2.0/serving-endpoints"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def _workspace() -> Iterator[FakeDatabricks]:
    fake = FakeDatabricks().start()
    yield fake
    fake.stop()


@pytest.fixture
def workspace(_workspace: FakeDatabricks) -> FakeDatabricks:
    _workspace.reset()
    _workspace.revoke()
    _workspace.tokens.clear()
    return _workspace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def opened(
    workspace: FakeDatabricks, clock: Clock, secret: str = CLIENT_SECRET
) -> AsyncIterator[DatabricksUpstream]:
    """The workspace as a service principal reaches it."""
    headers = token_headers(CLIENT_ID, secret)
    login = HttpUpstream(workspace.base_url, headers=headers, secrets=[secret], timeout_seconds=5, idle_seconds=5)
    async with login, aclosing(DatabricksToken(login, clock=clock)) as token:
        upstream = DatabricksUpstream(workspace.base_url, credentials=token, timeout_seconds=5, idle_seconds=5)
        async with upstream:
            yield upstream


def used(workspace: FakeDatabricks) -> list[str]:
    """The tokens of the requests for the list of models, by their number."""
    sent = [request.headers["authorization"] for request in workspace.requests if request.path == MODELS]
    return [header.removeprefix("Bearer ").split("-")[-1].removesuffix(".signature") for header in sent]


async def test_one_token_serves_all_who_wait_and_all_who_come_later(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await asyncio.gather(*(upstream.get_json(MODELS) for _ in range(20)))
        await upstream.get_json(MODELS)

    assert len(workspace.tokens) == 1
    assert used(workspace) == ["1"] * 21


async def test_a_waiter_who_leaves_does_not_stop_the_others(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        impatient = asyncio.get_running_loop().create_task(upstream.get_json(MODELS))
        patient = asyncio.get_running_loop().create_task(upstream.get_json(MODELS))
        await asyncio.sleep(0)
        impatient.cancel()

        assert "endpoints" in await patient
        with pytest.raises(asyncio.CancelledError):
            await impatient


async def test_a_token_is_renewed_before_its_end_while_the_old_one_serves(
    workspace: FakeDatabricks, clock: Clock
) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        clock.now += 3300
        await upstream.get_json(MODELS)
        await _until(lambda: len(workspace.tokens) == 2)
        await asyncio.sleep(0.05)
        await upstream.get_json(MODELS)

    assert used(workspace) == ["1", "1", "2"]


async def test_a_token_past_its_end_is_never_used(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        clock.now += 3600
        await upstream.get_json(MODELS)

    assert used(workspace) == ["1", "2"]


async def test_a_failed_early_renewal_hurts_nobody_and_rests(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        workspace.token_reply = ApiError(503, "later")
        clock.now += 3300
        for _ in range(5):
            await upstream.get_json(MODELS)
            await asyncio.sleep(0.02)

    assert used(workspace) == ["1"] * 6
    assert _logins(workspace) == 2


async def test_a_refused_token_is_replaced_once(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        workspace.revoke()
        clock.now += 60
        answers = await asyncio.gather(*(upstream.get_json(MODELS) for _ in range(10)))

    assert all("endpoints" in answer for answer in answers)
    assert len(workspace.tokens) == 2


def _logins(workspace: FakeDatabricks) -> int:
    return sum(request.path == TOKEN_PATH for request in workspace.requests)


async def test_a_failed_login_answers_for_all_who_come_soon_after(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        workspace.token_reply = ApiError(503, "later")
        for _ in range(5):
            with pytest.raises(OverloadedError, match="no token from Databricks: later"):
                await upstream.get_json(MODELS)
        assert _logins(workspace) == 1
        workspace.token_reply = None
        clock.now += 2
        await upstream.get_json(MODELS)

    assert _logins(workspace) == 2
    assert used(workspace) == ["1"]


async def test_a_token_known_to_be_refused_is_not_sent_again(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        workspace.revoke()
        workspace.token_reply = ApiError(503, "later")
        clock.now += 60
        for _ in range(3):
            with pytest.raises(OverloadedError):
                await upstream.get_json(MODELS)

        assert used(workspace) == ["1", "1"]
        assert _logins(workspace) == 2
        assert workspace.tokens[0] not in upstream.redact(f"refused {workspace.tokens[0]}")


@pytest.mark.parametrize("lifetime", ["nan", "inf", 0, -5, True, None, [], "soon"])
async def test_a_lifetime_that_is_none_is_an_hour(workspace: FakeDatabricks, clock: Clock, lifetime: Any) -> None:
    workspace.lifetime_seconds = lifetime
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        clock.now += 3000
        await upstream.get_json(MODELS)
        clock.now += 600
        await upstream.get_json(MODELS)

    assert used(workspace) == ["1", "1", "2"]


async def test_a_lifetime_can_be_text(workspace: FakeDatabricks, clock: Clock) -> None:
    workspace.lifetime_seconds = cast(Any, "60")
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        clock.now += 60
        await upstream.get_json(MODELS)

    assert used(workspace) == ["1", "2"]


async def test_a_new_token_that_is_refused_is_not_replaced_again(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)
        workspace.revoke()
        with pytest.raises(AuthenticationError, match="check the service principal of DATABRICKS_CLIENT_ID"):
            await upstream.get_json(MODELS)

    assert len(workspace.tokens) == 1


async def test_a_wrong_secret_names_the_settings_and_never_itself(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock, secret="dose-wrong-secret") as upstream:
        with pytest.raises(AuthenticationError) as refused:
            await upstream.get_json(MODELS)

    assert "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET" in refused.value.message
    assert "dose-wrong-secret" not in refused.value.message
    assert refused.value.final


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (ApiError(403, "not in this workspace"), PermissionDeniedError, "not in this workspace"),
        (ApiError(503, "busy"), OverloadedError, "no token from Databricks: busy"),
        (ApiError(500, "broken"), UpstreamError, "no token from Databricks: broken"),
        (ApiError(404, "no such path"), UpstreamError, "no /oidc/v1/token at the address in DATABRICKS_HOST"),
        (Script(302, {"location": "http://127.0.0.1:1/"}, ()), UpstreamError, "a redirect .HTTP 302.: its address"),
    ],
)
async def test_other_failures_stay_what_they_are(
    workspace: FakeDatabricks, clock: Clock, failure: ApiError | Script, kind: type[GatewayError], text: str
) -> None:
    workspace.token_reply = failure

    async with opened(workspace, clock) as upstream:
        with pytest.raises(kind, match=text):
            await upstream.get_json(MODELS)


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"no json", b'{"access_token": ""}', b'{"access_token": "a\\nb"}'])
async def test_an_answer_without_a_token_is_the_upstreams_failure(
    workspace: FakeDatabricks, clock: Clock, answer: bytes
) -> None:
    workspace.token_reply = raw_script(answer, content_type="application/json")

    async with opened(workspace, clock) as upstream:
        with pytest.raises(UpstreamError, match="request for a token"):
            await upstream.get_json(MODELS)


async def test_a_token_does_not_show_in_messages(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        await upstream.get_json(MODELS)

        assert workspace.tokens[0] not in upstream.redact(f"refused {workspace.tokens[0]} of yours")
        assert upstream.secrets == (workspace.tokens[0],)


async def test_the_token_before_does_not_show_either(workspace: FakeDatabricks, clock: Clock) -> None:
    async with opened(workspace, clock) as upstream:
        for _ in range(3):
            await upstream.get_json(MODELS)
            clock.now += 3600

        first, second, third = workspace.tokens
        assert upstream.redact(f"{second} and {third}") == "[redacted] and [redacted]"
        assert upstream.secrets == (third, second)
        assert first not in upstream.secrets


async def test_a_personal_token_that_is_refused_names_its_setting(workspace: FakeDatabricks) -> None:
    upstream = DatabricksUpstream(workspace.base_url, token="dapi-wrong", timeout_seconds=5, idle_seconds=5)

    async with upstream:
        with pytest.raises(AuthenticationError, match="check DATABRICKS_TOKEN"):
            await upstream.get_json(MODELS)


async def test_a_personal_token_is_sent_as_it_is(workspace: FakeDatabricks) -> None:
    upstream = DatabricksUpstream(workspace.base_url, token=PERSONAL_TOKEN, timeout_seconds=5, idle_seconds=5)

    async with upstream:
        await upstream.get_json(MODELS)

    assert workspace.requests[-1].headers["authorization"] == f"Bearer {PERSONAL_TOKEN}"
    assert workspace.tokens == []


async def _until(happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
