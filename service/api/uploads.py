"""What comes in: recordings and conversations to be scored, results, surveys and contact records.

A request is taken whole or not at all: if one of its files cannot be used, no job is made of any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from sentiment.errors import ConversationError, InputError
from sentiment.formats.sidecar import parse_channels
from sentiment.strict_json import read_json
from service.api.errors import ApiError, responses
from service.api.multipart import Form, Limits, Sent, receive
from service.api.who import DatabaseOf, may
from service.jobs import intake, queue
from service.jobs.intake import Offered
from service.people.access import Person
from service.store.audit import record
from service.store.database import Database
from service.store.tables import Job, Submission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.settings import Settings

__all__ = ["Uploaded", "router"]

router = APIRouter(tags=["ingest"])

Uploader = Annotated[Person, Depends(may("ingest"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200,
        description="Made by the client for a request; sent again, it gives the same answer and no job.",
        examples=["9f0c2d3a-upload-17"],
    ),
]  # fmt: skip

RETRY_AFTER_S = 60
FACTS = ("call_id", "started_at", "agent_id", "customer_id", "queue")
CALL_FIELDS = (*FACTS, "channels", "language", "metadata")
TRIES = 5


class UploadedItem(BaseModel):
    """What became of one file."""

    status: Literal["queued", "known"] = Field(
        description="`queued`: a job was made of it. `known`: the same content came before."
    )
    job_id: int | None = Field(description="The job, where you may see it.", examples=[17])
    call_ids: list[str] = Field(
        description="Of content that was scored before, its calls.", examples=[["2026-11-03-0042"]]
    )


class Uploaded(BaseModel):
    """What became of each file, in the order they were sent."""

    items: list[UploadedItem]


def _body(*, files: str, many: bool, fields: dict[str, str]) -> dict[str, Any]:
    """The OpenAPI of a form that is read here and not by FastAPI, which would hold it in memory."""
    binary = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    file = {"type": "array", "items": binary, "minItems": 1} if many else binary
    properties = {"file": {**file, "description": files}}
    properties |= {name: {"type": "string", "description": says} for name, says in fields.items()}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_ERRORS = responses(400, 401, 403, 408, 409, 413, 415, 429)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Uploaded, "description": "All of it came before; nothing was queued."},
    202: {
        "model": Uploaded,
        "description": "Taken; `Location` is where the job is followed.",
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "The job, or the list of jobs."}
        },
    },
    **_ERRORS,
}
_MAP = (
    "A column map as TOML, or the name of a ready one, as amazon-connect; left out if the columns are ours."
)


@router.post(
    "/calls",
    status_code=202,
    response_model=Uploaded,
    responses=_ANSWERS,
    openapi_extra=_body(
        files="Recordings in any common form, or conversations as JSON lines or CSV; told apart by content.",
        many=True,
        fields={
            "sidecar": "The facts of the `file` before it as JSON, as the file call.wav.json of the command.",
            "call_id": "Its id here; of one file only. Left out, its file's name without the ending.",
            "started_at": "When it began, ISO 8601 with a time zone.",
            "agent_id": "Who took it.",
            "customer_id": "Who called.",
            "queue": "Where it was queued.",
            "channels": "Who is on which channel, as agent=0,customer=1; worked out if left out.",
            "language": "What is spoken, as en; listened for if left out.",
            "metadata": "A JSON object of anything else.",
        },
    ),
)
async def upload_calls(
    request: Request, person: Uploader, database: DatabaseOf, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Upload recordings or written conversations to be scored.

    The same content again makes no second call: the answer names the one that is there, and facts sent with
    it are not taken over.
    """

    def offers(form: Form) -> list[Offered]:
        return [
            intake.recording_or_chat(
                form.files, sent.staged, sent.sha256, name=sent.filename or "", about=about,
                language=form.text("language"), longest_s=_settings(request).max_audio_hours * 3600.0,
            )
            for sent, about in _with_facts(form)
        ]  # fmt: skip

    return await _take(request, person, database, idempotency_key, offers)


@router.post(
    "/imports/results",
    status_code=202,
    response_model=Uploaded,
    responses=_ANSWERS,
    openapi_extra=_body(
        files="What `sentiment score` wrote: a zip archive of call JSON, JSON lines, or one call.",
        many=True,
        fields={},
    ),
)
async def upload_results(
    request: Request, person: Uploader, database: DatabaseOf, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Import calls that were scored elsewhere."""

    def offers(form: Form) -> list[Offered]:
        return [intake.results(form.files, sent.staged, sent.sha256) for sent in _files(form, ())]

    return await _take(request, person, database, idempotency_key, offers)


def _table_route(kind: Literal["surveys", "contacts"], says: str) -> None:
    @router.post(
        f"/imports/{kind}",
        name=f"upload_{kind}",
        summary=f"Import {says}",
        status_code=202,
        response_model=Uploaded,
        responses=_ANSWERS,
        openapi_extra=_body(files=f"{says} as CSV, Parquet or JSON lines.", many=True, fields={"map": _MAP}),
    )
    async def upload_table(
        request: Request, person: Uploader, database: DatabaseOf, idempotency_key: IdempotencyKey = None
    ) -> JSONResponse:
        """Rows that cannot be used are set aside: counted, and kept to be downloaded with the job."""

        def offers(form: Form) -> list[Offered]:
            return [
                intake.table(form.files, sent.staged, sent.sha256, kind=kind, column_map=form.text("map"))
                for sent in _files(form, ("map",))
            ]

        return await _take(request, person, database, idempotency_key, offers)


_table_route("surveys", "Survey answers")
_table_route("contacts", "Contact records")


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _take(
    request: Request,
    person: Person,
    database: Database,
    idempotency_key: str | None,
    offers: Callable[[Form], list[Offered]],
) -> JSONResponse:
    """Receive the body, recognise its files and make jobs of them."""
    settings, limits = _settings(request), getattr(request.app.state, "upload_limits", Limits())
    await run_in_threadpool(_check_room, database, settings)
    with Form(request.app.state.files) as form:
        await receive(request, form, max_bytes=settings.max_upload_mb * 1_000_000, limits=limits)
        return await run_in_threadpool(
            _queue, form, database, settings, person, idempotency_key, offers, request.url.path
        )


def _check_room(database: Database, settings: Settings) -> None:
    """Turn a body away before it is sent, if its job would not be taken."""
    with database.read() as session:
        if queue.waiting(session, settings.max_queued_jobs) >= settings.max_queued_jobs:
            raise _full()


def _full() -> ApiError:
    told = "As many jobs wait as may; send it again later."
    return ApiError(429, told, headers={"Retry-After": str(RETRY_AFTER_S), "Connection": "close"})


def _queue(
    form: Form,
    database: Database,
    settings: Settings,
    person: Person,
    idempotency_key: str | None,
    offers: Callable[[Form], list[Offered]],
    route: str,
) -> JSONResponse:
    try:
        offered = offers(form)
    except intake.UnsupportedError as error:
        raise ApiError(415, str(error)) from None
    except intake.TooLargeError as error:
        raise ApiError(413, str(error)) from None
    fingerprint = _fingerprint(form, route)
    for attempt in range(TRIES):
        try:
            with database.begin() as session:
                status, body, new = _made(session, settings, person, idempotency_key, fingerprint, offered)
            break
        except intake.ConflictError as error:
            raise ApiError(409, str(error)) from None
        except intake.QueueFullError:
            raise _full() from None
        except IntegrityError:  # the same content or key is sent by another request at this moment
            if attempt == TRIES - 1:
                raise ApiError(409, "The same content is being sent by another request.") from None
    for staged in new:
        form.taken(staged)
    jobs = [item["job_id"] for item in body["items"]]
    headers = {}
    if status == 202:
        place = f"/{jobs[0]}" if len(jobs) == 1 and jobs[0] is not None else ""
        headers["Location"] = f"/api/v1/jobs{place}"
    return JSONResponse(body, status_code=status, headers=headers)


def _made(
    session: Session,
    settings: Settings,
    person: Person,
    idempotency_key: str | None,
    fingerprint: str,
    offered: list[Offered],
) -> tuple[int, dict[str, Any], list[str]]:
    """Status and body of the answer, and the staged files that jobs have now; all in one transaction."""
    if idempotency_key is not None:
        before = session.get(Submission, (person.actor, idempotency_key))
        if before is not None:
            if before.request_sha256 != fingerprint:
                raise ApiError(409, "This Idempotency-Key was used for another request; make a new one.")
            return before.status, before.answer, []
    items, new = [], []
    for each in offered:
        known = intake.offer(session, settings, each, created_by=person.user_id, key_id=person.key_id)
        items.append(_item(session, person, known))
        if known.is_new:
            new.append(each.staged)
    status, body = (202 if new else 200), Uploaded(items=items).model_dump()
    if new:
        made = [item.job_id for item in items if item.status == "queued"]
        record(session, person.actor, "ingest", offered[0].kind, jobs=made)
    if idempotency_key is not None:
        session.add(
            Submission(
                owner=person.actor, idempotency_key=idempotency_key, request_sha256=fingerprint,
                status=status, answer=body,
            )
        )  # fmt: skip
        session.flush()
    return status, body, new


def _item(session: Session, person: Person, known: intake.Known) -> UploadedItem:
    from service.api.jobs import seen_by

    job = known.job_id
    if not known.is_new and job is not None:
        job = session.scalar(select(Job.id).where(Job.id == job, seen_by(person)))
    return UploadedItem(status="queued" if known.is_new else "known", job_id=job, call_ids=list(known.calls))


def _fingerprint(form: Form, route: str) -> str:
    """Of the whole request: its route, its fields and its files' content, in order."""
    parts = [[p.name, p.filename, p.text, p.sha256] for p in form.parts]
    return hashlib.sha256(json.dumps([route, parts]).encode()).hexdigest()


def _files(form: Form, fields: tuple[str, ...]) -> list[Sent]:
    """The parts ``file``.

    Raises:
        ApiError: 422, there is none, one is empty, or a part is of no name that is known.
    """
    found = []
    for part in form.parts:
        if part.name == "file" and part.filename is not None:
            found.append(part)
        elif part.name not in fields or part.filename is not None:
            raise ApiError(
                422, f"{part.name[:60]}: no such field; the fields are {', '.join(('file', *fields))}"
            )
    if not found:
        raise ApiError(422, "file: is missing; send at least one file under this name, with a file name")
    if any(not part.size for part in found):
        raise ApiError(422, "file: is empty (0 bytes)")
    return found


def _with_facts(form: Form) -> list[tuple[Sent, dict[str, Any]]]:
    """Each file with its facts: those of its sidecar before those of the fields.

    Raises:
        ApiError: 422, fields that cannot be; 413, a sidecar that is too large.
        InputError: facts that cannot be.
    """
    sidecars: dict[int, dict[str, Any]] = {}
    plain, n_files = Form(form.files), 0
    for part in form.parts:
        if part.name == "sidecar":
            if not n_files or n_files - 1 in sidecars:
                raise ApiError(422, "sidecar: must follow the file that it is about, one each")
            sidecars[n_files - 1] = _object(_text_of(form, part), "sidecar")
            continue
        n_files += part.name == "file"
        plain.parts.append(part)
    files = _files(plain, CALL_FIELDS)
    facts = _facts(form)
    if "call_id" in facts and len(files) > 1:
        raise ApiError(422, "call_id: is of one call; with several files give each a sidecar")
    return [(sent, {**facts, **sidecars.get(i, {})}) for i, sent in enumerate(files)]


def _facts(form: Form) -> dict[str, Any]:
    facts: dict[str, Any] = {name: value for name in FACTS if (value := form.text(name)) is not None}
    if (channels := form.text("channels")) is not None:
        facts["channels"] = {role: number for number, role in parse_channels(channels).items()}
    if (metadata := form.text("metadata")) is not None:
        facts["metadata"] = _object(metadata, "metadata")
    language = form.text("language")
    if language is not None and not (language.isascii() and language.isalpha() and 2 <= len(language) <= 3):
        raise ApiError(422, "language: must be an ISO 639-1 code, as en")
    return facts


def _text_of(form: Form, part: Sent) -> str:
    if part.filename is None:
        return part.text
    if part.size > Limits().max_field_bytes:
        raise ApiError(413, f"sidecar: is larger than {Limits().max_field_bytes} bytes")
    with form.files.read("staging", part.staged) as file:
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ConversationError("sidecar: is not UTF-8") from None


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError as error:
        raise InputError(f"{name}: is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise InputError(f"{name}: must be a JSON object")
    return found
