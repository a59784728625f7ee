"""Every answer that is not what Prefect gives becomes an error of the right kind."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from openrouter_anthropic_server.orchestration.recorder import prefect_questions
from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    PrefectApi,
    PrefectRefusedError,
    PrefectUnavailableError,
)

Answer = Callable[[web.Request], web.StreamResponse]

_RUN = {"id": "1", "state_type": "RUNNING", "state": {"timestamp": "2026-11-20T10:00:00Z"}}


class Replies:
    """A server that answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, bytes]] = []
        self.ports: list[int] = []
        self.delay = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The next answer; the last one again and again."""
        self.asked.append((request.method, request.path, await request.read()))
        assert request.transport is not None
        self.ports.append(request.transport.get_extra_info("peername")[1])
        await asyncio.sleep(self.delay)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


@pytest.fixture(name="replies")
def _replies() -> Replies:
    return Replies()


@pytest.fixture(name="api")
async def _api(replies: Replies) -> AsyncIterator[PrefectApi]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", replies.handle)
    server = TestServer(application)
    await server.start_server()
    api = PrefectApi(str(server.make_url("/api")), {"Authorization": "Bearer k"}, timeout_seconds=0.5)
    yield api
    await api.close()
    await server.close()


def json(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    return lambda _request: web.json_response(value, status=status)


def text(content: str, status: int, **headers: str) -> Answer:
    """Any other answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: web.Response(text=content, status=status, headers=named)


async def test_a_new_run_and_one_that_was_there(api: PrefectApi, replies: Replies) -> None:
    replies.answers = [json(_RUN, 201), json(_RUN, 200)]

    run, new = await api.create_run({"name": "r"})
    _, new_again = await api.create_run({"name": "r"})

    assert (run.flow_run_id, run.state_type, run.state_at) == ("1", "RUNNING", 1795168800.0)
    assert (new, new_again) == (True, False)
    assert replies.asked[0] == ("POST", "/api/flow_runs/", b'{"name":"r"}')


async def test_the_lock_of_sqlite_is_tried_again_at_once(api: PrefectApi, replies: Replies) -> None:
    replies.answers = [*[json({"exception_message": "Service Unavailable"}, 503)] * 3, json({"id": "f"})]

    assert await api.flow_id("f") == "f"

    assert (len(replies.asked), api.busy) == (4, 3)


async def test_a_connection_that_saw_an_error_is_not_used_again(api: PrefectApi, replies: Replies) -> None:
    replies.answers = [json({"id": "f"}), json({"id": "f"}), json({}, 500), json({"id": "f"})]
    await api.flow_id("f")
    await api.flow_id("f")
    with pytest.raises(PrefectUnavailableError):
        await api.flow_id("f")
    await api.flow_id("f")

    first, second, third, fourth = replies.ports
    assert first == second == third != fourth


@pytest.mark.parametrize(
    ("answer", "problem", "unsure"),
    [
        (text("nginx", 503, Retry_After="7"), "answers 503 at /artifacts/", True),
        (text("slow down", 429, Retry_After="7"), "answers 429 at /artifacts/", False),
        (json({"exception_message": "Internal Server Error"}, 500), "answers 500 at /artifacts/", True),
        (text("bad gateway", 502), "answers 502 at /artifacts/", True),
        (json({"detail": "Not Found"}, 404), "answers 404 at /artifacts/, which is no Prefect API", False),
        (text("", 302, Location="http://elsewhere"), "answers 302 at /artifacts/, which is no Prefect API", False),
        (json({}, 401), "answers 401 at /artifacts/, the key is missing or wrong", False),
        (text("no", 403), "answers 403 at /artifacts/, the key is missing or wrong", False),
        (text("<html>", 200), "answers something else at /artifacts/, which is no Prefect API", True),
        (json(["a list"]), "answers something else at /artifacts/, which is no Prefect API", True),
    ],
)
async def test_answers_that_say_nothing_about_the_item(
    api: PrefectApi, replies: Replies, answer: Answer, problem: str, unsure: bool
) -> None:
    replies.answers = [answer]

    with pytest.raises(PrefectUnavailableError) as caught:
        await api.create_artifact({})

    assert problem in caught.value.problem
    assert api.base_url in caught.value.problem
    assert caught.value.unsure is unsure


async def test_retry_after_is_honoured_and_bounded(api: PrefectApi, replies: Replies) -> None:
    replies.answers = [
        text("", 429, Retry_After="7"),
        text("", 429, Retry_After="9999"),
        text("", 429, Retry_After="x"),
    ]
    waits = []
    for _ in range(3):
        with pytest.raises(PrefectUnavailableError) as caught:
            await api.create_logs([])
        waits.append(caught.value.retry_after)

    assert waits == [7.0, 30.0, 0.0]


async def test_a_refusal_says_why_without_what_was_sent(api: PrefectApi, replies: Replies) -> None:
    fault = {"loc": ["body", "tags"], "msg": "Input should be a list", "input": "a secret"}
    body = {"exception_message": "Invalid", "exception_detail": [fault], "request_body": "a secret"}
    replies.answers = [json(body, 422), json({"exception_message": "Flow run 1 not found"}, 404)]

    with pytest.raises(PrefectRefusedError) as invalid:
        await api.create_run({})
    with pytest.raises(PrefectRefusedError) as gone:
        await api.set_state("1", {})

    assert str(invalid.value) == "422: body.tags: Input should be a list"
    assert (gone.value.status, gone.value.detail) == (404, "Flow run 1 not found")


async def test_no_answer_in_time_leaves_one_unsure(api: PrefectApi, replies: Replies) -> None:
    replies.answers, replies.delay = [json(None)], 0.7

    with pytest.raises(PrefectUnavailableError) as caught:
        await api.create_events([{}])

    assert caught.value.unsure
    assert "no answer in time" in caught.value.problem


async def test_a_server_that_is_not_there_leaves_no_doubt() -> None:
    api = PrefectApi("http://127.0.0.1:9/api")
    with pytest.raises(PrefectUnavailableError) as caught:
        await api.create_artifact({})
    await api.close()

    assert not caught.value.unsure
    assert "http://127.0.0.1:9/api cannot be reached" in caught.value.problem


async def test_an_address_that_is_none_is_a_problem_too() -> None:
    api = PrefectApi("")
    with pytest.raises(PrefectUnavailableError):
        await api.check_health()
    await api.close()


async def test_questions_page_through_full_answers(api: PrefectApi, replies: Replies) -> None:
    full = [{"id": str(number), "flow_run_id": "a"} for number in range(200)]
    replies.answers = [json(full), json([{"id": "x", "flow_run_id": "b"}])]
    counts = await prefect_questions.artifact_counts(api, ["a", "b"])
    assert counts == {"a": 200, "b": 1}
    assert b'"offset":200' in replies.asked[1][2]

    replies.asked.clear()
    replies.answers = [json(full), json([])]
    assert await prefect_questions.runs_with_logs(api, ["a", "b"]) == {"a"}
    assert b'"any_":["b"]' in replies.asked[1][2]


async def test_a_question_that_is_refused_is_no_verdict_on_a_run(api: PrefectApi, replies: Replies) -> None:
    replies.answers = [json({"detail": "Invalid limit"}, 422)]

    with pytest.raises(PrefectUnavailableError, match="Invalid limit"):
        await prefect_questions.finished_steps(api, ["a"])


async def test_the_key_goes_with_every_request(replies: Replies, api: PrefectApi) -> None:
    seen: list[str | None] = []

    def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.json_response(True)

    replies.answers = [answer]
    await api.check_health()

    assert seen == ["Bearer k"]
