"""The web application: what every request goes through, and the routes."""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from sentiment import __version__
from service.api import errors, operations
from service.api.oidc import Oidc
from service.files import Files
from service.people.limits import LoginLimits
from service.people.passwords import passwords
from service.store.reviewing import Queues

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.settings import Settings
    from service.store.database import Database

__all__ = ["create_app"]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    b"content-security-policy": CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"x-frame-options": b"DENY",
}


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application over a database that is up to date."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()
        if app.state.oidc is not None:
            app.state.oidc.client.close()

    app = FastAPI(
        title="Conversation sentiment",
        version=__version__,
        summary="Calls, moments, coaching, surveys and metrics of a contact centre.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings, app.state.database = settings, database
    app.state.files, app.state.queues = Files.of(settings), Queues()
    app.state.passwords, app.state.login_limits = passwords(), LoginLimits()
    app.state.oidc = Oidc(settings) if settings.oidc_issuer else None
    errors.install(app)
    api = APIRouter(prefix="/api/v1")
    for router in _routers():
        api.include_router(router)
    app.include_router(api)
    app.include_router(operations.router)
    app.mount("/static", StaticFiles(directory=operations.STATIC))
    app.add_middleware(_Traced, https=settings.secure)
    return app


def _routers() -> list[APIRouter]:
    from service.api import (
        annotations,
        calibrations,
        calls,
        centre,
        coaching,
        coaching_content,
        contacts,
        exports,
        grading,
        jobs,
        keys,
        law,
        metrics,
        moments,
        oidc,
        privacy,
        recordings,
        scorecards,
        session,
        surveys,
        uploads,
        users,
        webhooks,
    )

    modules = (
        session, oidc, calls, recordings, moments, annotations, uploads, jobs, exports, surveys, contacts,
        metrics, coaching, coaching_content, scorecards, grading, calibrations, users, centre, keys, webhooks,
        privacy, law,
    )  # fmt: skip
    return [module.router for module in modules]


class _Traced:
    """Gives every request an id, logs it without personal data, and adds the security headers.

    The path is logged as the route's pattern: the ids in a path can be a customer's.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app, self.log = app, structlog.get_logger("service.http")
        self.headers = dict(SECURITY_HEADERS)
        if https:
            self.headers[b"strict-transport-security"] = b"max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began = secrets.token_hex(8), time.perf_counter()
        scope["request_id"] = request_id
        answered: dict[str, Any] = {"status": 500}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                have = {name for name, _ in message["headers"]}
                extra = [(n, v) for n, v in self.headers.items() if n not in have]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", request_id.encode())]
                if b"cache-control" not in have:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, tell)
            finally:
                method, status = scope["method"], answered["status"]
                route, seconds = getattr(scope.get("route"), "path", "none"), time.perf_counter() - began
                operations.observe(method=method, route=route, status=status, seconds=seconds)
                self.log.info(
                    "request", method=method, route=route, status=status, ms=round(1000 * seconds, 1)
                )
