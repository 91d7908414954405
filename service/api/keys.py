"""API keys, with which programs come: made, listed, revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select

from service.api.bodies import Body, Name, RowId, SmallBody
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.people.access import PERMISSIONS, Person
from service.people.keys import LONGEST_DAYS, make_key, of_sight, revoke_key
from service.store.tables import Key

__all__ = ["router"]

router = APIRouter(prefix="/keys", tags=["keys"], route_class=SmallBody)

Owner = Annotated[Person, Depends(may("keys"))]


class NewKey(Body):
    """A key to make."""

    name: Name = Field(examples=["nightly upload"])
    scopes: list[Annotated[str, Field(json_schema_extra={"enum": list(PERMISSIONS)})]] = Field(
        description="Permissions, of those you have; `ingest` alone: a key that only brings things in.",
        min_length=1,
        max_length=100,
        examples=[["keys"]],
    )
    days: int = Field(90, ge=1, le=LONGEST_DAYS, description="How long it is valid, in days.", examples=[90])


class KeyLine(Line):
    """A key; of its secret only how it begins is known."""

    id: int = Field(examples=[17])
    name: str = Field(examples=["nightly upload"])
    prefix: str = Field(description="How the secret begins.", examples=["csk_Yb3Kq9aX"])
    user_id: int = Field(description="Whose it is.", examples=[3])
    scopes: list[str] = Field(examples=[["ingest"]])
    made_by: int | None = Field(description="The key that made it, if one did.", examples=[None])
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="When it was last used, to the minute.")


class MadeKey(KeyLine):
    """A new key, with its secret, which is told this once."""

    secret: str = Field(
        description="Send it as `Authorization: Bearer …`. It cannot be shown again.",
        examples=["csk_Yb3Kq9aX0m5n1p7r8s2t4u6v9w0x1y3z5A7B9C1D3E5"],
    )


@router.post("", status_code=201, responses=responses(400, 401, 403, 413))
def post_key(new: NewKey, person: Owner, database: DatabaseOf) -> MadeKey:
    """Make a key of your own. It can never do more than you can."""
    with database.begin() as session:
        key, secret = make_key(session, person, name=new.name, scopes=new.scopes, days=new.days)
        line = KeyLine.model_validate(key)
    return MadeKey(**line.model_dump(), secret=secret)


@router.get("", responses=responses(401, 403))
def list_keys(person: Owner, database: DatabaseOf, limit: Limit = 50, cursor: Cursor = None) -> Page[KeyLine]:
    """Your keys, the newest first; who manages users sees everybody's."""
    query = select(Key).where(of_sight(person)).order_by(Key.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(Key.id < unpack(cursor, int)[0])
    with database.read() as session:
        rows = session.scalars(query).all()
    more, rows = len(rows) > limit, rows[:limit]
    return Page(items=[KeyLine.model_validate(row) for row in rows], next=pack(rows[-1].id) if more else None)


@router.delete("/{key_id}", status_code=204, responses=responses(401, 403, 404))
def delete_key(key_id: RowId, person: Owner, database: DatabaseOf) -> None:
    """Revoke a key, and every key it made. It stays in the list."""
    with database.begin() as session:
        if not revoke_key(session, person, key_id):
            raise ApiError(404, f"There is no key {key_id}.")
