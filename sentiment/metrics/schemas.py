"""The tables that metrics read: their columns, what is derived where it is not given, and what is checked.

Times are UTC, durations integer milliseconds. A file needs only the columns that the asked metrics
read; one that is named as here needs no map (:mod:`sentiment.metrics.maps` renames others).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import ibis
from ibis import _

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLES", "Check", "Column", "Derived", "Schema", "epoch_ms", "schema_of"]

Type = Literal["string", "int64", "float64", "boolean", "timestamp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column as it may be given; a value outside [``least``, ``most``] makes its row a bad one."""

    name: str
    type: Type
    says: str
    least: float | None = None
    most: float | None = None
    required: bool = False
    assumed: Any = None
    """What an empty value, or a column that is not there, stands for; ``None``: unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """A column worked out from others where it is not given itself."""

    name: str
    of: Any
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """``bad`` holds for a row that cannot be true; ``says`` what is wrong with it."""

    bad: Any
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """A table: ``key`` identifies a row, ``time`` puts it in a period; ``example`` is a plausible row."""

    name: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time: str
    derived: tuple[Derived, ...] = ()
    checks: tuple[Check, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((c for c in self.columns if c.name == name), None)


def epoch_ms(time: Any) -> Any:
    """Milliseconds since 1970 of a timestamp column, as int64, the same on every engine."""
    seconds = time.truncate("s").epoch_seconds().cast("int64")
    return seconds * 1000 + time.millisecond().cast("int64")


def _ms_between(start: Any, end: Any) -> Any:
    return epoch_ms(end) - epoch_ms(start)


def _ms(name: str, says: str) -> Column:
    return Column(name=name, type="int64", says=f"{says}, milliseconds", least=0, most=30 * 86_400_000)


def _text(name: str, says: str, *, required: bool = False) -> Column:
    return Column(name=name, type="string", says=says, required=required)


def _flag(name: str, says: str) -> Column:
    return Column(name=name, type="boolean", says=says)


def _time(name: str, says: str, *, required: bool = False) -> Column:
    return Column(name=name, type="timestamp", says=f"{says} (UTC)", required=required)


def _amount(name: str, says: str) -> Column:
    return Column(name=name, type="float64", says=f"{says}, in your currency")


_WHO = (
    _text("call_id", "the call; joins surveys, contacts and scored calls"),
    _text("customer_id", "the customer"),
    _text("agent_id", "the agent who handled it"),
    _text("team", "the agent's team"),
    _text("queue", "the queue"),
    _text("channel", "voice, chat, email ..."),
    _text("site", "where the agent works"),
    _text("industry", "line of business"),
)

SURVEYS = Schema(
    name="surveys",
    says="a row for each survey sent or answered",
    key=("call_id", "instrument", "question"),
    time="answered_at",
    columns=(
        *_WHO,
        _text("instrument", "csat, nps, ces, guest_satisfaction, patient_satisfaction, trust", required=True),
        Column(
            name="question", type="string", says="what was asked about: overall, agent, product ...", assumed="overall"
        ),
        Column(name="value", type="float64", says="the answer on its own scale; empty: not answered"),
        Column(name="scale_min", type="float64", says="least value of the scale"),
        Column(name="scale_max", type="float64", says="greatest value of the scale"),
        Column(
            name="high_is_easy",
            type="boolean",
            says="effort surveys: whether a high value means little effort",
            assumed=True,
        ),
        _time("invited_at", "when the customer was asked"),
        _time("answered_at", "when the answer came"),
    ),
    derived=(
        Derived(name="answered_at", of=_.invited_at, says="when invited"),
        Derived(
            name="ease",
            of=ibis.ifelse(_.high_is_easy, _.value, _.scale_min + _.scale_max - _.value),
            says="the answer turned so that high means little effort",
        ),
    ),
    checks=(
        Check(bad=_.scale_max <= _.scale_min, says="scale_max is not above scale_min"),
        Check(bad=(_.value < _.scale_min) | (_.value > _.scale_max), says="value is not on its scale"),
        Check(
            bad=(_.instrument == "nps") & ((_.scale_min != 0) | (_.scale_max != 10)),
            says="NPS is asked on 0-10; this scale is another",
        ),
        Check(bad=(_.instrument == "nps") & (_.value != _.value.floor()), says="an NPS answer is a whole number"),
        Check(bad=_.answered_at < _.invited_at, says="answered before it was sent"),
    ),
    example={
        "instrument": "csat",
        "question": "overall",
        "value": 5.0,
        "scale_min": 1.0,
        "scale_max": 5.0,
        "high_is_easy": True,
    },
)

CONTACTS = Schema(
    name="contacts",
    says="a row for each contact: a call, chat or message that reached the centre",
    key=("contact_id",),
    time="started_at",
    columns=(
        _text("contact_id", "identifies the contact", required=True),
        *_WHO,
        Column(name="direction", type="string", says="inbound or outbound", assumed="inbound"),
        _text("issue_id", "the matter it is about; contacts on one matter share it"),
        _time("started_at", "when it reached the centre"),
        _time("answered_at", "when an agent took it"),
        _time("ended_at", "when it ended"),
        _time("resolved_at", "when the matter was settled"),
        _ms("wait_ms", "from arrival to answer or abandonment"),
        _ms("talk_ms", "talking (or chatting) with the customer, without hold"),
        _ms("hold_ms", "customer on hold"),
        _ms("after_call_work_ms", "work on it after it ended"),
        Column(name="first_response_ms", type="int64", says="from arrival to the first reply, milliseconds", least=0),
        Column(name="resolution_ms", type="int64", says="from arrival to settlement, milliseconds", least=0),
        _flag("answered", "an agent took it"),
        _flag("abandoned", "the customer left before an answer"),
        Column(
            name="blocked",
            type="boolean",
            says="it was turned away (lines full) and never queued",
            assumed=False,
        ),
        _flag("transferred", "it was passed on to someone else"),
        _flag("first_contact", "it is the first about its matter"),
        _flag("resolved", "it settled the matter"),
        Column(name="transfers", type="int64", says="how often it was passed on", least=0),
        Column(name="holds", type="int64", says="how often the customer was put on hold", least=0),
    ),
    derived=(
        Derived(name="answered", of=_.answered_at.notnull(), says="answered_at is there"),
        Derived(name="wait_ms", of=_ms_between(_.started_at, _.answered_at), says="answered_at - started_at"),
        Derived(name="abandoned", of=~_.answered & ~_.blocked, says="neither answered nor blocked"),
        Derived(name="transferred", of=_.transfers > 0, says="transfers > 0"),
        Derived(name="held", of=_.hold_ms > 0, says="hold_ms > 0"),
        Derived(
            name="handle_ms",
            of=_.talk_ms + _.hold_ms + _.after_call_work_ms,
            says="talk_ms + hold_ms + after_call_work_ms",
        ),
        Derived(
            name="resolution_ms",
            of=_ms_between(_.started_at, _.resolved_at),
            says="resolved_at - started_at",
        ),
    ),
    checks=(
        Check(bad=_.ended_at < _.started_at, says="it ends before it starts"),
        Check(bad=_.answered_at < _.started_at, says="it is answered before it starts"),
        Check(bad=_.resolved_at < _.started_at, says="it is settled before it starts"),
        Check(bad=_.answered & _.abandoned, says="both answered and abandoned"),
        Check(bad=_.answered & _.blocked, says="both answered and blocked"),
    ),
    example={
        "direction": "inbound",
        "answered": True,
        "abandoned": False,
        "blocked": False,
        "transferred": False,
        "wait_ms": 5_000,
        "talk_ms": 240_000,
        "hold_ms": 0,
        "after_call_work_ms": 60_000,
        "first_contact": True,
        "resolved": True,
    },
)

AGENT_TIME = Schema(
    name="agent_time",
    says="a row for each agent and interval (a half hour, a shift): how its time was spent",
    key=("agent_id", "started_at"),
    time="started_at",
    columns=(
        _text("agent_id", "the agent", required=True),
        _text("team", "the agent's team"),
        _text("site", "where the agent works"),
        _time("started_at", "when the interval began"),
        _ms("handling_ms", "talk, hold and after-call work"),
        _ms("available_ms", "waiting for a contact"),
        _ms("logged_in_ms", "paid (logged-in) time"),
    ),
    checks=(
        Check(
            bad=_.handling_ms + _.available_ms > _.logged_in_ms,
            says="handling and available time exceed the logged-in time",
        ),
    ),
)

TABLES: dict[str, Schema] = {s.name: s for s in (SURVEYS, CONTACTS, AGENT_TIME)}
"""Every table by name."""


def schema_of(name: str) -> Schema:
    """The schema of a table.

    Raises:
        InputError: there is no such table.
    """
    if name not in TABLES:
        raise InputError(f"{name}: no such table; tables are {', '.join(TABLES)}")
    return TABLES[name]
