"""How many requests to Prefect are under way at once: few enough for SQLite, enough for Postgres."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError

Item = TypeVar("Item")

_MOST = 4
_QUIET_PHASES = 20
_MOST_QUIET_PHASES = 2_000


class Pace:
    """Begins with four requests at once; one while the database's lock is contended; recovers slowly.

    Each relapse doubles the wait before the next attempt to go faster.
    """

    def __init__(self) -> None:
        self.limit = _MOST
        self._quiet = 0
        self._quiet_wanted = _QUIET_PHASES

    async def each(self, api: PrefectApi, items: Iterable[Item], action: Callable[[Item], Awaitable[None]]) -> None:
        """Do `action` for all items. After the first `PrefectUnavailableError` nothing new is begun, and it is raised.

        What is under way is never cut off then: nobody would know whether it was done.
        """
        waiting = list(items)
        if not waiting:  # that says nothing about how busy Prefect is
            return
        busy_before, queue, errors = api.busy, iter(waiting), list[PrefectUnavailableError]()

        async def work(number: int) -> None:
            for item in queue:
                try:
                    await action(item)
                except PrefectUnavailableError as error:
                    errors.append(error)
                if errors or (number > 0 and api.busy > busy_before):
                    return

        async with asyncio.TaskGroup() as group:
            for number in range(self.limit):
                group.create_task(work(number))
        self._adapt(api.busy > busy_before)
        if errors:
            raise errors[0]

    def _adapt(self, busy: bool) -> None:
        if busy:
            if self.limit > 1:
                self._quiet_wanted = min(self._quiet_wanted * 2, _MOST_QUIET_PHASES)
            self.limit, self._quiet = 1, 0
            return
        self._quiet += 1
        if self._quiet >= self._quiet_wanted and self.limit < _MOST:
            self.limit, self._quiet = self.limit + 1, 0
