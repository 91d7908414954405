"""Goals: a metric before and after, from the agent's own records, held against figures made by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from conftest import flagged_call
from factories import agent, call, customer

from service.store.calls import put_call
from service.store.tables import Contact, Survey

API = "/api/v1/coaching"
CHANGED = datetime(2026, 10, 1, tzinfo=UTC)
FROM, UNTIL = CHANGED - timedelta(days=30), CHANGED + timedelta(days=30)
DATES = {"before_from": FROM.isoformat(), "changed_at": CHANGED.isoformat(), "after_until": UNTIL.isoformat()}


@pytest.fixture
def ask(client):
    """``ask(metric)`` makes a goal of n1's session and gives its figures."""
    browser = client("coach")
    session_id = browser.post(API, json={"agent_id": "n1", "title": "x"}).json()["id"]

    def of(metric, **more):
        body = {"text": "Better.", "metric": metric, **DATES, **more}
        made = browser.post(f"{API}/{session_id}/goals", json=body)
        assert made.status_code == 201, made.text
        answer = browser.get(f"{API}/{session_id}/goals/{made.json()['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()["figures"]

    of.browser, of.url = browser, f"{API}/{session_id}"
    return of


def _survey(session, call_ref, value, at):
    n = session.query(Survey).count()
    session.add(
        Survey(
            fingerprint=f"{n:064x}", call_ref=call_ref, instrument="csat", value=value, scale_min=1,
            scale_max=5, answered_at=at,
        )
    )  # fmt: skip
    session.flush()


def _surveyed(centre, before, after, agent_id="n1"):
    with centre.database.begin() as session:
        for half, values in ((-1, before), (1, after)):
            for i, value in enumerate(values):
                at = CHANGED + half * timedelta(days=2 + i)
                made = put_call(
                    session,
                    flagged_call(f"s-{agent_id}-{half}-{i}", agent_id=agent_id, started_at=at),
                )
                _survey(session, made.call_id, value, at)


def _wilson(k, n, z=1.959963984540054):
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * (middle - half), 100 * (middle + half)


def test_csat_before_and_after_by_hand(ask, centre):
    """Before 2 of 5 are satisfied, after 9 of 10; Wilson's intervals, and MOVER's of the difference."""
    _surveyed(centre, [5, 4, 3, 2, 1], [5, 5, 5, 5, 4, 4, 4, 4, 4, 1])
    _surveyed(centre, [5, 5, 5], [1, 1, 1], agent_id="n2")
    told = ask("csat", target=60)
    assert (told["before"]["value"], told["before"]["n"]) == (40.0, 5)
    assert (told["after"]["value"], told["after"]["n"]) == (90.0, 10)
    assert (told["after"]["numerator"], told["after"]["denominator"]) == (9, 10)
    before, after = _wilson(2, 5), _wilson(9, 10)
    assert told["before"]["interval"] == pytest.approx(before)
    assert told["after"]["interval"] == pytest.approx(after)
    assert told["difference"] == pytest.approx(50.0)
    low = 50 - math.hypot(90 - after[0], before[1] - 40)
    high = 50 + math.hypot(after[1] - 90, 40 - before[0])
    assert told["interval"] == pytest.approx((low, high))
    assert (told["unit"], told["better"], told["undefined"]) == ("%", "higher", None)
    assert told["verdict"] == "unsure"
    assert ask("csat", target=50)["verdict"] == "met"
    assert ask("csat", target=99.9)["verdict"] == "missed"


def _talk(call_id, at, agent_s, customer_s):
    return call(
        agent("Let me see what we can do here.", start_ms=0, end_ms=agent_s * 1000),
        customer("So that is how it went.", start_ms=agent_s * 1000, end_ms=(agent_s + customer_s) * 1000),
        id=call_id, agent_id="n1", started_at=at,
    )  # fmt: skip


def test_a_ratio_is_pooled_never_a_mean_of_ratios(ask, centre):
    """Before 10 of 20 s and 90 of 100 s: 100 of 120, not the mean of 50 % and 90 %."""
    day = timedelta(days=1)
    with centre.database.begin() as session:
        for made in (
            _talk("b1", CHANGED - day, 10, 10), _talk("b2", CHANGED - 2 * day, 90, 10),
            _talk("a1", CHANGED, 20, 20), _talk("a2", CHANGED + day, 20, 40),
        ):  # fmt: skip
            put_call(session, made)
    told = ask("talk_ratio")
    assert told["before"]["value"] == pytest.approx(100 * 100 / 120)
    assert told["after"]["value"] == pytest.approx(100 * 40 / 100)
    assert told["difference"] == pytest.approx(40 - 100 * 100 / 120)
    assert told["before"]["n"] == told["after"]["n"] == 2


def test_the_dates_part_the_records(ask, centre):
    """The first instant of a half belongs to it, its end to the next; what is outside counts in none."""
    instants = [FROM - timedelta(seconds=1), FROM, CHANGED - timedelta(microseconds=1), CHANGED, UNTIL]
    with centre.database.begin() as session:
        for i, at in enumerate(instants):
            put_call(session, flagged_call(f"at-{i}", agent_id="n1", started_at=at))
    told = ask("sentiment")
    assert (told["before"]["n"], told["after"]["n"]) == (2, 1)


def test_where_there_is_too_little_a_reason_is_given(ask, centre):
    told = ask("aht")
    assert told["difference"] is None
    assert told["before"]["value"] is None
    assert "no contacts" in told["undefined"]
    _surveyed(centre, [5, 4], [])
    told = ask("csat")
    assert told["before"]["value"] == 100.0
    assert (told["after"]["value"], told["after"]["n"], told["difference"]) == (None, 0, None)
    assert "after 2026-10-01" in told["undefined"]
    assert told["verdict"] is None
    with centre.database.begin() as session:
        _contact(session, "one", "n1", "x", CHANGED - timedelta(days=5))
        _contact(session, "two", "n1", "y", CHANGED + timedelta(days=5), talk_ms=90_000)
    one = ask("aht")
    assert (one["before"]["value"], one["after"]["value"], one["difference"]) == (1.0, 1.5, 0.5)
    assert one["before"]["interval"] is None
    assert one["before"]["no_interval"]
    assert (one["interval"], one["undefined"]) == (None, one["before"]["no_interval"])


def _contact(session, contact_id, agent_id, customer_id, at, **fields):
    session.add(
        Contact(
            contact_id=contact_id, agent_id=agent_id, customer_id=customer_id, started_at=at, updated_at=at,
            fields={"answered": True, "talk_ms": 60_000, "hold_ms": 0, "after_call_work_ms": 0, **fields},
        )
    )  # fmt: skip


def test_a_customer_who_came_again_to_somebody_else_came_again(ask, centre):
    """Of three contacts before, one customer called n2 two days later; after, nobody did within a week.

    The last contact of all is of nobody in the test, so that all of them are old enough to tell.
    """
    day = timedelta(days=1)
    with centre.database.begin() as session:
        for i in range(3):
            _contact(session, f"b{i}", "n1", f"before-{i}", CHANGED - (20 - i) * day)
            _contact(session, f"a{i}", "n1", f"after-{i}", CHANGED + (5 + i) * day)
        _contact(session, "again", "n2", "before-1", CHANGED - 17 * day)
        _contact(session, "late", "s1", "after-1", CHANGED + 20 * day)
        _contact(session, "earlier", "s1", "after-2", CHANGED + 2 * day)
        _contact(session, "last", "s2", "other", CHANGED + 25 * day)
    inferred = ask("fcr:inferred")
    assert (inferred["before"]["numerator"], inferred["before"]["denominator"]) == (2, 3)
    assert (inferred["after"]["numerator"], inferred["after"]["denominator"]) == (2, 2), (
        "after-2 was no first"
    )
    repeated = ask("repeat_contact_rate")
    assert (repeated["before"]["value"], repeated["after"]["value"]) == (0.0, pytest.approx(100 / 3))
    plain = ask("aht")
    assert (plain["before"]["n"], plain["after"]["n"]) == (3, 3)


REFUSED = [
    ({"metric": "no_such", **DATES}, "no such metric"),
    ({"metric": "churn", **DATES}, "not stored of an agent"),
    ({"metric": "occupancy", **DATES}, "not stored of an agent"),
    ({"metric": "response_rate", **DATES}, "not stored of an agent"),
    ({"metric": "csat"}, "needs before_from and changed_at"),
    ({"metric": "csat", **DATES, "changed_at": DATES["before_from"]}, "before_from must be before"),
    ({"metric": "csat", **DATES, "after_until": DATES["changed_at"]}, "changed_at must be before"),
    ({"metric": "csat", **DATES, "changed_at": "2026-10-01T00:00:00"}, "timezone"),
    ({"target": 3}, "are of a metric"),
    ({"metric": "csat", **DATES, "target": 1e300}, "less than or equal"),
]


def test_goals_that_cannot_be_measured_are_refused(ask):
    for body, says in REFUSED:
        answer = ask.browser.post(f"{ask.url}/goals", json={"text": "x", **body})
        assert answer.status_code == 422, body
        assert says in answer.json()["error"]["message"], body


def test_a_goal_in_words_alone_and_one_that_has_yet_to_begin(ask):
    words = ask.browser.post(f"{ask.url}/goals", json={"text": "Smile."}).json()
    told = ask.browser.get(f"{ask.url}/goals/{words['id']}").json()
    assert told["figures"] is None
    assert "no metric" in told["no_figures"]
    ahead = datetime.now(UTC) + timedelta(days=3)
    body = {"text": "x", "metric": "csat", "before_from": FROM.isoformat(), "changed_at": ahead.isoformat()}
    goal = ask.browser.put(f"{ask.url}/goals/{words['id']}", json=body).json()
    assert goal["metric"] == "csat"
    assert "not begun" in ask.browser.get(f"{ask.url}/goals/{goal['id']}").json()["no_figures"]
    assert ask.browser.delete(f"{ask.url}/goals/{goal['id']}").status_code == 204
    assert ask.browser.get(ask.url).json()["goals"] == []


def test_its_agent_sees_the_figures_once_it_is_shared(ask, client, centre):
    _surveyed(centre, [5, 1], [5, 5])
    goal = ask.browser.post(f"{ask.url}/goals", json={"text": "x", "metric": "csat", **DATES}).json()["id"]
    assert client("agent").get(f"{ask.url}/goals/{goal}").status_code == 404
    ask.browser.post(f"{ask.url}/share")
    told = client("agent").get(f"{ask.url}/goals/{goal}").json()
    assert told["figures"]["difference"] == pytest.approx(50.0)
    assert client("analyst").get(f"{ask.url}/goals/{goal}").status_code == 403
