"""Few requests at once while the database is contended, more when it is not."""

import asyncio

import pytest

from openrouter_anthropic_server.orchestration.recorder.pace import Pace
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError


class Busy:
    """An action that notes how many of it run at once; busy on demand."""

    def __init__(self, api: PrefectApi) -> None:
        self.api = api
        self.running = self.most = self.done = 0
        self.contended = False

    async def __call__(self, _item: int) -> None:
        """Do it."""
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.api.busy += self.contended
        self.running -= 1
        self.done += 1


@pytest.fixture(name="action")
def _action() -> Busy:
    return Busy(PrefectApi("http://127.0.0.1:9"))


async def test_it_begins_with_four_at_once(action: Busy) -> None:
    await Pace().each(action.api, range(10), action)

    assert (action.most, action.done) == (4, 10)


async def test_contention_leaves_one_and_all_is_done_all_the_same(action: Busy) -> None:
    pace = Pace()
    action.contended = True
    await pace.each(action.api, range(10), action)
    action.most = 0
    await pace.each(action.api, range(10), action)

    assert (pace.limit, action.most, action.done) == (1, 1, 20)


async def test_it_recovers_slowly_and_more_slowly_after_a_relapse(action: Busy) -> None:
    pace = Pace()

    async def phases_until_two() -> int:
        action.contended = True
        await pace.each(action.api, range(2), action)
        action.contended = False
        for count in range(1, 1_000):
            await pace.each(action.api, range(2), action)
            if pace.limit == 2:
                return count
        raise AssertionError("it never recovers")

    first, second = await phases_until_two(), await phases_until_two()

    assert second == 2 * first >= 40


async def test_after_an_error_nothing_new_begins_and_what_runs_is_finished(action: Busy) -> None:
    finished: list[int] = []

    async def fail_at_second(item: int) -> None:
        if item == 1:
            raise PrefectUnavailableError("gone")
        await asyncio.sleep(0.01)
        finished.append(item)

    with pytest.raises(PrefectUnavailableError, match="gone"):
        await Pace().each(action.api, range(100), fail_at_second)

    assert finished == [0, 2, 3]


async def test_nothing_to_do_is_no_sign_of_quiet(action: Busy) -> None:
    pace = Pace()
    action.contended = True
    await pace.each(action.api, range(2), action)
    for _ in range(100):
        await pace.each(action.api, (), action)

    assert pace.limit == 1
