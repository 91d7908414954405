"""The one shape of every error: ``{"error": {"code", "message", "request_id", "fields"?}}``.

``code`` is for programs and never changes its meaning; ``message`` is one line fit to show a person. What a
request must not learn (that a thing exists, why a password was wrong) is in neither.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, StatementError
from starlette.exceptions import HTTPException

from sentiment.errors import InputError, SentimentError
from service.people.accounts import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ApiError", "ErrorBody", "install", "responses"]

CODES = {
    400: ("bad_request", "The request cannot be read."),
    401: ("not_authenticated", "Nobody is logged in, or the key is not valid."),
    403: ("not_allowed", "This person or key may not do that."),
    404: ("not_found", "There is no such thing, or it is out of this person's sight."),
    405: ("method_not_allowed", "This path does not take that method."),
    408: ("too_slow", "The body came too slowly."),
    409: ("conflict", "It does not fit what is there already."),
    413: ("too_large", "The body is larger than is taken."),
    415: ("unsupported_type", "The content is of a kind that is not taken."),
    422: ("invalid", "A field is missing or wrong; `fields` says which."),
    429: ("too_many", "Too many at once; `Retry-After` says when to try again."),
    503: ("unavailable", "The database or the disk cannot be used just now; try again."),
}


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="Where it is, as body.value.", examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 200"])


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="For programs.", examples=["not_found"])
    message: str = Field(description="One line for people.", examples=["There is no call 'c-17'."])
    request_id: str = Field(description="By which the log knows this request.", examples=["9f0c2d"])
    fields: list[FieldError] | None = Field(None, description="With the code `invalid`: each wrong field.")


class ErrorBody(BaseModel):
    """Every answer that is not a success."""

    model_config = ConfigDict(title="Error")
    error: ErrorDetail


class ApiError(Exception):
    """An error to answer with; raised anywhere below a route."""

    def __init__(
        self, code: int, message: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message or CODES[code][1])
        self.status, self.message, self.headers = code, message or CODES[code][1], dict(headers or {})


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares: the errors it can give, with what each means."""
    every = sorted({*codes, 400, 422, 503})
    return {code: {"model": ErrorBody, "description": CODES[code][1]} for code in every}


def install(app: FastAPI) -> None:
    """Make every error of ``app`` have the one shape."""
    log = structlog.get_logger("service.api")

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> JSONResponse:
        return _answer(request, error.status, error.message, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            FieldError(field=".".join(str(part) for part in each["loc"]), message=each["msg"])
            for each in error.errors()
        ]
        message = f"{fields[0].field}: {fields[0].message}" if fields else CODES[422][1]
        return _answer(request, 422, message, fields=fields)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = error.status_code if error.status_code in CODES else status.HTTP_400_BAD_REQUEST
        headers = dict(error.headers or {})
        if code == status.HTTP_405_METHOD_NOT_ALLOWED and (known := _allowed(app, request.url.path)):
            headers["Allow"] = ", ".join(known)
        return _answer(request, code, CODES[code][1], headers=headers)

    @app.exception_handler(InputError)
    async def _input(request: Request, error: InputError) -> JSONResponse:
        return _answer(request, 422, str(error))

    @app.exception_handler(ConflictError)
    async def _conflict(request: Request, error: ConflictError) -> JSONResponse:
        return _answer(request, 409, str(error))

    @app.exception_handler(DataError)
    async def _unstorable(request: Request, error: DataError) -> JSONResponse:
        log.warning("value refused by the database", kind=type(error.orig).__name__)
        return _answer(request, 422, "A value cannot be kept: it holds a null byte or is too long or large.")

    @app.exception_handler(StatementError)
    async def _unspeakable(request: Request, error: StatementError) -> JSONResponse:
        if not isinstance(error.orig, OverflowError):
            raise error
        return _answer(
            request, 422, "A time is out of range: it lies before the year 1 or after 9999 in UTC."
        )

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    async def _database(request: Request, error: OperationalError | InterfaceError) -> JSONResponse:
        log.error("database unavailable", kind=type(error.orig).__name__)
        return _answer(request, 503, CODES[503][1], headers={"Retry-After": "5"})

    @app.exception_handler(SentimentError)
    async def _known(request: Request, error: SentimentError) -> JSONResponse:
        log.error("request failed", kind=type(error).__name__)
        return _answer(request, 503, str(error), headers={"Retry-After": "30"})

    @app.exception_handler(OSError)
    async def _disk(request: Request, error: OSError) -> JSONResponse:
        log.error("disk unavailable", kind=type(error).__name__, errno=error.errno)
        return _answer(request, 503, CODES[503][1], headers={"Retry-After": "30"})

    @app.exception_handler(Exception)
    async def _fault(request: Request, error: Exception) -> JSONResponse:
        log.error("fault", kind=type(error).__name__, exc_info=error)
        body = ErrorBody(
            error=ErrorDetail(
                code="fault",
                message="A fault of this software; please report it.",
                request_id=_id(request),
                fields=None,
            )
        )
        return JSONResponse(body.model_dump(exclude_none=True), status_code=500)


def _allowed(app: FastAPI, path: str) -> list[str]:
    """The methods of a path, of whichever routes it has; the router would name those of the first alone."""
    fitting = [
        (template.count("{"), sorted(method.upper() for method in methods))
        for template, methods in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path)
    ]
    return min(fitting)[1] if fitting else []


def _id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


def _answer(
    request: Request,
    code: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    fields: list[FieldError] | None = None,
) -> JSONResponse:
    detail = ErrorDetail(code=CODES[code][0], message=message, request_id=_id(request), fields=fields)
    body = ErrorBody(error=detail).model_dump(exclude_none=True)
    return JSONResponse(body, status_code=code, headers=dict(headers or {}))
