"""Builds the ASGI application; nothing happens at import."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from openrouter_anthropic_server import __version__
from openrouter_anthropic_server.conversion.validation import prepare_validation
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.routers import messages, models, operation, runs, universal
from openrouter_anthropic_server.routers.error_responses import (
    on_client_disconnect,
    on_gateway_error,
    on_http_exception,
)
from openrouter_anthropic_server.routers.openapi import openapi_document
from openrouter_anthropic_server.routers.request_context import RequestContext
from openrouter_anthropic_server.routers.state import RouterState
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.wiring import open_services

# Collecting less often: a full collection over Prefect's objects stops every request for tens of milliseconds.
_GC_THRESHOLDS = (50_000, 50, 100)


def create_app(settings: Settings, *, on_stop: Callable[[], None] = lambda: None) -> FastAPI:
    """The application for these settings; `on_stop` is called last, when every request has ended."""
    development = settings.server.environment == "development"
    app = _Application(
        title="OpenRouter Anthropic Server",
        version=__version__,
        lifespan=_lifespan(settings, on_stop),
        docs_url="/docs" if development else None,
        openapi_url="/openapi.json" if development else None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.router = RouterState(
        max_body_bytes=int(settings.server.max_request_mb * 2**20),
        ping_interval_seconds=settings.server.ping_interval_seconds,
        cors_origins=settings.security.cors_origins,
        api_keys=tuple(key.get_secret_value() for key in settings.security.server_api_keys),
    )
    for router in (operation.router, runs.router, universal.router, models.router, messages.router):
        # Not include_router: its indirections cost 30 us a request.
        app.router.routes[:0] = router.routes
    app.add_exception_handler(GatewayError, on_gateway_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(ClientDisconnect, on_client_disconnect)
    _add_middleware(app, settings)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign]
    return app


class _Application(FastAPI):
    """FastAPI without the layers that only its own kind of route needs; RequestContext catches what they would."""

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        for middleware in reversed(self.user_middleware):
            app = middleware.cls(app, *middleware.args, **middleware.kwargs)
        return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one added is the outermost."""
    if settings.security.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.security.cors_origins),
            allow_methods=["GET", "POST", "DELETE", "HEAD"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    app.add_middleware(RequestContext)


def _lifespan(settings: Settings, on_stop: Callable[[], None]) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.router.services = services
            prepare_validation()
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            gc.enable()
            yield
        on_stop()

    return lifespan
