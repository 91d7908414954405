"""Metrics of what is stored: definitions, values by group and period, and the correlation report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from sentiment import metrics
from sentiment.correlation.export import to_csv as correlation_csv
from sentiment.correlation.export import to_json as correlation_json
from sentiment.correlation.report import page
from sentiment.correlation.run import correlate
from sentiment.errors import MetricError
from sentiment.metrics.export import to_json
from sentiment.metrics.targets import judge
from service.api.bodies import SmallBody
from service.api.errors import ApiError, responses
from service.api.who import DatabaseOf, may
from service.people.access import Person
from service.room import Room
from service.store.database import Database
from service.store.metric_tables import metric_tables

__all__ = ["router"]

router = APIRouter(tags=["metrics"], route_class=SmallBody)

Analyst = Annotated[Person, Depends(may("metrics.read"))]
Words = Annotated[list[str], Query(max_length=40)]
Day = Annotated[date | None, Query(description="A local day; 90 days before the end if left out.")]
Zone = Annotated[str, Query(max_length=60, examples=["Europe/Berlin"])]

AT_ONCE, MEMORY = 2, "1GB"
PERIOD = timedelta(days=90)
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
"""Days beyond have no neighbours, or no time in every zone."""
_computing = Room(at_once=AT_ONCE, waiting=4, patience_s=10)


class VariantLine(BaseModel):
    """One way to count a metric."""

    name: str
    unit: str
    says: str


class DefinitionLine(BaseModel):
    """What a metric is."""

    name: str = Field(examples=["nps"])
    title: str
    family: Literal["surveys", "contacts", "customers", "conversations"]
    aliases: list[str]
    better: str | None = Field(description="Which way is good, where one is.")
    moves: str = Field(description="What makes it go up or down.")
    misleads: str = Field(description="How it is misread.")
    source: str | None
    variants: list[VariantLine]


@router.get("/metrics/definitions", responses=responses(401, 403))
def list_definitions(_person: Analyst) -> list[DefinitionLine]:
    """Every metric, with its variants."""
    return [_definition(name) for name in metrics.CATALOGUE]


@router.get("/metrics/definitions/{metric}", responses=responses(401, 403, 404))
def get_definition(_person: Analyst, metric: Annotated[str, Path(max_length=60)]) -> DefinitionLine:
    """One metric."""
    try:
        return _definition(metrics.find(metric).name)
    except MetricError as error:
        raise ApiError(404, str(error)) from None


@router.get("/metrics/values", responses=responses(401, 403, 429))
def values(
    person: Analyst,
    database: DatabaseOf,
    metric: Words,
    by: Words = [],  # noqa: B006 - FastAPI copies it
    since: Day = None,
    until: Day = None,
    timezone: Zone = "UTC",
    pack: Annotated[str | None, Query(max_length=60)] = None,
) -> dict[str, Any]:
    """Metrics by group and period, of what is within sight: the JSON of ``sentiment metrics``."""
    first, last = _period(since, until)
    loaded = _pack(pack) if pack else None
    asked = [*(metrics.parse(m) for m in metric), *(loaded.metrics if loaded else ())]
    with _one_of_few():
        result = metrics.compute(
            asked,
            by=by,
            calendar=metrics.Calendar(timezone=timezone),
            since=first,
            until=last,
            threads=1,
            memory=MEMORY,
            **_tables(database, person, first, last),
        )
        judged = judge(result, loaded.targets if loaded else {})
        found: dict[str, Any] = json.loads(to_json(result, (), judged))
    return found


KINDS = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}


@router.get(
    "/correlation",
    response_class=Response,
    responses={
        **responses(401, 403, 429),
        200: {"description": "The report.", "content": {k.split(";")[0]: {} for k in KINDS.values()}},
    },
)
def correlation(
    person: Analyst,
    database: DatabaseOf,
    by: Words = [],  # noqa: B006 - FastAPI copies it
    since: Day = None,
    until: Day = None,
    timezone: Zone = "UTC",
    format: Literal["json", "csv", "html"] = "json",  # noqa: A002 - the parameter's name
) -> Response:
    """Estimates held against the surveys that came back: ``sentiment correlate``'s report."""
    first, last = _period(since, until)
    with _one_of_few():
        tables = _tables(database, person, first, last)
        if not {"calls", "surveys"} <= tables.keys():
            raise ApiError(
                422, "There are no scored calls, or no surveys, in that time; nothing to hold together."
            )
        found = correlate(
            **tables, by=by, calendar=metrics.Calendar(timezone=timezone), threads=1, memory=MEMORY
        )
        write = {"json": correlation_json, "csv": correlation_csv, "html": page}[format]
        return Response(write(found), media_type=KINDS[format])


def _pack(name: str) -> metrics.Pack:
    """A pack by its name. A file, which the command takes too, would be one of this machine.

    Raises:
        ApiError: 422, there is none of that name.
    """
    if name.lower() not in metrics.pack_names():
        raise ApiError(422, f"query.pack: must be one of {', '.join(metrics.pack_names())}")
    return metrics.load_pack(name)


def _definition(name: str) -> DefinitionLine:
    d = metrics.CATALOGUE[name]
    return DefinitionLine(
        name=d.name, title=d.title, family=d.family, aliases=list(d.aliases), better=d.better, moves=d.moves,
        misleads=d.misleads, source=d.source,
        variants=[VariantLine(name=v.name, unit=v.unit, says=v.says) for v in d.variants],
    )  # fmt: skip


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Room to compute; each takes a core and memory of its own.

    Raises:
        ApiError: 429, as many as may are at it.
    """
    if not _computing.enter():
        raise ApiError(429, "Others are computing; try again.", headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _computing.leave()


def _period(since: date | None, until: date | None) -> tuple[date, date]:
    last = until or datetime.now(UTC).date() + timedelta(days=1)
    for name, day in (("until", last), ("since", since or last)):
        if not EARLIEST <= day <= LATEST:
            raise ApiError(422, f"query.{name}: must be between {EARLIEST} and {LATEST}")
    first = since or last - PERIOD
    if first >= last:
        raise ApiError(422, "query.since: must be before until")
    return first, last


def _tables(database: Database, person: Person, first: date, last: date) -> dict[str, Any]:
    """The tables with a day more on either side: the engine cuts local days exactly."""
    begin = datetime.combine(first, time(), UTC) - timedelta(days=1)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    with database.read() as session:
        return dict(metric_tables(session, person.sight, since=begin, until=end))
