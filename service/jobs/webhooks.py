"""The job ``deliver``: one event goes to one webhook, signed as Standard Webhooks say.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The headers are ``webhook-id`` (the same each time an event is sent, so that a second delivery is known),
``webhook-timestamp``
(seconds) and ``webhook-signature``: ``v1,`` and the base64 of the HMAC-SHA256, under the secret's bytes, of
``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from sentiment import __version__
from sentiment.errors import InputError, OutputError, SentimentError
from service.jobs.addresses import post, target
from service.jobs.events import ATTEMPTS
from service.store.columns import now
from service.store.tables import Delivery, Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from service.jobs.queue import Held
    from service.jobs.work import Ending, Task

__all__ = ["ATTEMPTS", "deliver", "delivery_failed", "headers", "new_signing_secret", "signature"]

SECRET_PREFIX = "whsec_"  # noqa: S105 - the spec's mark of a secret, none itself


def new_signing_secret() -> str:
    """A secret for a webhook: 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What ``webhook-signature`` says."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery."""
    return {
        "content-type": "application/json",
        "user-agent": f"conversation-sentiment/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def deliver(task: Task) -> Ending:
    """Send a delivery once. Anything but a 2xx is a failure; a redirect is not followed.

    Raises:
        OutputError: it did not arrive; it is tried again.
        InputError: it may not be sent there.
    """
    work, number = task.work, int(task.held.payload["delivery"])
    with work.database.read() as session:
        delivery = session.get(Delivery, number)
        hook = None if delivery is None else session.get(Webhook, delivery.webhook_id)
    if delivery is None or hook is None:
        return lambda _session: {}  # what it was about was deleted, or the webhook was
    if not hook.active:
        raise InputError("The webhook is switched off.")
    body = json.dumps(delivery.payload, separators=(",", ":")).encode()
    status: int | None = None
    try:
        to = target(hook.url, allow_private=work.settings.webhook_allow_private)
        status = post(to, body, headers(hook.secret, f"msg_{delivery.id}", int(time.time()), body)).status
        if not 200 <= status < 300:
            raise OutputError(f"{to.host}: answered {status}")
    except SentimentError as error:
        with task.transaction() as session:
            _note(session, number, state="waiting", status=status, error=str(error))
        raise

    def end(session: Session) -> Mapping[str, Any]:
        _note(session, number, state="delivered", status=status, error=None)
        return {"status": status}

    return end


def delivery_failed(session: Session, held: Held, error: str) -> None:
    """A delivery is not tried again."""
    found = session.get(Delivery, int(held.payload["delivery"]))
    if found is not None:
        found.state, found.error = "failed", error


def _note(session: Session, number: int, *, state: str, status: int | None, error: str | None) -> None:
    found = session.get(Delivery, number)
    if found is None:
        return
    found.state, found.status_code, found.error = state, status, error
    found.attempts += 1
    if state == "delivered":
        found.delivered_at = now()
