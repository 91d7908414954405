"""What people add to a call: notes, bookmarks and corrections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, BeforeValidator, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.api.bodies import SmallBody
from service.api.calls import CallId, call_in_sight
from service.api.errors import ApiError, responses
from service.api.shapes import Line
from service.api.who import DatabaseOf, SettingsOf, may
from service.masking import mask_text
from service.people.access import Person
from service.store.audit import record
from service.store.tables import Call, Correction, Note, Utterance

__all__ = ["router"]

router = APIRouter(tags=["calls"], route_class=SmallBody)

Reader = Annotated[Person, Depends(may("calls.read"))]
Annotator = Annotated[Person, Depends(may("calls.annotate"))]
Corrector = Annotated[Person, Depends(may("calls.correct"))]
RowId = Annotated[int, Path(ge=1, le=2**62)]
Index = Annotated[int, Path(ge=0, le=2**31 - 1)]


class NoteBody(BaseModel):
    """A note or a bookmark, on the call or on one utterance of it."""

    kind: Literal["note", "bookmark"] = "note"
    text: str = Field("", max_length=10_000, examples=["Good recovery: play this to new starters."])
    utterance_index: int | None = Field(None, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _says_something(self) -> NoteBody:
        if self.kind == "note" and not self.text.strip():
            raise ValueError("a note needs a text; a bookmark does not")
        return self


class NoteLine(Line):
    """A note as it stands."""

    id: int
    kind: Literal["note", "bookmark"]
    text: str
    utterance_index: int | None
    author_id: int | None
    created_at: datetime


def _no_truth(value: object) -> object:
    """A number; true and false, which Python takes for 1 and 0, are none."""
    if isinstance(value, bool):
        raise ValueError("give a number")  # noqa: TRY004 - pydantic tells this one
    return value


class CorrectionBody(BaseModel):
    """What is right; one or several of the three."""

    role: Literal["agent", "customer", "ivr", "unknown"] | None = None
    text: str | None = Field(None, min_length=1, max_length=10_000)
    polarity: Annotated[float, BeforeValidator(_no_truth), Field(ge=-1, le=1)] | None = None

    @model_validator(mode="after")
    def _corrects_something(self) -> CorrectionBody:
        if self.role is None and self.text is None and self.polarity is None:
            raise ValueError("nothing is corrected: give role, text or polarity")
        return self


Corrected = Literal["role", "text", "polarity"]


class CorrectionLine(BaseModel):
    """A correction: the field, what it was when it was corrected, and what is right."""

    id: int
    utterance_index: int
    field: Corrected
    was: str | float | None
    value: str | float
    author_id: int | None
    created_at: datetime


@router.get("/calls/{call_id}/notes", responses=responses(401, 403, 404))
def list_notes(person: Reader, database: DatabaseOf, call_id: CallId) -> list[NoteLine]:
    """Notes and bookmarks of a call, oldest first."""
    with database.read() as session:
        row = call_in_sight(session, person, call_id)
        notes = session.scalars(select(Note).where(Note.call_id == row.id).order_by(Note.id))
        return [NoteLine.model_validate(note) for note in notes]


@router.post("/calls/{call_id}/notes", status_code=201, responses=responses(401, 403, 404))
def add_note(
    person: Annotator, database: DatabaseOf, settings: SettingsOf, call_id: CallId, body: NoteBody
) -> NoteLine:
    """Write a note, or set a bookmark."""
    with database.begin() as session:
        row = call_in_sight(session, person, call_id)
        if body.utterance_index is not None:
            _utterance(session, row, body.utterance_index)
        told = body.model_dump() | {"text": mask_text(body.text, settings)}
        note = Note(call_id=row.id, author_id=person.user_id, **told)
        session.add(note)
        session.flush()
        record(session, person.actor, "note.added", f"call:{row.id}", note=note.id)
        return NoteLine.model_validate(note)


@router.delete("/calls/{call_id}/notes/{note_id}", status_code=204, responses=responses(401, 403, 404))
def delete_note(person: Annotator, database: DatabaseOf, call_id: CallId, note_id: RowId) -> None:
    """Delete a note; one's own, or anybody's for an admin."""
    with database.begin() as session:
        row = call_in_sight(session, person, call_id)
        note = session.get(Note, note_id)
        if note is None or note.call_id != row.id:
            raise ApiError(404, f"There is no note {note_id} on this call.")
        if note.author_id != person.user_id and person.role != "admin":
            raise ApiError(403, "Only who wrote a note may delete it.")
        session.delete(note)
        record(session, person.actor, "note.deleted", f"call:{row.id}", note=note_id)


@router.get("/calls/{call_id}/corrections", responses=responses(401, 403, 404))
def list_corrections(person: Reader, database: DatabaseOf, call_id: CallId) -> list[CorrectionLine]:
    """Every correction of a call, oldest first; of one field of one utterance the last one holds."""
    with database.read() as session:
        row = call_in_sight(session, person, call_id)
        query = select(Correction).where(Correction.call_id == row.id).order_by(Correction.id)
        return [_line(each) for each in session.scalars(query)]


@router.post(
    "/calls/{call_id}/utterances/{utterance_index}/corrections",
    status_code=201,
    responses=responses(401, 403, 404),
)
def correct(
    person: Corrector,
    database: DatabaseOf,
    settings: SettingsOf,
    call_id: CallId,
    utterance_index: Index,
    body: CorrectionBody,
) -> list[CorrectionLine]:
    """Put an utterance right. The score stays as it was made; the correction stands beside it."""
    with database.begin() as session:
        row = call_in_sight(session, person, call_id)
        utterance = _utterance(session, row, utterance_index)
        made = []
        for field, told in body.model_dump(exclude_none=True).items():
            value = mask_text(told, settings) if field == "text" else told
            correction = Correction(
                call_id=row.id, utterance_index=utterance_index, field=field,
                was={"value": getattr(utterance, field)}, value={"value": value}, author_id=person.user_id,
            )  # fmt: skip
            session.add(correction)
            made.append(correction)
        session.flush()
        fields = [correction.field for correction in made]
        record(
            session,
            person.actor,
            "utterance.corrected",
            f"call:{row.id}",
            index=utterance_index,
            fields=fields,
        )
        return [_line(each) for each in made]


def _utterance(session: Session, row: Call, index: int) -> Utterance:
    utterance = session.get(Utterance, (row.id, index))
    if utterance is None:
        raise ApiError(404, f"The call has no utterance {index}; they are counted from 0.")
    return utterance


def _line(correction: Correction) -> CorrectionLine:
    return CorrectionLine(
        id=correction.id,
        utterance_index=correction.utterance_index,
        field=cast("Corrected", correction.field),
        was=correction.was["value"],
        value=correction.value["value"],
        author_id=correction.author_id,
        created_at=correction.created_at,
    )
