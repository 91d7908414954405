"""Webhooks: where events are sent, what was sent, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from service.api.bodies import SmallBody
from service.api.errors import ApiError, responses
from service.api.paging import Cursor, Limit, Page, pack, unpack
from service.api.shapes import Line
from service.api.who import DatabaseOf, may
from service.jobs.addresses import check_url
from service.jobs.events import EVENTS, deliver_again
from service.jobs.webhooks import new_signing_secret
from service.people.access import Person
from service.store.audit import record
from service.store.tables import Delivery, Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["router"]

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=SmallBody)

Manager = Annotated[Person, Depends(may("webhooks"))]
HookId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The webhook's number.", examples=[3])]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The delivery's number.", examples=[41])]
Event = Literal["call.scored", "moment.flagged", "job.failed"]
MOST_HOOKS = 50

Url = Annotated[str, Field(max_length=2000, examples=["https://example.com/hooks/calls"])]
Events = Annotated[list[Event], Field(min_length=1, max_length=10, examples=[["moment.flagged"]])]


class NewWebhook(BaseModel):
    """A webhook to be made."""

    url: Url
    events: Events


class WebhookChange(BaseModel):
    """What to change; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    active: bool | None = Field(None, description="Whether events are sent there.")


class WebhookLine(Line):
    """A webhook."""

    id: int = Field(examples=[3])
    url: str
    events: list[Event]
    active: bool
    created_at: datetime


class MadeWebhook(WebhookLine):
    """A webhook, and the secret it signs with, which is told this once."""

    secret: str = Field(
        description="As Standard Webhooks have it.", examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )


class DeliveryLine(Line):
    """One event on its way to one webhook; `attempts` are the tries since it was last asked for."""

    id: int = Field(examples=[41])
    event: Event
    payload: dict[str, Any]
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    status_code: int | None = Field(description="What the receiver answered last.", examples=[500])
    error: str | None = Field(examples=["example.com: answered 500"])
    created_at: datetime
    delivered_at: datetime | None


def _hook(session: Session, hook_id: int) -> Webhook:
    found = session.get(Webhook, hook_id)
    if found is None:
        raise ApiError(404, f"There is no webhook {hook_id}.")
    return found


def _checked(request: Request, url: str) -> str:
    check_url(url, allow_private=request.app.state.settings.webhook_allow_private)
    return url


@router.get("/events", responses=responses(401, 403))
def list_events(person: Manager) -> dict[str, str]:  # noqa: ARG001 - asked for the permission
    """The events there are, and when each is sent."""
    return EVENTS


@router.get("", responses=responses(401, 403))
def list_webhooks(person: Manager, database: DatabaseOf) -> list[WebhookLine]:  # noqa: ARG001
    """Every webhook; there are at most fifty."""
    with database.read() as session:
        return [WebhookLine.model_validate(h) for h in session.scalars(select(Webhook).order_by(Webhook.id))]


@router.post("", status_code=201, responses=responses(401, 403, 409))
def make_webhook(person: Manager, database: DatabaseOf, new: NewWebhook, request: Request) -> MadeWebhook:
    """Make a webhook. Deliveries are signed as https://www.standardwebhooks.com says."""
    url = _checked(request, new.url)
    with database.begin() as session:
        if len(session.scalars(select(Webhook.id)).all()) >= MOST_HOOKS:
            raise ApiError(409, f"There are {MOST_HOOKS} webhooks already; remove one first.")
        hook = Webhook(
            url=url, events=sorted(set(new.events)), secret=new_signing_secret(), created_by=person.user_id
        )
        session.add(hook)
        session.flush()
        record(session, person.actor, "webhook.make", f"webhook:{hook.id}", events=hook.events)
        return MadeWebhook.model_validate(hook)


@router.patch("/{hook_id}", responses=responses(401, 403, 404))
def change_webhook(
    person: Manager, database: DatabaseOf, hook_id: HookId, change: WebhookChange, request: Request
) -> WebhookLine:
    """Change a webhook. What waits for one that is switched off fails, and can be sent again."""
    with database.begin() as session:
        hook = _hook(session, hook_id)
        if change.url is not None:
            hook.url = _checked(request, change.url)
        if change.events is not None:
            hook.events = sorted(set(change.events))
        if change.active is not None:
            hook.active = change.active
        session.flush()
        changed = sorted(change.model_dump(exclude_none=True))
        record(session, person.actor, "webhook.change", f"webhook:{hook_id}", fields=changed)
        return WebhookLine.model_validate(hook)


@router.delete("/{hook_id}", status_code=204, responses=responses(401, 403, 404))
def remove_webhook(person: Manager, database: DatabaseOf, hook_id: HookId) -> None:
    """Remove a webhook and what is known of its deliveries."""
    with database.begin() as session:
        session.delete(_hook(session, hook_id))
        record(session, person.actor, "webhook.remove", f"webhook:{hook_id}")


@router.get("/{hook_id}/deliveries", responses=responses(401, 403, 404))
def list_deliveries(
    person: Manager,  # noqa: ARG001
    database: DatabaseOf,
    hook_id: HookId,
    state: Annotated[
        Literal["waiting", "delivered", "failed"] | None, Query(description="Only those in this state.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeliveryLine]:
    """What was sent to a webhook, the latest first; kept for 30 days."""
    query = select(Delivery).where(Delivery.webhook_id == hook_id)
    if state is not None:
        query = query.where(Delivery.state == state)
    if cursor is not None:
        query = query.where(Delivery.id < unpack(cursor, int)[0])
    with database.read() as session:
        _hook(session, hook_id)
        rows = list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    items = [DeliveryLine.model_validate(row) for row in rows]
    return Page(items=items, next=pack(rows[-1].id) if more else None)


@router.post("/{hook_id}/deliveries/{delivery_id}/redeliver", responses=responses(401, 403, 404, 409))
def redeliver(
    person: Manager, database: DatabaseOf, hook_id: HookId, delivery_id: DeliveryId
) -> DeliveryLine:
    """Send an event once more, under the same `webhook-id`, by which the receiver knows it."""
    with database.begin() as session:
        _hook(session, hook_id)
        found = session.scalar(
            select(Delivery)
            .where(Delivery.id == delivery_id, Delivery.webhook_id == hook_id)
            .with_for_update()
        )
        if found is None:
            raise ApiError(404, f"There is no delivery {delivery_id} of webhook {hook_id}.")
        if found.state == "waiting":
            raise ApiError(409, f"Delivery {delivery_id} is on its way.")
        deliver_again(session, found)
        session.flush()
        record(session, person.actor, "webhook.redeliver", f"delivery:{delivery_id}")
        return DeliveryLine.model_validate(found)
