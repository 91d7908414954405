"""Surveys and contact records: through the engine's checks into the store, each once."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest
from conftest import flagged_call
from pyarrow import parquet
from sqlalchemy import func, select
from work_fakes import staged, work_off

from sentiment.call import to_json
from service.masking import masker
from service.store.tables import Contact, Survey

SURVEYS = """call_id,instrument,value,scale_min,scale_max,answered_at,customer_id,agent_id,site
call-n1,csat,5,1,5,2026-11-03T10:00:00Z,cust-1,n1,Leipzig
call-s1,NPS,9,0,10,2026-11-03T10:05:00+01:00,cust-2,,Leipzig
call-s1,nps,11,0,10,2026-11-03T10:05:00Z,cust-3,,Leipzig
call-x,csat,,1,5,,cust-4,,Leipzig
call-y,csat,many,1,5,,cust-5,,Leipzig
"""
CONTACTS = """contact_id,started_at,agent_id,queue,talk_ms,hold_ms
c-1,2026-11-03T10:00:00Z,n1,billing,60000,0
c-2,2026-11-03T10:10:00Z,s1,sales,-5,0
c-3,2026-11-03T10:20:00Z,s1,sales,90000,1000
"""
AMAZON = """
table = "contacts"
newest = "LastUpdateTimestamp"
[columns]
contact_id = "ContactId"
talk_ms = { column = "TalkSeconds", unit = "s" }
"""


def send(browser, kind, content, **fields):
    answer = browser.post(f"/api/v1/imports/{kind}", files={"file": ("table", content)}, data=fields)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def done(browser, place, settings, database):
    work_off(settings, database)
    job = browser.get(place).json()
    assert staged(settings) == []
    return job


@pytest.fixture
def admin(client):
    return client("admin")


def test_surveys_come_in_and_bad_rows_are_set_aside(admin, settings, database):
    place = send(admin, "surveys", SURVEYS.encode())
    job = done(admin, place, settings, database)
    assert job["state"] == "done", job
    assert {k: job["result"][k] for k in ("stored", "known", "unanswered", "set_aside")} == {
        "stored": 2, "known": 0, "unanswered": 1, "set_aside": 2,
    }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(admin.get(f"{place}/set-aside").text)))
    assert sorted((row["where"], row["problem"]) for row in rows) == [
        ("row 3", "value is not on its scale"),
        ("row 5", "value is not a number"),
    ]
    assert "cust-5" in rows[0]["row"] + rows[1]["row"]
    listed = admin.get("/api/v1/surveys", params={"instrument": "nps"}).json()["items"]
    (nps,) = listed
    assert (nps["value"], nps["call_ref"], nps["answered_at"]) == (9.0, "call-s1", "2026-11-03T09:05:00Z")
    assert nps["fields"] == {"site": "Leipzig", "high_is_easy": True}


def test_the_same_answers_in_another_file_are_known(admin, settings, database):
    done(admin, send(admin, "surveys", SURVEYS.encode()), settings, database)
    job = done(admin, send(admin, "surveys", SURVEYS.encode() + b"\n"), settings, database)
    assert (job["result"]["stored"], job["result"]["known"]) == (0, 2)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Survey)) == 2


def test_lists_are_paged_and_filtered(admin, settings, database):
    many = ["call_id,instrument,value,scale_min,scale_max,answered_at"]
    many += [f"c{n},csat,{1 + n % 5},1,5,2026-11-{1 + n % 28:02d}T10:00:00Z" for n in range(120)]
    done(admin, send(admin, "surveys", "\n".join(many).encode()), settings, database)
    seen, cursor = [], None
    while True:
        params = {"limit": 50, "answered_from": "2026-11-10T00:00:00"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = admin.get("/api/v1/surveys", params=params).json()
        seen += [item["call_ref"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"c{n}" for n in range(120) if 1 + n % 28 >= 10)
    for bad in ({"cursor": "x"}, {"call_ref": "a\0b"}, {"answered_from": "0001-01-01T00:00:00+23:00"}):
        assert admin.get("/api/v1/surveys", params=bad).status_code == 422


def test_contacts_come_in_as_parquet_and_the_later_delivery_counts(admin, settings, database):
    def table(talk):
        out = io.BytesIO()
        rows = {"contact_id": ["c-1", "c-2"], "queue": ["billing", "sales"], "talk_ms": [talk, 5]}
        parquet.write_table(pa.table(rows), out)
        return out.getvalue()

    for talk in (1000, 2000):
        job = done(admin, send(admin, "contacts", table(talk)), settings, database)
        assert (job["state"], job["result"]["stored"]) == ("done", 2)
    listed = admin.get("/api/v1/contacts", params={"queue": "billing"}).json()["items"]
    assert [(c["contact_id"], c["fields"]["talk_ms"]) for c in listed] == [("c-1", 2000)]


def test_contacts_with_a_map_keep_the_newest_whatever_the_order(admin, settings, database):
    def lines(*rows):
        head = "ContactId,TalkSeconds,LastUpdateTimestamp\n"
        return (head + "\n".join(rows) + "\n").encode()

    late = lines("x,20,2026-11-03T12:00:00Z", "x,10,2026-11-03T11:00:00Z", "y,7,2026-11-03T11:00:00Z")
    early = lines("x,1,2026-11-03T09:00:00Z", "z,3,soon")
    done(admin, send(admin, "contacts", late, map=AMAZON), settings, database)
    job = done(admin, send(admin, "contacts", early, map=AMAZON), settings, database)
    assert job["result"]["problems"] == {"the column that says which is the newest holds no time": 1}
    with database.read() as session:
        found = {c.contact_id: c.fields["talk_ms"] for c in session.scalars(select(Contact))}
    assert found == {"x": 20_000, "y": 7_000}


def test_a_ready_map_is_taken_by_name(admin, settings, database):
    line = '{"ContactId": "a", "InitiationMethod": "INBOUND", "Agent": {"Username": "n1"}, "Queue": {"Name": "q", "Duration": 3, "EnqueueTimestamp": "2026-11-03T10:00:00Z"}, "InitiationTimestamp": "2026-11-03T10:00:00Z", "LastUpdateTimestamp": "2026-11-03T11:00:00Z", "InitialContactId": null, "Channel": "VOICE", "CustomerId": "c", "DisconnectTimestamp": "2026-11-03T10:30:00Z", "TransferCompletedTimestamp": null}'  # noqa: E501
    answer = admin.post(
        "/api/v1/imports/contacts",
        files={"file": ("ctr.jsonl", line.encode())},
        data={"map": "amazon-connect"},
    )
    assert answer.status_code == 202
    job = done(admin, answer.headers["location"], settings, database)
    assert job["state"] in ("done", "failed")
    assert "fault" not in (job["error"] or "")


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        (SURVEYS.encode(), {"map": "nobody"}, "there is no ready map"),
        (SURVEYS.encode(), {"map": "table = 1"}, "choose from"),
        (SURVEYS.encode(), {"map": 'table = "contacts"'}, "is for contacts, not for surveys"),
        (SURVEYS.encode(), {"map": "= nonsense"}, "is not TOML"),
        (SURVEYS.encode(), {"column_map": "x"}, "no such field"),
    ],
)
def test_a_wrong_map_is_told_at_once(admin, settings, content, fields, says):
    answer = admin.post("/api/v1/imports/surveys", files={"file": ("t", content)}, data=fields)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert "/tmp" not in answer.text
    assert staged(settings) == []


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"PAR1" + bytes(100),
        b'{"instrument": ',
        b"instrument,value\ncsat,99\n",
        b'instrument,value\n"csat,5\n',
    ],
)
def test_a_table_that_cannot_be_read_fails_plainly(admin, settings, database, content):
    job = done(admin, send(admin, "surveys", content), settings, database)
    assert job["state"] == "failed"
    assert "fault" not in job["error"]
    assert "/tmp" not in job["error"]


def test_a_binary_file_is_no_table(admin, settings):
    answer = admin.post("/api/v1/imports/surveys", files={"file": ("t.csv", b"\x00\x01\x02" * 50)})
    assert answer.status_code == 415
    assert staged(settings) == []


def test_ids_that_no_database_takes_are_set_aside(admin, settings, database):
    content = SURVEYS + f"{'x' * 301},csat,4,1,5,,,,\n" + "call-z,csat,4,,,,,,\n"
    job = done(admin, send(admin, "surveys", content.encode()), settings, database)
    assert job["result"]["problems"]["call_id is longer than 300 characters"] == 1
    assert job["result"]["problems"]["scale_min or scale_max is empty"] == 1


def test_who_may_list_them(client):
    for role, status in (("analyst", 200), ("coach", 403), ("agent", 403)):
        assert client(role).get("/api/v1/surveys").status_code == status
        assert client(role).get("/api/v1/contacts").status_code == status


def test_what_is_set_aside_is_masked_as_a_transcript_is(admin, settings, database):
    """A comment in the column of the value has whatever a customer typed, the number of a card as well."""
    card = "4111 1111 1111 1111"
    rows = f"call-n1,csat,5,1,5,cust-1,fine\ncall-y,csat,my card is {card},1,5,cust-5,it was {card}\n"
    content = "call_id,instrument,value,scale_min,scale_max,customer_id,comment\n" + rows
    place = send(admin, "surveys", content.encode())
    work_off(settings, database, redact=masker(settings))
    told = admin.get(f"{place}/set-aside").text
    assert "cust-5" in told
    assert "CARD" in told
    assert "1111" not in told
    kept = [path.read_bytes() for path in (settings.data_dir / "set-aside").iterdir()]
    assert not any(b"1111" in each for each in kept)


@pytest.mark.parametrize(
    "value",
    [
        ["my card number is 4111 1111 1111 1111 and I said it twice to be sure"],  # quoted, and cut off
        ['it\'s my "card": 4111 1111 1111 1111'],  # holds both quotes, one escaped
        4111111111111111,
    ],
)
def test_what_is_wrong_with_a_call_is_told_without_what_was_said(admin, settings, database, value):
    body = json.loads(to_json(flagged_call("r-1")))
    body["utterances"][0]["text"] = value
    place = send(admin, "results", json.dumps(body).encode())
    work_off(settings, database)
    job = admin.get(place).json()
    assert job["state"] == "failed"
    assert "text must be" in job["error"]
    assert "1111" not in job["error"]
