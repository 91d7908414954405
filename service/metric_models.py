"""``sentiment metrics`` beyond counting: joined calls, drivers, staffing, customer value, survival."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.errors import InputError, OutputError
from service.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

__all__ = ["register"]

Files = list[str] | None
Contacts = Annotated[Files, typer.Option(metavar="FILE", help="Contact records.")]
Surveys = Annotated[Files, typer.Option(metavar="FILE", help="Surveys.")]
Calls = Annotated[str | None, typer.Option(metavar="DIR", help="Scored calls: the folder of their JSON.")]
Maps = Annotated[Files, typer.Option("--map", metavar="TABLE=MAP", help="Column map; repeatable.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def register(app: typer.Typer) -> None:
    """Add the commands to ``sentiment metrics``."""
    app.command()(join)
    app.command()(drivers)
    app.command()(staffing)
    app.command(name="lifetime-value")(lifetime_value)
    app.command()(survival)


def join(
    out: Annotated[Path, typer.Option(help="File for the joined table: .parquet or .csv.")],
    contacts: Contacts = None,
    surveys: Surveys = None,
    calls: Calls = None,
    map: Maps = None,  # noqa: A002 - the option's name
) -> None:
    """Write one row for each call: operational figures, sentiment, and answers."""
    joined = _by_call(contacts, surveys, calls, map)
    _write(joined, out)
    console().print(f"{len(joined):,} calls: {out}", soft_wrap=True, highlight=False)


def drivers(
    by: Annotated[str, typer.Option(metavar="LIST", help="Columns of the joined table that may explain it.")],
    outcome: Annotated[str, typer.Option(help="What to explain.")] = "csat",
    group: Annotated[str | None, typer.Option(help="Effects within its groups: queue, say.")] = None,
    controls: Annotated[str, typer.Option(metavar="LIST", help="Held constant, not judged.")] = "",
    model: Annotated[str, typer.Option(help="linear or ordinal.")] = "linear",
    contacts: Contacts = None,
    surveys: Surveys = None,
    calls: Calls = None,
    map: Maps = None,  # noqa: A002 - the option's name
) -> None:
    """Say what goes with CSAT (or any outcome): effects of one model, with intervals, not correlations."""
    from typing import cast

    from sentiment.metrics.drivers import DriverOptions, find_drivers

    if model not in ("linear", "ordinal"):
        raise typer.BadParameter(f"{model!r}; linear or ordinal", param_hint="--model")
    table = _by_call(contacts, surveys, calls, map)
    customer = (
        "customer_id" if "customer_id" in table.columns and table["customer_id"].notna().any() else None
    )
    found = find_drivers(
        table, outcome, _listed(by), customer=customer, group=group, controls=_listed(controls),
        options=DriverOptions(model=cast("Any", model)),
    )  # fmt: skip
    _show(
        ("driver", "effect of 1 SD", "95 % interval", "q", "share of R²", "VIF", "sign turns"),
        [
            (
                d.name, f"{d.effect.value:+.3f}", f"{d.effect.low:+.3f} … {d.effect.high:+.3f}",
                f"{d.q_value:.3g}",
                f"{d.share:.0%}", f"{d.vif:.1f}", d.sign_turns or "",
            )
            for d in found.drivers
        ],
    )  # fmt: skip
    console().print(
        f"{found.n_rows:,} calls with {outcome} ({found.n_without_outcome:,} without, "
        f"{found.n_incomplete:,} incomplete); R² {found.r_squared:.2f}",
        highlight=False,
    )
    for name, why in found.left_out.items():
        console().print(f"{name} was left out: {why}", markup=False, highlight=False)


def staffing(
    contacts: Annotated[float, typer.Option(help="Contacts expected in the interval.")],
    aht_s: Annotated[float, typer.Option(help="Average handle time, seconds.")],
    interval_min: Annotated[float, typer.Option(help="Length of the interval, minutes.")] = 30,
    patience_s: Annotated[
        float | None, typer.Option(help="Mean patience, seconds: Erlang A. Left out: Erlang C.")
    ] = None,
    service_level: Annotated[float, typer.Option(help="Share to answer in time.")] = 0.8,
    threshold_s: Annotated[float, typer.Option(help="Seconds in which an answer is in time.")] = 20,
    max_occupancy: Annotated[
        float | None, typer.Option(help="Most of their time agents may be busy.")
    ] = None,
    shrinkage: Annotated[float, typer.Option(help="Share of paid time away from contacts.")] = 0.0,
) -> None:
    """Say how many agents an interval needs, and what callers then get."""
    from sentiment.metrics.queueing import Workload
    from sentiment.metrics.staffing import IntervalForecast, StaffingTarget, staff_intervals

    work = Workload(
        contacts=contacts, handle_ms=aht_s * 1000, interval_ms=round(interval_min * 60_000),
        patience_ms=None if patience_s is None else patience_s * 1000,
    )  # fmt: skip
    target = StaffingTarget(
        service_level=service_level, threshold_ms=round(threshold_s * 1000), max_occupancy=max_occupancy
    )
    forecast = IntervalForecast(starts_at=datetime.min, work=work)
    (plan,) = staff_intervals([forecast], target, shrinkage=shrinkage)
    found = plan.performance
    rows = [
        ("agents at work", f"{found.agents}"),
        ("agents to schedule", f"{plan.scheduled}"),
        ("work offered", f"{found.erlangs:.1f} erlangs"),
        (f"answered within {threshold_s:g} s", _share(found.service_level)),
        ("average speed of answer", "–" if found.asa_ms is None else f"{found.asa_ms / 1000:.1f} s"),
        ("abandoned", _share(found.p_abandon)),
        ("occupancy", _share(found.occupancy)),
    ]
    _show(("", ""), rows)


def lifetime_value(
    orders: Annotated[list[str], typer.Option(metavar="FILE", help="Orders.")],
    out: Annotated[Path, typer.Option(help="File for a row for each customer: .parquet or .csv.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day observed.")],
    periods: Annotated[int, typer.Option(min=1, help="Months to look ahead.")] = 12,
    discount: Annotated[float, typer.Option(help="Discount of a month.")] = 0.01,
    margin: Annotated[float, typer.Option(help="Share of a purchase that is earned.")] = 1.0,
    map: Maps = None,  # noqa: A002 - the option's name
) -> None:
    """Estimate what each customer will bring: BG/NBD purchases, Gamma-Gamma values, discounted."""
    import pandas as pd

    from sentiment.metrics import lifetime_value as models
    from sentiment.metrics.purchases import purchase_history

    with _opened(map, orders=orders) as inputs:
        history = purchase_history(inputs["orders"].table, observed_until=until.date(), value="amount")
    purchases, values = models.fit_bg_nbd(history), models.fit_gamma_gamma(history)
    worth = models.lifetime_value(
        history, purchases, values, periods=periods, discount=discount, margin=margin
    )
    frame = pd.DataFrame(
        {
            "customer_id": history.customer_id,
            "p_alive": purchases.p_alive(history),
            "expected_purchases": purchases.expected_purchases(history, days=periods * 30.0),
            "expected_value": values.expected_value(history),
            "lifetime_value": worth,
        }
    )
    _write(frame, out)
    console().print(
        f"{len(frame):,} customers, {worth.mean():,.2f} on average over {periods} months: {out}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip


def survival(
    customers: Annotated[list[str], typer.Option(metavar="FILE", help="Customers.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day observed.")],
    since: Day = None,
    by: Annotated[str | None, typer.Option(help="Column whose groups to compare.")] = None,
    days: Annotated[str, typer.Option(metavar="LIST", help="After how many days.")] = "30,90,180,365,730",
    map: Maps = None,  # noqa: A002 - the option's name
) -> None:
    """Churn as a curve: the share of customers still there after so many days, with 95 % intervals."""
    from sentiment.metrics.churn import churn_curves, tenure_table

    with _opened(map, customers=customers) as inputs:
        table = tenure_table(
            inputs["customers"].table, observed_until=until.date(),
            observed_from=since.date() if since else None, group=by,
        ).to_pandas()  # fmt: skip
    found = churn_curves(
        table["tenure"], table["lost"], group=table["group"] if by else None,
        entered=table["entered"] if since else None,
    )  # fmt: skip
    rows = []
    for curve in (found.overall, *found.groups):
        name = "all" if curve.group is None else str(curve.group)
        for at in (float(day) for day in _listed(days)):
            left = curve.at(at)
            told = "–" if left.value is None else f"{left.value:.1%} ({left.low:.1%} … {left.high:.1%})"
            rows.append((name, f"{at:g}", told, left.reason or ""))
    _show((by or "", "days", "still there", ""), rows)
    if found.log_rank is not None:
        console().print(f"The groups differ: p = {found.log_rank.p_value:.3g} (log-rank)", highlight=False)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


@contextmanager
def _opened(maps: Files, **tables: Any) -> Iterator[dict[str, Any]]:
    """Tables, checked; what was set aside is told on stderr."""
    from sentiment.metrics.engine import open_tables
    from sentiment.metrics.workspace import Workspace

    workspace = Workspace.open()
    try:
        loaded = dict(text.split("=", 1) for text in maps or () if "=" in text)
        inputs = open_tables({n: t for n, t in tables.items() if t}, loaded, workspace, None)
        for found in inputs.values():
            if found.report.set_aside:
                console(stderr=True).print(
                    f"{found.report.table}: {found.report.set_aside:,} rows were set aside; "
                    f"{found.report.examples[0].where}: {found.report.examples[0].problem}",
                    markup=False, highlight=False, soft_wrap=True,
                )  # fmt: skip
        yield inputs
    finally:
        workspace.close()


def _by_call(contacts: Files, surveys: Files, calls: str | None, maps: Files) -> pd.DataFrame:
    from sentiment.metrics.by_call import by_call

    with _opened(maps, contacts=contacts, surveys=surveys, calls=calls) as inputs:
        frame: pd.DataFrame = by_call(inputs).to_pandas()
    return frame


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: unknown form; give a .csv or .parquet file with --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from None


def _show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*head, header_style="bold", box=SIMPLE_HEAD, show_header=any(head))
    for row in rows:
        table.add_row(*row)
    console().print(table)
