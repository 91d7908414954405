"""Made-up records as tables: in memory for tests and demonstrations, or as Parquet files of any size.

``contacts``, ``surveys``, ``agent_time`` and ``customers`` are named and typed as the metric engine reads
them. ``truth`` has a row for each contact with what nobody would know; ``customers`` has each one's leniency
beside the rest, and ``agents`` who answers. Times are UTC without a time zone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from sentiment.errors import OutputError
from sentiment.files import make_folder
from sentiment.synthetic.records import Day, People, hire, make_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sentiment.synthetic.centre import Centre

__all__ = ["Records", "make_records", "write_records"]

_SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
_SEGMENTS = ("consumer", "family", "business")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Records:
    """All tables of a made-up contact centre; see the module's text."""

    contacts: pa.Table
    surveys: pa.Table
    agent_time: pa.Table
    truth: pa.Table
    customers: pa.Table
    agents: pa.Table


def make_records(centre: Centre) -> Records:
    """All days in memory; for more than a few million contacts use :func:`write_records`."""
    who = hire(centre)
    names = _Names(centre, who)
    days = [_daily(names, day) for day in make_days(centre)]
    tables = {name: pa.concat_tables([day[name] for day in days]) for name in days[0]}
    return Records(**tables, customers=_customers(centre, who), agents=_agents(names, who))


def write_records(centre: Centre, folder: Path) -> dict[str, int]:
    """All days into ``folder``, one Parquet file for each table, a day at a time; the number of rows of each.

    A file appears under its name when it is complete.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    make_folder(folder)
    rows: dict[str, int] = {}
    try:
        with ExitStack() as stack, ThreadPoolExecutor(max_workers=1) as writing:
            writers: dict[str, Any] = {}

            def write(tables: dict[str, pa.Table]) -> None:
                for name, table in tables.items():
                    if name not in writers:
                        path = folder / f"{name}.parquet.part"
                        writers[name] = stack.enter_context(_writer(path, table.schema))
                    writers[name].write_table(table)
                    rows[name] = rows.get(name, 0) + table.num_rows

            written = None
            for tables in _all(centre, hire(centre)):  # the next day is made while this one is written
                if written is not None:
                    written.result()
                written = writing.submit(write, tables)
            if written is not None:
                written.result()
        for name in rows:
            (folder / f"{name}.parquet.part").replace(folder / f"{name}.parquet")
    except OSError as error:
        raise OutputError(f"{folder}: records cannot be written ({error.strerror or error})") from error
    finally:
        for part in folder.glob("*.parquet.part"):
            part.unlink()
    return rows


def _all(centre: Centre, who: People) -> Iterator[dict[str, pa.Table]]:
    names = _Names(centre, who)
    yield {"customers": _customers(centre, who), "agents": _agents(names, who)}
    for day in make_days(centre):
        yield _daily(names, day)


def _writer(path: Path, schema: pa.Schema) -> Any:
    """Ids are left as they are; whatever repeats goes through a dictionary."""
    repeats = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    return parquet.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=repeats
    )


# -- a day as tables -------------------------------------------------------------------------------


def _daily(names: _Names, day: Day) -> dict[str, pa.Table]:
    contacts = _contacts(names, day)
    return {
        "contacts": contacts,
        "surveys": _surveys(contacts, day),
        "agent_time": _agent_time(names, day),
        "truth": _truth(contacts, day),
    }


class _Names:
    """Names of queues, channels, teams and agents, as dictionaries that indices point into."""

    def __init__(self, centre: Centre, who: People) -> None:
        sizes = np.diff(who.first_agent)
        teams = -(-sizes // centre.agents_per_team)
        self.queues = [q.name for q in centre.queues]
        self.channels = [q.channel for q in centre.queues]
        self.directions = [q.direction for q in centre.queues]
        self.agents = [f"a{i + 1}" for i in range(who.first_agent[-1])]
        self.teams = [f"{q}-{k + 1}" for q, n in zip(self.queues, teams, strict=True) for k in range(n)]
        self.first_team = np.concatenate([[0], np.cumsum(teams)])
        rank = np.arange(who.first_agent[-1]) - np.repeat(who.first_agent[:-1], sizes)
        self.queue_of_agent = np.repeat(np.arange(len(sizes)), sizes)
        self.team_of_agent = self.first_team[self.queue_of_agent] + rank // centre.agents_per_team


def _named(index: npt.NDArray[Any], names: Sequence[str]) -> pa.Array:
    """Names by index; an index below 0 has none. Names may repeat."""
    unique = {name: code for code, name in enumerate(dict.fromkeys(names))}
    place = np.array([unique[name] for name in names], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(place[index], mask=index < 0), pa.array(list(unique)))


def _number(values: npt.NDArray[Any]) -> pa.Array:
    """Whole numbers; below 0 is none."""
    return pa.array(values, mask=values < 0)


def _time(values: npt.NDArray[Any]) -> pa.Array:
    return _number(values).view(pa.timestamp("ms"))


def _id(values: npt.NDArray[Any]) -> pa.Array:
    return pc.cast(_number(values), pa.string())


def _contacts(names: _Names, day: Day) -> pa.Table:
    c = day.contacts
    contact = _id(c["contact_id"])
    columns: dict[str, pa.Array] = {
        "contact_id": contact,
        "call_id": contact,
        "customer_id": _id(c["customer_id"]),
        "agent_id": _named(c["agent_id"], names.agents),
        "team": _named(np.where(c["agent_id"] >= 0, names.team_of_agent[c["agent_id"]], -1), names.teams),
        "queue": _named(c["queue"], names.queues),
        "channel": _named(c["queue"], names.channels),
        "direction": _named(c["queue"], names.directions),
        "issue_id": _id(c["issue_id"]),
    }
    for name in ("started_at", "answered_at", "ended_at", "resolved_at"):
        columns[name] = _time(c[name])
    for name in (
        "wait_ms",
        "first_response_ms",
        "talk_ms",
        "hold_ms",
        "after_call_work_ms",
        "transfers",
        "holds",
    ):
        columns[name] = _number(c[name])
    columns["transferred"] = pa.array(c["transfers"] > 0, mask=c["transfers"] < 0)
    for name in ("answered", "abandoned", "blocked"):
        columns[name] = pa.array(c[name])
    unanswered = ~c["answered"]
    columns["resolved"] = pa.array(c["resolved"], mask=unanswered)
    columns["first_contact"] = pa.array(c["first_contact"])
    return pa.table(columns)


def _surveys(contacts: pa.Table, day: Day) -> pa.Table:
    """A row for each survey sent; without an answer where none came."""
    t = day.truth
    sent = np.flatnonzero(t["asked"] > 0)
    kind = t["asked"][sent] - 1
    answers = t["answers"][sent]
    invited = day.contacts["ended_at"][sent] + 300_000
    values = np.column_stack([t[name] for name in _SCALES])[sent, kind]
    scales = np.array(list(_SCALES.values()))[kind]
    of_contact = contacts.select(["call_id", "customer_id", "agent_id", "team", "queue", "channel"]).take(
        sent
    )
    own = {
        "instrument": _named(kind, list(_SCALES)),
        "value": pa.array(values.astype(np.float64), mask=~answers),
        "scale_min": pa.array(scales[:, 0].astype(np.float64)),
        "scale_max": pa.array(scales[:, 1].astype(np.float64)),
        "invited_at": _time(invited),
        "answered_at": _time(np.where(answers, invited + t["answers_after_ms"][sent], -1)),
    }
    return pa.table(dict(zip(of_contact.column_names, of_contact.columns, strict=True)) | own)


def _agent_time(names: _Names, day: Day) -> pa.Table:
    a = day.agent_time
    return pa.table(
        {
            "agent_id": _named(a["agent_id"], names.agents),
            "team": _named(names.team_of_agent[a["agent_id"]], names.teams),
            "started_at": _time(a["started_at"]),
            "handling_ms": _number(a["handling_ms"]),
            "available_ms": _number(a["available_ms"]),
            "logged_in_ms": _number(a["logged_in_ms"]),
        }
    )


def _truth(contacts: pa.Table, day: Day) -> pa.Table:
    t = day.truth
    columns: dict[str, Any] = {"contact_id": contacts["contact_id"]}
    for name in _SCALES:
        columns[name] = _number(t[name].astype(np.int8))
    for name in ("satisfaction", "p_answer", "p_resolved", "complexity", "agent_quality", "leniency"):
        values = t[name].astype(np.float32)
        columns[name] = pa.array(values, mask=np.isnan(values))
    columns["asked"] = pa.array(t["asked"] > 0)
    columns["answers"] = pa.array(t["answers"])
    return pa.table(columns)


# -- people ----------------------------------------------------------------------------------------


def _customers(centre: Centre, who: People) -> pa.Table:
    """Customers with a segment and the day they joined; neither has an effect."""
    rng = np.random.default_rng([centre.seed, 0, 1])
    n = centre.n_customers
    joined = np.datetime64(centre.first_day, "D") - rng.integers(1, 3_650, n).astype("timedelta64[D]")
    return pa.table(
        {
            "customer_id": _id(np.arange(n)),
            "segment": _named(rng.choice(3, n, p=[0.6, 0.25, 0.15]), list(_SEGMENTS)),
            "joined_at": pa.array(joined.astype("datetime64[ms]")),
            "leniency": pa.array(who.leniency),
        }
    )


def _agents(names: _Names, who: People) -> pa.Table:
    return pa.table(
        {
            "agent_id": pa.array(names.agents),
            "team": pa.array([names.teams[i] for i in names.team_of_agent]),
            "queue": pa.array([names.queues[i] for i in names.queue_of_agent]),
            "quality": pa.array(who.quality),
            "pace": pa.array(who.pace),
        }
    )
