"""Structured logs: one line of JSON an event, with the request's id and no personal data.

What is logged is chosen where it is logged: ids of rows, counts, kinds of error; never what was said, who
said it, a name, an address or a value of a request. A fault's traceback has file, line and function, without
the values of variables.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict

__all__ = ["configure"]


def configure(*, form: str = "json", level: str = "info") -> None:
    """Log to stderr; ``form`` is ``json`` or ``console``. What libraries log comes out in the same form."""
    least = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where,
    ]
    render: Any = structlog.processors.JSONRenderer()
    if form == "console":
        render = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.WARNING))


def _where(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Where a fault was raised, innermost last: file, line and function, and no values."""
    error = event.pop("exc_info", None)
    if not isinstance(error, BaseException):
        return event
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rsplit('site-packages/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    event["where"] = frames[-12:]
    return event
