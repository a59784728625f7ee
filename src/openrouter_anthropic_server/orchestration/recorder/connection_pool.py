"""Keep-alive connections to Prefect that can be given up."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

_CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 30.0
_KEEP_ALIVE_SECONDS = 4.0  # uvicorn closes idle connections after 5 s: never be the one who is surprised


class ConnectionPool:
    """Sessions of aiohttp, one after the other."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._current: aiohttp.ClientSession | None = None
        self._users: dict[aiohttp.ClientSession, int] = {}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """The session to send one request with."""
        if self._current is None:
            self._current = self._new()
        session = self._current
        self._users[session] = self._users.get(session, 0) + 1
        try:
            yield session
        finally:
            self._users[session] -= 1
            if not self._users[session]:
                del self._users[session]
                if session is not self._current:
                    await session.close()

    def renew(self, used: aiohttp.ClientSession) -> None:
        """Send no further request with this session, which is in use now."""
        if used is self._current:
            self._current = None

    async def close(self) -> None:
        """Close all connections."""
        if self._current is not None:
            await self._current.close()

    def _new(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
