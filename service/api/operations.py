"""What runs the service asks of it: is it alive, is it ready, how is it doing; and the page of its API."""

from __future__ import annotations

import hmac
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from service.api.errors import ApiError, responses
from service.api.who import DatabaseOf, anyone
from service.store.database import revision
from service.store.tables import Job

if TYPE_CHECKING:
    from service.settings import Settings

__all__ = ["STATIC", "observe", "router"]

STATIC = Path(__file__).resolve().parents[1] / "static"

router = APIRouter(tags=["operations"], dependencies=[Depends(anyone)])

REQUESTS = Counter("sentiment_requests_total", "Requests answered.", ("method", "route", "status"))
PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
SECONDS = Histogram("sentiment_request_seconds", "Time to answer.", ("route",))


def observe(*, method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request; ``route`` is the pattern, never the path."""
    REQUESTS.labels(method if method in METHODS else "other", route, status).inc()
    SECONDS.labels(route).observe(seconds)


class Health(BaseModel):
    """Alive."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether requests can be served, and what is in the way if not."""

    ready: bool
    database: str
    tables: str
    data: str


@router.get("/healthz")
def health() -> Health:
    """The process is alive; nothing else is looked at."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready; what is in the way."}})
def ready(request: Request, response: Response, database: DatabaseOf) -> Readiness:
    """The database answers, its tables are those of this version, and the data folder can be written."""
    settings: Settings = request.app.state.settings
    told = {"database": "ok", "tables": "ok", "data": "ok"}
    try:
        with database.read() as session:
            session.execute(text("SELECT 1"))
        have, want = revision(database)
        if have != want:
            told["tables"] = f"at revision {have}, this version needs {want}"
    except SQLAlchemyError:
        told["database"] = told["tables"] = "does not answer"
    if not os.access(settings.data_dir, os.W_OK):
        told["data"] = "cannot be written"
    fine = set(told.values()) == {"ok"}
    response.status_code = 200 if fine else 503
    return Readiness(ready=fine, **told)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **responses(401)},
)
def metrics(request: Request, database: DatabaseOf) -> Response:
    """Prometheus metrics, for who has the token of the settings; without one set, for this machine only."""
    settings: Settings = request.app.state.settings
    token = settings.metrics_token.get_secret_value()
    if token:
        sent = request.headers.get("authorization", "")
        allowed = hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    else:
        allowed = _from_this_machine(request)
    if not allowed:
        raise ApiError(401, "Set SENTIMENT_METRICS_TOKEN, and send it as a bearer token.")
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
    _jobs(database, registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _from_this_machine(request: Request) -> bool:
    """Whether nobody else asks. A proxy on this machine asks for others, and says so in a header."""
    passed_on = any(name in request.headers for name in PASSED_ON)
    return not passed_on and request.client is not None and request.client.host in {"127.0.0.1", "::1"}


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
def docs() -> HTMLResponse:
    """The API to read and to try; every file comes from here."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API</title>'
        '<link rel="stylesheet" href="/static/swagger/swagger-ui.css"></head><body><div id="api"></div>'
        '<script src="/static/swagger/swagger-ui-bundle.js"></script>'
        '<script src="/static/swagger/start.js"></script></body></html>'
    )
    policy = (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def _jobs(database: Any, registry: CollectorRegistry) -> None:
    waiting = Gauge("sentiment_jobs", "Jobs by state, of those not ended.", ("state",), registry=registry)
    oldest = Gauge("sentiment_oldest_job_seconds", "Age of the oldest job that waits.", registry=registry)
    unended = Job.state.in_(("queued", "running"))
    with database.read() as session:
        grouped = select(Job.state, func.count()).where(unended).group_by(Job.state)
        counts = {row[0]: row[1] for row in session.execute(grouped)}
        first = session.scalar(select(func.min(Job.created_at)).where(unended, Job.state == "queued"))
    for state in ("queued", "running"):
        waiting.labels(state).set(counts.get(state, 0))
    oldest.set(0 if first is None else max(0.0, time.time() - first.timestamp()))
