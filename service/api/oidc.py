"""Logging in by OpenID Connect: away to the provider, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse

from service.api.errors import ApiError, responses
from service.api.session import address_of, set_login_cookie
from service.api.who import COOKIE, DatabaseOf, anyone
from service.people.limits import LoginLimits
from service.people.oidc import OidcClient, OidcError, Pending, UnreachableError
from service.people.oidc_accounts import log_in_by_oidc
from service.people.sealed import Seal
from service.settings import Settings

__all__ = ["PENDING_COOKIE", "Oidc", "oidc_of", "router"]

router = APIRouter(prefix="/oidc", tags=["session"])

PENDING_COOKIE = "sentiment_oidc"
PATH = "/api/v1/oidc"
UNDER_WAY_S = 600
"""How long somebody may take at the provider."""

Text = Annotated[str | None, Query(max_length=4000)]
REDIRECT = {"description": "Where to go on; the header `Location` says it."}


class Oidc:
    """The provider of the settings, and the seal of what a browser keeps on the way there."""

    def __init__(self, settings: Settings) -> None:
        self.seal = Seal(settings.data_dir)
        self.client = OidcClient(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            redirect_uri=f"{settings.base_url.rstrip('/')}{PATH}/callback",
        )


def oidc_of(request: Request) -> Oidc:
    """The provider, if there is one.

    Raises:
        ApiError: 404, none is set; 429, too many tries from this address.
    """
    oidc: Oidc | None = request.app.state.oidc
    if oidc is None:
        raise ApiError(404, "Logging in by OpenID Connect is not set up.")
    limits: LoginLimits = request.app.state.login_limits
    if wait := limits.wait_s(address_of(request)):
        raise ApiError(429, headers={"Retry-After": str(wait)})
    return oidc


OidcOf = Annotated[Oidc, Depends(oidc_of)]


@router.get(
    "/login",
    dependencies=[Depends(anyone)],
    response_class=RedirectResponse,
    status_code=303,
    responses={**responses(404, 429), 303: REDIRECT},
)
def start_oidc(oidc: OidcOf, request: Request) -> RedirectResponse:
    """Go to the provider to log in there."""
    try:
        url, pending = oidc.client.begin()
    except UnreachableError as error:
        raise _unreachable(error) from None
    settings: Settings = request.app.state.settings
    answer = RedirectResponse(url, status_code=303)
    answer.set_cookie(
        PENDING_COOKIE, oidc.seal.close(asdict(pending)), max_age=UNDER_WAY_S, path=PATH,
        secure=settings.secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


@router.get(
    "/callback",
    dependencies=[Depends(anyone)],
    response_class=RedirectResponse,
    status_code=303,
    responses={**responses(400, 403, 404, 429), 303: REDIRECT},
)
def finish_oidc(
    oidc: OidcOf,
    request: Request,
    database: DatabaseOf,
    code: Text = None,
    state: Text = None,
    iss: Text = None,
) -> RedirectResponse:
    """Back from the provider: sets the cookie `sentiment_login` and goes to the first page.

    What the provider says of an error is not passed on: anybody can write it into the address.
    """
    settings: Settings = request.app.state.settings
    limits: LoginLimits = request.app.state.login_limits
    kept = oidc.seal.open(request.cookies.get(PENDING_COOKIE, ""), max_age_s=UNDER_WAY_S)
    if kept is None:
        raise ApiError(400, "This login was not begun here, or took too long; begin anew.")
    if not code or not state:
        raise ApiError(403, "The provider did not log you in; begin anew.")
    try:
        identity = oidc.client.finish(Pending(**kept), code=code, state=state, issuer=iss)
    except UnreachableError as error:
        raise _unreachable(error) from None
    except OidcError as error:
        limits.failed(address_of(request))
        structlog.get_logger("service.api").warning("oidc login refused", reason=str(error))
        raise ApiError(403, "The provider's answer is not in order; begin anew.") from None
    token = log_in_by_oidc(
        database,
        identity,
        role=settings.oidc_role,
        hours=settings.session_hours,
        replaces=request.cookies.get(COOKIE),
    )
    if token is None:
        raise ApiError(403, "You have no account here, or it is disabled; ask an admin.")
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(PENDING_COOKIE, path=PATH, secure=settings.secure, httponly=True, samesite="lax")
    set_login_cookie(answer, token, settings)
    return answer


def _unreachable(error: OidcError) -> ApiError:
    structlog.get_logger("service.api").error("oidc provider unavailable", reason=str(error))
    return ApiError(503, "The OpenID Connect provider does not answer.", headers={"Retry-After": "10"})
