"""The bare pass-through that all is measured against: Starlette and aiohttp, no parsing, no checks, no records."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


async def _relay(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    finally:
        response.release()


def create_app(upstream: str) -> Starlette:
    """The application that forwards `POST <path>` to `<upstream><path>` and streams or returns what comes back."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
            app.state.session = session
            yield

    async def forward(request: Request) -> Response:
        body = await request.body()
        headers = {"content-type": "application/json", "authorization": "Bearer bench"}
        session: aiohttp.ClientSession = request.app.state.session
        response = await session.post(upstream + request.url.path, data=body, headers=headers)
        if response.content_type == "text/event-stream":
            return StreamingResponse(_relay(response), status_code=response.status, media_type="text/event-stream")
        return Response(await response.read(), status_code=response.status, media_type=response.content_type)

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/health", health), Route("/{path:path}", forward, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serve under uvicorn with uvloop and httptools, one process, no access log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="for example http://127.0.0.1:9000/api")
    options = parser.parse_args()
    app = create_app(options.upstream)
    uvicorn.run(app, port=options.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
