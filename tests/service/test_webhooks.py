"""Webhooks: what is sent, signed how, tried how often, and where it never goes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select
from work_fakes import due_now, enqueue, make_work, stage, wav, with_settings, worker_of

from sentiment.errors import InputError, OutputError
from service.jobs import events, queue
from service.jobs.addresses import Target, check_url, is_public, post, target
from service.jobs.webhooks import signature
from service.store.tables import Call, Delivery, Job, Webhook


class Receiver(ThreadingHTTPServer):
    """Remembers what it was sent; answers with ``answers`` one after the other, then 204."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.answers, self.location = [], [], None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def local(settings):
    """Settings that let webhooks go to this machine."""
    return with_settings(settings, webhook_allow_private=True)


@pytest.fixture
def browser(local, centre, client):
    from fastapi.testclient import TestClient

    from service.api.app import create_app

    admin = client("admin")
    return TestClient(create_app(local, centre.database), cookies=admin.cookies, headers=admin.headers)


def make_hook(browser, url, *names):
    answer = browser.post("/api/v1/webhooks", json={"url": url, "events": names or ["call.scored"]})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send_all(work):
    worker = worker_of(work)
    while worker.run_one("deliver"):
        pass


def deliveries(browser, hook):
    return browser.get(f"/api/v1/webhooks/{hook['id']}/deliveries").json()["items"]


def test_a_scored_call_is_told_signed_and_without_a_word_of_it(browser, local, database, receiver):
    hook = make_hook(browser, receiver.url, "call.scored", "moment.flagged")
    work = make_work(local, database)
    enqueue(work, stage(work, wav(), name="told.wav", agent_id="n1"))
    worker_of(work).run_one("work")
    assert receiver.got == []
    send_all(work)
    kinds = [json.loads(body)["type"] for _, _, body in receiver.got]
    assert kinds[0] == "call.scored"
    path, headers, body = receiver.got[0]
    assert path == "/hook?x=1"
    assert json.loads(body)["data"]["call_id"] == "told"
    everything = b"".join(body for _, _, body in receiver.got)
    assert b"bad" not in everything
    assert b"Thank you" not in everything
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    (done, *_) = reversed(deliveries(browser, hook))
    assert (done["state"], done["status_code"], done["attempts"]) == ("delivered", 204, 1)


def test_the_signature_is_that_of_the_specification():
    """The example of standardwebhooks.com."""
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    found = signature(secret, message, 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_new_moment_is_told_once(browser, local, database, receiver):
    from service.jobs.storing import store
    from service.store.calls import read_document

    make_hook(browser, receiver.url, "moment.flagged")
    with database.read() as session:
        row = session.scalars(select(Call).where(Call.call_id == "call-n1")).one()
        call, n = read_document(session, row.id), row.n_moments
    for call_id, expected in (("call-n1", 0), ("fresh", n), ("fresh", 0)):
        import dataclasses

        with database.begin() as session:
            store(session, dataclasses.replace(call, id=call_id), content_sha256=f"sha-{call_id}")
        receiver.got.clear()
        send_all(make_work(local, database))
        assert len(receiver.got) == expected
    assert n > 0


def test_a_failed_delivery_is_tried_again_under_the_same_id(browser, local, database, receiver):
    hook = make_hook(browser, receiver.url, "job.failed")
    work = make_work(local, database)
    receiver.answers = [500, 429]
    with database.begin() as session:
        session.get_one(Webhook, hook["id"])
        job = queue.enqueue(session, "teleport", {}).id
    worker_of(work).run_one("work")
    for state, attempts in (("waiting", 1), ("waiting", 2), ("delivered", 3)):
        send_all(work)
        (found,) = deliveries(browser, hook)
        assert (found["state"], found["attempts"]) == (state, attempts)
        with database.read() as session:
            waiting = session.scalar(select(Job.id).where(Job.kind == "deliver"))
        if state == "waiting":
            assert found["error"].endswith(f"answered {found['status_code']}")
            due_now(database, waiting)
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert json.loads(receiver.got[0][2])["data"]["job_id"] == job


def test_after_the_last_try_it_has_failed_visibly_and_can_be_sent_again(browser, local, database, receiver):
    hook = make_hook(browser, receiver.url, "job.failed")
    work = make_work(local, database)
    receiver.answers = [500] * events.ATTEMPTS
    with database.begin() as session:
        queue.enqueue(session, "teleport", {})
    worker_of(work).run_one("work")
    for _ in range(events.ATTEMPTS):
        send_all(work)
        with database.read() as session:
            waiting = session.scalar(select(Job.id).where(Job.kind == "deliver"))
        due_now(database, waiting)
    send_all(work)
    (failed,) = deliveries(browser, hook)
    assert (failed["state"], failed["attempts"], failed["status_code"]) == ("failed", events.ATTEMPTS, 500)
    place = f"/api/v1/webhooks/{hook['id']}/deliveries/{failed['id']}/redeliver"
    assert browser.post(place).json()["state"] == "waiting"
    assert browser.post(place).status_code == 409
    send_all(work)
    assert deliveries(browser, hook)[0]["state"] == "delivered"


def test_a_redirect_is_not_followed(browser, local, database, receiver):
    hook = make_hook(browser, receiver.url, "job.failed")
    receiver.answers, receiver.location = [302], receiver.url.replace("hook", "elsewhere")
    with database.begin() as session:
        queue.enqueue(session, "teleport", {})
    work = make_work(local, database)
    worker_of(work).run_one("work")
    send_all(work)
    assert [path for path, _, _ in receiver.got] == ["/hook?x=1"]
    assert deliveries(browser, hook)[0]["error"] == "127.0.0.1: answered 302"


def test_a_private_address_is_refused_when_it_is_sent_to(settings, database, receiver, centre):
    """Also one that was made while private ones were let through."""
    with database.begin() as session:
        hook = Webhook(url=receiver.url.replace("http", "https"), events=["job.failed"], secret="whsec_AAAA")
        session.add(hook)
        session.flush()
        queue.enqueue(session, "teleport", {})
    work = make_work(settings, database)
    worker_of(work).run_one("work")
    send_all(work)
    with database.read() as session:
        delivery = session.scalars(select(Delivery)).one()
    assert (delivery.state, delivery.attempts) == ("failed", 1)
    assert "private or local address" in delivery.error
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd00:ec2::254", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "ff02::1", "192.0.2.1", "2001:db8::1", "nonsense",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "//example.com",
        "https://user:pw@example.com/", "https://example.com/#x", "https://example.com:99999/",
        "https://example.com/\r\nX: y", "https://exa mple.com/", "https://127.0.0.1/", "https://[::1]/",
        "https://169.254.169.254/latest/meta-data", "javascript:alert(1)", "https://ex\u00e4mple.com/",
    ],
)  # fmt: skip
def test_urls_that_are_refused(client, url):
    answer = client("admin").post("/api/v1/webhooks", json={"url": url, "events": ["call.scored"]})
    assert answer.status_code == 422


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(InputError, match="private or local"):
        target("https://x.example/", allow_private=False, resolve=lambda *_: ["8.8.8.8", "10.0.0.1"])
    assert target("https://x.example/", allow_private=False, resolve=lambda *_: ["8.8.8.8"]).addresses == (
        "8.8.8.8",
    )
    with pytest.raises(OutputError, match="cannot be looked up"):
        target("https://does-not-exist.invalid/", allow_private=False)


def test_it_is_the_address_that_was_judged_that_is_connected_to(receiver):
    """The name is never looked up again: here it could not be."""
    to = Target("http", "judged.invalid", receiver.server_address[1], "/x", ("127.0.0.1",))
    assert post(to, b"{}", {}).status == 204
    assert receiver.got[0][1]["Host"].startswith("judged.invalid")


def test_an_answer_that_dribbles_is_cut_off():
    import socket

    listening = socket.create_server(("127.0.0.1", 0))

    def dribble():
        connection, _ = listening.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                for n in range(100):
                    connection.sendall(f"X-{n}: y\r\n".encode())
                    time.sleep(0.1)
            except OSError:
                pass

    thread = threading.Thread(target=dribble)
    thread.start()
    began = time.monotonic()
    with pytest.raises(OutputError, match=r"no answer in 0.5 s"):
        post(Target("http", "slow", listening.getsockname()[1], "/", ("127.0.0.1",)), b"", {}, timeout_s=0.5)
    assert time.monotonic() - began < 3
    thread.join()
    listening.close()


def test_the_certificate_is_checked_against_the_name():
    import socket

    listening = socket.create_server(("127.0.0.1", 0))

    def plain():
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    thread = threading.Thread(target=plain)
    thread.start()
    with pytest.raises(OutputError, match="no secure connection"):
        post(Target("https", "x", listening.getsockname()[1], "/", ("127.0.0.1",)), b"", {})
    thread.join()
    listening.close()


def test_webhooks_are_made_changed_and_removed(browser, client, database, receiver):
    hook = make_hook(browser, receiver.url)
    place = f"/api/v1/webhooks/{hook['id']}"
    assert "secret" not in browser.get("/api/v1/webhooks").json()[0]
    changed = browser.patch(place, json={"active": False, "events": ["job.failed"]}).json()
    assert (changed["active"], changed["events"]) == (False, ["job.failed"])
    with database.begin() as session:
        events._emit(session, "job.failed", {}, call=None)
        assert session.scalars(select(Delivery)).all() == []
    assert client("qa_manager").get("/api/v1/webhooks").status_code == 403
    assert browser.delete(place).status_code == 204
    assert browser.delete(place).status_code == 404


def test_http_is_for_private_addresses_only():
    assert check_url("http://localhost/x", allow_private=True) == ("http", "localhost", 80, "/x")
