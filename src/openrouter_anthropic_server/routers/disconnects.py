"""Notices that the client has gone, and cancels the work done for it."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

_HEAD_START_SECONDS = 0.05


class DisconnectWatch:
    """`async with`: cancels the body when the client disconnects, and swallows that cancellation.

    The request's body must have been read before: from then on `receive` only tells of the end.
    Watching begins after 50 ms, because most answers that are that quick need no watcher.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self.disconnected = False

    async def __aenter__(self) -> Self:
        """Start watching."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_HEAD_START_SECONDS, self._start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Stop watching; True (swallowed) if the body was cancelled because the client had gone."""
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self.disconnected and kind is asyncio.CancelledError:
            self._task.uncancel()
            return True
        return False

    def _start(self) -> None:
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        self._task.cancel()
