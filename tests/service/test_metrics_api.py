"""Metrics over what is stored: the right figures, within sight, and errors that say what is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.store.columns import now
from service.store.tables import Survey


@pytest.fixture
def surveyed(centre):
    """Answers 5 and 1 in the north, 2 in the south, and one on a call nobody has."""
    answers = {"call-n1": 5, "call-n2": 1, "call-s1": 2, "call-gone": 4}
    with centre.database.begin() as session:
        for i, (call, value) in enumerate(answers.items()):
            session.add(
                Survey(
                    fingerprint=f"{i:064x}", call_ref=call, instrument="csat", value=value, scale_min=1,
                    scale_max=5, answered_at=now(),
                )
            )  # fmt: skip
    return centre


def _values(answer, by=()):
    assert answer.status_code == 200, answer.text
    told = answer.json()
    rows = told["metrics"] if by else told["totals"]
    return {tuple(r["group"]) if by else r["name"]: (r["value"], r["n"]) for r in rows}


def test_a_metric_of_everything(client, surveyed):
    answer = client("analyst").get("/api/v1/metrics/values", params={"metric": "csat"})
    assert list(_values(answer).values()) == [(50.0, 4)]


def test_a_coach_computes_over_their_teams_only(client, surveyed):
    answer = client("coach").get("/api/v1/metrics/values", params={"metric": ["csat"], "by": ["team"]})
    assert list(_values(answer, by=("team",)).values()) == [(50.0, 2)]
    assert "south" not in answer.text


def test_conversations_are_counted_too(client, surveyed):
    answer = client("admin").get("/api/v1/metrics/values", params={"metric": "sentiment", "by": "agent"})
    groups = {row["group"]["agent"]: row["n"] for row in answer.json()["metrics"]}
    assert {"n1", "n2", "s1", "s2"} <= groups.keys()
    assert len(set(groups.values())) == 1


def test_correlation_needs_calls_and_surveys_that_meet(client, surveyed):
    answer = client("analyst").get("/api/v1/correlation", params={"format": "html"})
    assert answer.status_code in {200, 422}
    assert client("agent").get("/api/v1/correlation").status_code == 403


def test_who_changed_their_answer_gave_one(client, surveyed):
    """The newest answer counts: call-n2 said 1, then 5."""
    with surveyed.database.begin() as session:
        session.add(
            Survey(
                fingerprint="e" * 64, call_ref="call-n2", instrument="csat", value=5,
                scale_min=1, scale_max=5, answered_at=now() + timedelta(seconds=1),
            )
        )  # fmt: skip
    answer = client("coach").get("/api/v1/metrics/values", params={"metric": "csat"})
    assert list(_values(answer).values()) == [(100.0, 2)]


def test_what_there_is_no_table_for_is_said(client):
    answer = client("admin").get("/api/v1/metrics/values", params={"metric": "csat"})
    (total,) = answer.json()["totals"]
    assert total["value"] is None
    assert "surveys" in total["undefined"]


def test_outside_the_period_nothing_counts(client, surveyed):
    day = (datetime.now(UTC) - timedelta(days=30)).date()
    answer = client("admin").get("/api/v1/metrics/values", params={"metric": "csat", "until": str(day)})
    assert [(t["value"], t["n"]) for t in answer.json()["totals"]] == [(None, 0)]


def test_definitions_are_those_of_the_catalogue(client):
    names = {d["name"] for d in client("coach").get("/api/v1/metrics/definitions").json()}
    assert {"csat", "nps", "aht"} <= names
    assert client("coach").get("/api/v1/metrics/definitions/nps").json()["better"]
    assert client("coach").get("/api/v1/metrics/definitions/nonsense").status_code == 404


def test_an_agent_computes_nothing(client):
    assert client("agent").get("/api/v1/metrics/values", params={"metric": "csat"}).status_code == 403


def test_a_pack_is_one_that_is_shipped_and_no_file_of_the_machine(client, tmp_path, monkeypatch):
    """The command takes a file, too; through the API that would read, and quote, files of the server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.toml").write_text('[hidden_word]\nmetrics = ["nps"]\n')
    for pack in ("secret.toml", "./secret.TOML", "../pyproject.toml", "/nowhere.toml"):
        answer = client("coach").get("/api/v1/metrics/values", params={"metric": "nps", "pack": pack})
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].startswith("query.pack: must be one of")
        assert "hidden_word" not in answer.text


@pytest.mark.parametrize("days", [("0001-01-01", "9999-12-31"), (None, "0001-01-02"), ("9999-12-30", None)])
@pytest.mark.parametrize("path", ["metrics/values", "correlation"])
def test_days_that_have_no_neighbours_are_refused(client, path, days):
    given = {name: day for name, day in zip(("since", "until"), days, strict=True) if day}
    if path == "metrics/values":
        given["metric"] = "nps"
    assert client("coach").get(f"/api/v1/{path}", params=given).status_code == 422
