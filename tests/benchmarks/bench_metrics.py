"""The metric engine beside hand-written SQL and pandas: ``python -m tests.benchmarks.bench_metrics``.

Ten metrics by agent and week of Berlin time on made-up contact records in Parquet (100 million by default).
Each way runs in a process of its own, so that its peak memory is its own; ways take turns. Ours is run on the
files as they are, which checks every row, and on prepared ones, which were checked before; so is pandas, with
and without the same checks, written as an analyst would: the columns needed, numpy-backed, one groupby for
the durations (count, mean, standard deviation) and one for the rest, values with their intervals. The
hand-written SQL gives the same values and denominators, without checks, intervals or counts of unknown
values. Results replace ``METRICS.md`` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
METRICS = (
    "aht", "aht:without_transfers", "asa", "service_level", "abandonment", "blocked", "fcr", "transfer_rate",
    "hold_rate", "volume",
)  # fmt: skip
LARGE_WAYS = ("by hand", "ours, prepared", "ours, with checks")
EVERY_WAY = (*LARGE_WAYS, "by hand, weeks of UTC", "pandas", "pandas, with checks")
ZONE = "Europe/Berlin"
FILES, MEMORY = 10, "2GB"

MADE_UP = """
COPY (
    SELECT
        'k-' || i AS contact_id, 'c-' || (r1 % 4000000) AS customer_id,
        CASE WHEN answered THEN 'agent-' || (r2 % 1000) END AS agent_id,
        'queue-' || (r2 % 12) AS queue, 'inbound' AS direction,
        TIMESTAMP '2025-01-01' + to_seconds((r1 // 7) % 31536000) AS started_at,
        answered, NOT answered AND NOT blocked AS abandoned, blocked,
        CASE WHEN NOT blocked THEN ((r3 % 1000) * (r3 % 977) // 12)::BIGINT END AS wait_ms,
        CASE WHEN answered THEN (30000 + (r4 % 700) * (r4 % 811))::BIGINT END AS talk_ms,
        CASE WHEN answered THEN (CASE WHEN r5 % 3 = 0 THEN (r5 % 90000) ELSE 0 END)::BIGINT END AS hold_ms,
        CASE WHEN answered THEN (r5 % 60000)::BIGINT END AS after_call_work_ms,
        answered AND r4 % 10 = 0 AS transferred, answered AND r3 % 4 > 0 AS first_contact,
        CASE WHEN answered AND r5 % 20 > 0 THEN r5 % 5 > 0 END AS resolved
    FROM (
        SELECT i, r1, r2, r3, r4, r5, r1 % 50 = 0 AS blocked, r1 % 50 > 0 AND r2 % 11 > 0 AS answered
        FROM (
            SELECT i, (hash(i) >> 8)::BIGINT AS r1, (hash(i + {n}) >> 8)::BIGINT AS r2,
                (hash(i + 2 * {n}) >> 8)::BIGINT AS r3, (hash(i + 3 * {n}) >> 8)::BIGINT AS r4,
                (hash(i + 4 * {n}) >> 8)::BIGINT AS r5
            FROM range({start}, {stop}) t(i)
        )
    )
) TO '{path}' (FORMAT parquet, COMPRESSION zstd{mark})
"""

BY_HAND = """
SELECT agent_id, date_trunc('week', {time})::DATE AS week,
    sum(talk_ms + hold_ms + after_call_work_ms) FILTER (answered) / 60000.0
        / count(talk_ms + hold_ms + after_call_work_ms) FILTER (answered) AS aht,
    sum(talk_ms + hold_ms + after_call_work_ms) FILTER (answered AND NOT transferred) / 60000.0
        / count(talk_ms + hold_ms + after_call_work_ms) FILTER (answered AND NOT transferred) AS aht_without,
    count(talk_ms) FILTER (answered) AS n_aht,
    count(talk_ms) FILTER (answered AND NOT transferred) AS n_without,
    sum(wait_ms) FILTER (inbound AND answered) / 1000.0 / count(wait_ms) FILTER (inbound AND answered) AS asa,
    count(wait_ms) FILTER (inbound AND answered) AS n_asa,
    100.0 * count(*) FILTER (offered AND answered AND wait_ms <= 20000) / count(*) FILTER (offered) AS sl,
    100.0 * count(*) FILTER (offered AND abandoned) / count(*) FILTER (offered) AS abandonment,
    count(*) FILTER (offered) AS n_offered,
    100.0 * count(*) FILTER (inbound AND blocked) / count(*) FILTER (inbound) AS blocked,
    count(*) FILTER (inbound) AS n_inbound,
    100.0 * count(*) FILTER (answered AND first_contact AND resolved)
        / count(resolved) FILTER (answered AND first_contact) AS fcr,
    count(resolved) FILTER (answered AND first_contact) AS n_fcr,
    100.0 * count(*) FILTER (answered AND transferred) / count(transferred) FILTER (answered) AS transfers,
    100.0 * count(*) FILTER (answered AND hold_ms > 0) / count(hold_ms) FILTER (answered) AS holds,
    count(*) FILTER (answered) AS n_answered, count(*) AS volume
FROM (SELECT *, direction = 'inbound' AS inbound, direction = 'inbound' AND NOT blocked AS offered
      FROM read_parquet('{path}'))
GROUP BY ALL
"""


def make(folder: Path, rows: int, threads: int, *, marked: bool) -> None:
    """Write the records, in ``FILES`` files; ``marked`` as checked, since they are made without a fault."""
    import duckdb

    mark = ', KV_METADATA {conversation_sentiment: \'{"table": "contacts"}\'}' if marked else ""

    con = duckdb.connect(
        config={"threads": threads, "memory_limit": MEMORY, "preserve_insertion_order": False}
    )
    each = rows // FILES
    if marked:  # with a file among them that is not marked, and empty, they are checked
        con.execute(MADE_UP.format(start=0, stop=0, n=rows, path=folder / "unchecked.parquet", mark=""))
    for i in range(FILES):
        path = folder / f"contacts-{i}.parquet"
        con.execute(MADE_UP.format(start=i * each, stop=(i + 1) * each, n=rows, path=path, mark=mark))


def prepare(folder: Path, out: Path, threads: int) -> None:
    """Check the records once, as ``sentiment metrics prepare contacts`` does."""
    from sentiment.metrics.inputs import prepare as prepared
    from sentiment.metrics.schemas import TABLES
    from sentiment.metrics.workspace import Workspace

    workspace = Workspace.open(threads=threads, memory=MEMORY, spill=folder)
    prepared(str(folder / "contacts-*.parquet"), TABLES["contacts"], out, workspace=workspace)
    workspace.close()


def ours(path: str, threads: int) -> dict[str, float]:
    """The engine, to a result with values, intervals and totals."""
    from sentiment import metrics

    calendar = metrics.Calendar(timezone=ZONE)
    result = metrics.compute(
        METRICS, by=["agent", "week"], calendar=calendar, contacts=path, threads=threads, memory=MEMORY
    )
    return _checksum(len(result.groups), result.of("aht", **_some(result.groups)).value)


def _some(groups: Any) -> dict[str, Any]:
    """The group that every way is asked for, to see that they agree."""
    group = min(g for g in groups if g[0] == "agent-7")
    return dict(zip(("agent", "week"), group, strict=True))


def by_hand(
    path: str, threads: int, time: str = f"started_at AT TIME ZONE 'UTC' AT TIME ZONE '{ZONE}'"
) -> Any:
    """The same values by hand-written SQL."""
    import duckdb

    con = duckdb.connect(
        config={"threads": threads, "memory_limit": MEMORY, "preserve_insertion_order": False}
    )
    rows = con.execute(BY_HAND.format(path=path, time=time)).fetchall()
    return _checksum(len(rows), min(r for r in rows if r[0] == "agent-7")[2])


def by_hand_utc(path: str, threads: int) -> dict[str, float]:
    """The same by weeks of UTC, which DuckDB has no time zone to look up for."""
    return by_hand(path, threads, "started_at")


DURATIONS = ("wait_ms", "talk_ms", "hold_ms", "after_call_work_ms")
NEEDED = ("agent_id", "direction", "started_at", "answered", "abandoned", "blocked", *DURATIONS,
          "transferred", "first_contact", "resolved")  # fmt: skip


def pandas_way(path: str, _threads: int, *, checked: bool = False) -> dict[str, float]:
    """The same values and intervals by pandas: columns, then groupby."""
    import glob

    import pandas as pd

    names = [*NEEDED, "contact_id"] if checked else list(NEEDED)
    t = pd.concat([pd.read_parquet(p, columns=names) for p in glob.glob(path)])  # noqa: PTH207
    if checked:
        t = t[~_bad(t)]
    local = t.started_at.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None)
    answered, inbound, first = t.answered, t.direction == "inbound", t.answered & t.first_contact
    offered = inbound & ~t.blocked
    handle = (t.talk_ms + t.hold_ms + t.after_call_work_ms).where(answered)
    durations = ["aht", "aht_own", "asa"]
    columns = pd.DataFrame(
        {
            "agent_id": t.agent_id, "week": local.dt.to_period("W").dt.start_time, "aht": handle,
            "aht_own": handle.where(~t.transferred), "asa": t.wait_ms.where(inbound & answered),
            "offered": offered, "in_time": offered & answered & (t.wait_ms <= 20_000),
            "abandoned": offered & t.abandoned, "inbound": inbound, "blocked": inbound & t.blocked,
            "first": first & t.resolved.notna(), "settled": first & (t.resolved == True),  # noqa: E712 - objects
            "transferred": answered & t.transferred, "held": answered & (t.hold_ms > 0),
            "answered": answered, "volume": 1,
        }
    )  # fmt: skip
    groups = columns.groupby(["agent_id", "week"], dropna=False)
    means = groups[durations].agg(["count", "mean", "std"])
    sums = groups[[c for c in columns if c not in ("agent_id", "week", *durations)]].sum()
    figures = pd.concat([*(_with_t(means[d]) for d in durations), *_shares(sums)], axis=1)
    mine = figures.xs("agent-7").sort_index()
    return _checksum(len(figures), float(mine.iloc[0, 0]) / 60_000)


def pandas_checked(path: str, threads: int) -> dict[str, float]:
    """The same after checks of every row."""
    return pandas_way(path, threads, checked=True)


def _bad(t: Any) -> Any:
    """What our checks set aside, of the columns there are: keys missing or twice, impossible values."""
    bad = t.contact_id.isna() | (t.contact_id.str.strip() == "") | t.contact_id.duplicated()
    for name in DURATIONS:
        bad |= (t[name] < 0) | (t[name] > 30 * 86_400_000)
    return bad | (t.answered & t.abandoned) | (t.answered & t.blocked)


def _with_t(mean: Any) -> Any:
    """A mean with Student's interval."""
    from scipy import stats

    half = stats.t.ppf(0.975, mean["count"] - 1) * mean["std"] / mean["count"] ** 0.5
    return mean.assign(low=mean["mean"] - half, high=mean["mean"] + half)[["mean", "low", "high"]]


def _shares(sums: Any) -> list[Any]:
    """The shares with Wilson's interval."""
    from statsmodels.stats.proportion import proportion_confint

    pairs = (("in_time", "offered"), ("abandoned", "offered"), ("blocked", "inbound"), ("settled", "first"),
             ("transferred", "answered"), ("held", "answered"))  # fmt: skip
    found = []
    for events, n in pairs:
        low, high = proportion_confint(sums[events], sums[n].where(sums[n] > 0), method="wilson")
        found += [100 * sums[events] / sums[n], 100 * low, 100 * high]
    return found


def _checksum(groups: int, aht: float | None) -> dict[str, float]:
    return {"groups": groups, "aht": round(aht or 0.0, 6)}


WAYS = {
    "ours": ours, "by_hand": by_hand, "by_hand_utc": by_hand_utc, "pandas": pandas_way,
    "pandas_checked": pandas_checked,
}  # fmt: skip


def measured(way: str, path: str, threads: int) -> dict[str, float]:
    """One run in a process of its own: seconds (of work, and of processor), peak memory, and the checksum."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_metrics", "--run", way, "--path", path,
               "--threads", str(threads)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1])
    if done.returncode:
        raise RuntimeError(f"{way} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_one(way: str, path: str, threads: int) -> None:
    """What the process of :func:`measured` does."""
    began, work = time.perf_counter(), time.process_time()
    found = WAYS[way](path, threads)
    status = Path("/proc/self/status").read_text()
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])  # ru_maxrss would hold the parent's, too
    found |= {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - work,
        "gigabytes": peak_kb / 1e6,
    }
    print(json.dumps(found))


def line(name: str, runs: dict[str, list[dict[str, float]]]) -> str:
    """A row of the table: medians, and the median ratios to hand-written SQL in the same round."""
    own, hand = runs[name], runs["by hand"]
    middle = {key: statistics.median(r[key] for r in own) for key in ("seconds", "processor")}
    ratio = {
        key: statistics.median(r[key] / h[key] for r, h in zip(own, hand, strict=True)) for key in middle
    }
    memory = max(r["gigabytes"] for r in own)
    return (
        f"| {name} | {middle['seconds']:.1f} | {ratio['seconds']:.2f} | {middle['processor']:.1f} | "
        f"{ratio['processor']:.2f} | {memory:.2f} |"
    )


def beside_pandas(runs: dict[str, list[dict[str, float]]]) -> list[str]:
    """How much longer pandas takes than ours at the same work."""
    told = []
    for mine, theirs in (("ours, prepared", "pandas"), ("ours, with checks", "pandas, with checks")):
        if theirs in runs:
            seconds, work = (
                statistics.median(p[k] / o[k] for p, o in zip(runs[theirs], runs[mine], strict=True))
                for k in ("seconds", "processor")
            )
            told.append(
                f"{theirs} takes {seconds:.1f} times the seconds of {mine} ({work:.1f} of processor)."
            )
    return ["", *told] if told else []


def main() -> None:
    """Make the records, run every way, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--pandas-rows", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--folder", type=Path, help="where the records go; a temporary folder if left out")
    parser.add_argument("--run", choices=WAYS)
    parser.add_argument("--path")
    options = parser.parse_args()
    if options.run:
        run_one(options.run, options.path, options.threads)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        text = compared(Path(made), options)
    (HERE / "METRICS.md").write_text(text, "utf-8")
    print(text)


def compared(folder: Path, options: argparse.Namespace) -> str:
    """The page."""
    lines = [
        "# Speed of the metric engine",
        "",
        f"`python -m tests.benchmarks.bench_metrics --rows {options.rows}`, {datetime.now(UTC):%Y-%m-%d}, "
        f"{options.threads} thread(s), DuckDB limited to {MEMORY}. Ten metrics by agent and week of {ZONE}:",
        f"{', '.join(METRICS)}.",
        f"Medians of {options.repeats} runs in turn; ratios are to hand-written SQL in the same round.",
        "All ways by weeks of the zone agree on the number of groups and on a group's AHT.",
    ]  # fmt: skip
    return "\n".join(
        [
            *lines,
            *section(folder / "many", options.rows, LARGE_WAYS, options),
            *section(folder / "some", options.pandas_rows, EVERY_WAY, options),
            "",
        ]
    )  # fmt: skip


def section(folder: Path, rows: int, ways: tuple[str, ...], options: argparse.Namespace) -> list[str]:
    """The table of one size. The larger records are made as if checked: preparing them would take long."""
    folder.mkdir()
    marked = ways == LARGE_WAYS
    began = time.perf_counter()
    make(folder, rows, options.threads, marked=marked)
    told = f"{time.perf_counter() - began:.0f} s to make"
    ready = str(folder / "contacts-*.parquet")
    raw = str(folder / "*.parquet") if marked else ready
    if not marked:
        began = time.perf_counter()
        ready = str(folder / "prepared.parquet")
        prepare(folder, Path(ready), options.threads)
        told += f"; {time.perf_counter() - began:.0f} s to prepare"
    how = {
        "by hand": ("by_hand", raw), "ours, prepared": ("ours", ready), "ours, with checks": ("ours", raw),
        "by hand, weeks of UTC": ("by_hand_utc", raw), "pandas": ("pandas", raw),
        "pandas, with checks": ("pandas_checked", raw),
    }  # fmt: skip
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way in ways:
            runs[way].append(measured(how[way][0], how[way][1], options.threads))
    answers = {(r["groups"], r["aht"]) for way, each in runs.items() if "UTC" not in way for r in each}
    if len(answers) != 1:
        raise RuntimeError(f"the ways disagree: {answers}")
    return [
        "",
        f"## {rows:,} contact records ({told})",
        "",
        "| way | seconds | ratio | processor seconds | ratio | peak GB |",
        "|---|---|---|---|---|---|",
        *[line(way, runs) for way in ways],
        *beside_pandas(runs),
    ]


if __name__ == "__main__":
    main()
