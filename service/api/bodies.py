"""What a request may carry: small bodies for routes that read JSON, and fields that several of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from sentiment.errors import InputError
from service.people.names import clean_email, clean_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response
    from starlette.types import Message

__all__ = ["AgentId", "Body", "Email", "Name", "RowId", "SmallBody", "TeamIds"]

LARGEST = 1_000_000
"""Bytes of a body of JSON; without a limit a stranger could fill the memory by logging in."""

LAST = 2**63 - 1


class SmallBody(APIRoute):
    """A route whose body may have a million bytes: counted as they arrive, for a length can be a lie."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, reading through a counter."""
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            got = 0

            async def receive() -> Message:
                nonlocal got
                message = await request.receive()
                got += len(message.get("body", b""))
                if got > LARGEST:
                    raise HTTPException(413)
                return message

            return await handle(Request(request.scope, receive))

        return bounded


class Body(BaseModel):
    """A body of JSON: a field that is not known is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")


def _name(text: str) -> str:
    try:
        return clean_name(text)
    except InputError as error:
        raise ValueError(str(error)) from None


def _email(text: str) -> str:
    try:
        return clean_email(text)
    except InputError as error:
        raise ValueError(str(error)) from None


ONE_LINE = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"}
ADDRESS = {
    "pattern": r"^[^@\s<>()\[\],;:\"\\\u0000-\u001f\u007f-\u009f]{1,64}"
    r"@[^@\s<>()\[\],;:\"\\\u0000-\u001f\u007f-\u009f]{1,255}$"
}
"""What the description of the API says of them; what holds is :mod:`service.people.names`."""

Name = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=ONE_LINE), AfterValidator(_name)]
"""A name of one line: no control characters."""

Email = Annotated[str, Field(min_length=3, max_length=320, json_schema_extra=ADDRESS), AfterValidator(_email)]
"""An e-mail address, in lower case."""

RowId = Annotated[int, Path(ge=1, le=LAST, examples=[17])]
"""The number of a row."""

AgentId = Annotated[str, Field(min_length=1, max_length=200, examples=["a-17"]), AfterValidator(_name)]
"""What the recordings call an agent."""

TeamIds = Annotated[list[Annotated[int, Field(ge=1, le=LAST)]], Field(max_length=1000, examples=[[3]])]
