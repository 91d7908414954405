"""Surveys as they come: copies, strangers, late ones, mixed scales, nothing at all. Nothing is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from sentiment.call import Call, Estimate
from sentiment.correlation import CorrelationOptions, Resampling, correlate
from sentiment.correlation.bands import bands_of
from sentiment.correlation.export import answers_csv, to_csv, to_json
from sentiment.correlation.report import page
from sentiment.errors import MetricError, TableError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUICK = CorrelationOptions(resampling=Resampling(resamples=50))


def scored(n=60, *, abstained=None, customer=True, **more):
    """Calls whose estimates rise from 1 to 5."""
    calls = []
    for i in range(n):
        expected = None if abstained else 1 + 4 * i / max(n - 1, 1)
        low, high = (None, None) if abstained else (max(1.0, expected - 1), min(5.0, expected + 1))
        estimate = Estimate(instrument="csat", expected=expected, low=low, high=high, p_top_box=None,
                            abstained=abstained)  # fmt: skip
        calls.append(
            Call(
                id=f"k{i}", duration_ms=200_000, started_at=NOON + timedelta(hours=8 * i),
                agent_id=f"a{i % 3}",
                customer_id=f"c{i}" if customer else None, queue="q", estimates=(estimate,), **more,
            )
        )  # fmt: skip
    return calls


HEAD = "call_id,instrument,value,scale_min,scale_max,answered_at"


def survey_file(tmp_path, rows, head=HEAD):
    path = tmp_path / "surveys.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def answers(n, value=lambda i: 1 + i % 5, scale="1,5", instrument="csat"):
    return [f"k{i},{instrument},{value(i)},{scale},2026-05-01T10:00:00Z" for i in range(n)]


def run(tmp_path, rows, *, calls=None, head=HEAD, **more):
    more = {"by": ("agent", "week"), "options": QUICK, "threads": 1} | more
    found = correlate(calls=calls or scored(), surveys=survey_file(tmp_path, rows, head), **more)
    for made in (page(found), to_json(found), to_csv(found), answers_csv(found)):
        assert made  # every form can be written, whatever is missing
    return found


def test_of_several_answers_the_newest_counts_whatever_zone_it_was_written_in(tmp_path):
    rows = [
        "k0,csat,1,1,5,2026-03-03T10:00:00+02:00",
        "k0,csat,4,1,5,2026-03-03T09:30:00Z",  # 11:30 there: the newest, though its text comes first
        "k0,csat,2,1,5,2026-03-03T10:30:00+02:00",
        "k0,nps,9,0,10,2026-03-03T09:30:00Z",
        "k1,csat,3,1,5,",
        "k1,csat,5,1,5,",
    ]
    found = run(tmp_path, rows)
    kept = found.answers[found.answers["status"] == "counts"]
    assert sorted(zip(kept["call_id"], kept["instrument"], kept["answer"], strict=True)) == [
        ("k0", "csat", 4.0), ("k0", "nps", 9.0), ("k1", "csat", 5.0),
    ]  # fmt: skip
    assert found.read.n_superseded == 3
    assert len(found.answers) == len(rows)
    assert answers_csv(found).count("answered again later") == 3


def test_the_maps_column_says_which_answer_is_the_newest(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text('table = "surveys"\nnewest = "Version"\n[columns]\nvalue = "Score"\ncall_id = "Id"\n'
                    '[constants]\ninstrument = "csat"\nscale_min = 1\nscale_max = 5\n')  # fmt: skip
    found = run(
        tmp_path, ["k0,2,b", "k0,5,a"], head="Id,Score,Version", maps={"surveys": path}
    )  # fmt: skip
    assert found.answers.loc[found.answers["status"] == "counts", "answer"].tolist() == [2.0]


def test_every_answer_has_a_status_and_is_counted(tmp_path):
    rows = [
        *answers(40),
        "strange,csat,5,1,5,2026-05-01T10:00:00Z",
        ",csat,5,1,5,2026-05-01T10:00:00Z",
        "k41,csat,,1,5,",
        "k42,csat,4,1,5,2026-01-01T10:00:00Z",  # before its call
        "k43,csat,9,1,5,2026-05-01T10:00:00Z",  # off its scale: set aside
        "k44,nps,11,0,10,2026-05-01T10:00:00Z",
        "k45,nps,7.5,0,10,2026-05-01T10:00:00Z",
        "k46,csat,five,1,5,2026-05-01T10:00:00Z",
    ]
    found = run(tmp_path, rows)
    read = found.read
    assert (read.n_rows, read.n_set_aside) == (44, 4)
    assert (read.n_without_call, read.n_without_id, read.n_unanswered, read.n_early) == (1, 1, 1, 1)
    assert read.n_late == 40
    assert (read.n_calls_answered, read.n_calls_unanswered) == (41, 19)
    surveys = next(i for i in read.inputs if i.table == "surveys")
    assert (
        surveys.problems["NPS is asked on 0-10; this scale is another"] if False else surveys.set_aside == 4
    )
    assert any("row 45" in b.where or "row 46" in b.where for b in surveys.examples)
    assert "answered too early" in {c.name for c in found.cautions}
    response = found.instrument("csat").response
    assert (response.asked.n_calls, response.asked.n_answers) == (42, 41)


def test_answers_that_fit_no_call_are_a_serious_matter(tmp_path):
    found = run(tmp_path, [*answers(40), *(f"x{i},csat,3,1,5," for i in range(10))])
    caution = next(c for c in found.cautions if c.name == "answers without a call")
    assert caution.serious
    assert "10 of 50" in caution.says


def test_mixed_scales_are_moved_linearly_and_told(tmp_path):
    rows = answers(30) + [f"k{i},csat,{1 + i % 7},1,7,2026-05-01T10:00:00Z" for i in range(30, 50)]
    csat = run(tmp_path, rows).instrument("csat")
    assert csat.scale == (1.0, 5.0)
    assert csat.n_rescaled == 20
    assert "mixed scales" in {c.name for c in csat.cautions}
    assert csat.main.figures["mae"].n == 50


def test_estimates_are_moved_to_the_surveys_scale(tmp_path):
    calls = scored(60)
    exact = [f"k{i},csat,{1 + 6 * (c.estimates[0].expected - 1) / 4},1,7," for i, c in enumerate(calls)]
    csat = run(tmp_path, exact, calls=calls).instrument("csat")
    assert csat.scale == (1.0, 7.0)
    assert csat.main.figures["mae"].value == pytest.approx(0, abs=1e-9)
    assert csat.main.figures["coverage"].value == 1.0
    assert "leak" in {c.name for c in csat.cautions}


def test_a_scale_nobody_names_is_assumed_and_said(tmp_path):
    head = "call_id,instrument,value"
    rows = [*(f"k{i},CSAT,{1 + i % 5}" for i in range(40)), "k50,csat,9", "k51,trust,3"]
    found = run(tmp_path, rows, head=head)
    assert found.read.assumed == ("csat: 41 rows name no scale; taken: 1-5",)
    assert found.read.n_off_scale == 2
    assert found.instrument("csat").n_answers == 40


def test_effort_is_turned_so_that_high_is_easy(tmp_path):
    head = "call_id,instrument,value,scale_min,scale_max,high_is_easy"
    rows = [f"k{i},ces,{7 - i // 9},1,7,false" for i in range(60)]
    ces = run(tmp_path, rows, head=head).instrument("ces")
    assert ces.main.predictor == "predicted_csat"
    assert not ces.main.same_scale
    assert ces.main.figures["spearman"].value > 0.9


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["k0,csat,,1,5,"], "No call has an answer: nothing can be said."),
        (["k0,csat,4,1,5,"], "1 answered calls are too few"),
        (answers(60, value=lambda i: 4), "cannot be told: not defined: one side does not vary"),
        (["strange,csat,4,1,5,"], "No call has an answer: nothing can be said."),
    ],
)
def test_too_little_to_say_anything_is_said(tmp_path, rows, says):
    found = run(tmp_path, rows)
    assert says in found.verdict
    for one in found.instruments:
        assert one.may == ()
        assert all(f.value is not None or f.reason for f in one.main.figures.values())


def test_all_estimates_abstained_and_there_is_no_sentiment(tmp_path):
    with pytest.raises(TableError, match="estimates of 60 abstained"):
        run(tmp_path, answers(50), calls=scored(60, abstained="too little customer speech"))


def test_calls_without_customers_times_or_feeling(tmp_path):
    from dataclasses import replace

    calls = [replace(c, started_at=None) for c in scored(60, customer=False)]
    found = run(tmp_path, answers(50), calls=calls, by=("agent",))
    assert "no customers" in {c.name for c in found.cautions}
    assert found.instrument("csat").drift.reason == "the calls do not say when they began"
    bare = [replace(c, estimates=()) for c in calls]
    with pytest.raises(TableError, match="neither estimates nor the customers' sentiment"):
        run(tmp_path, answers(50), calls=bare, by=())


def test_groups_and_tables_there_are_not(tmp_path):
    with pytest.raises(MetricError, match="by team: calls have no column team"):
        run(tmp_path, answers(50), by=("team",))
    with pytest.raises(TableError, match="surveys need a column call_id"):
        run(tmp_path, ["csat,4"], head="instrument,value")
    with pytest.raises(TableError, match="no such file"):
        correlate(calls=scored(), surveys=tmp_path / "gone.csv")


def test_a_folder_of_call_json_and_a_group_lent_by_contacts(tmp_path):
    from sentiment.call import to_json as call_json

    folder = tmp_path / "out"
    folder.mkdir()
    for call in scored(60, customer=False):
        (folder / f"{call.id}.json").write_text(call_json(call))
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(
        "contact_id,call_id,customer_id,team,started_at,queue,abandoned,wait_ms\n"
        + "".join(f"x{i},k{i},d{i},t{i % 2},2026-03-02T10:00:00Z,q,false,{i * 100}\n" for i in range(60))
        + "y1,,d1,t0,2026-03-02T11:00:00Z,q,true,9000\n"
    )
    found = run(tmp_path, answers(60), calls=folder, contacts=contacts, by=("team",))
    assert [g.name for g in found.instrument("csat").groups[0].groups] == ["t0", "t1"]
    assert "no customers" not in {c.name for c in found.cautions}
    assert found.instrument("csat").n_customers == 60
    assert ("predicted_csat", "wait_ms") in {(k.figure, k.operation) for k in found.operations.links}


def test_a_call_belongs_to_the_week_of_its_own_time_zone(tmp_path):
    from dataclasses import replace

    from sentiment.metrics import Calendar

    sunday_night = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)
    calls = [replace(c, started_at=sunday_night) for c in scored(10)]
    for zone, week in (("UTC", "2026-03-02"), ("Europe/Berlin", "2026-03-09")):
        found = run(tmp_path, answers(10), calls=calls, by=("week",), calendar=Calendar(timezone=zone))
        csat = found.instrument("csat")
        assert [g.name for g in csat.groups[0].groups] == [week]
        assert [p.starts for p in csat.drift.periods] == [week]


@pytest.mark.parametrize(
    ("scale", "answer", "band"),
    [((1, 5), 4, "top"), ((1, 5), 3, "middle"), ((1, 5), 2, "bottom"), ((1, 7), 5, "middle"),
     ((1, 7), 6, "top"),
     ((0, 1), 1, "top"), ((0, 1), 0, "bottom"), ((0, 100), 75, "top"), ((0, 100), 25, "bottom"),
     ((0, 100), 50, "middle")],
)  # fmt: skip
def test_bands_of_a_scale(scale, answer, band):
    import numpy as np

    bands = bands_of("csat", tuple(map(float, scale)))
    assert bands.names[bands.of(np.array([float(answer)]))[0]] == band


def test_bands_of_nps():
    import numpy as np

    bands = bands_of("nps", (0.0, 10.0))
    assert [bands.names[i][0] for i in bands.of(np.arange(11.0))] == list("ddddddd") + ["p"] * 4
    assert bands.of(np.arange(11.0)).tolist() == [0] * 7 + [1] * 2 + [2] * 2
