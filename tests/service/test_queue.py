"""The queue: who gets a job, what a lease is worth, and that a result is written once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from work_fakes import (
    due_now,
    enqueue,
    expire,
    job_of,
    make_work,
    stage,
    wav,
    with_settings,
    worker_of,
)

from sentiment.errors import InputError
from service.jobs import queue
from service.jobs.queue import LeaseLostError
from service.jobs.work import Kind
from service.store.tables import Call, Job


def put(database, kind="noted", n=1, **more):
    with database.begin() as session:
        return [queue.enqueue(session, kind, {}, **more).id for _ in range(n)]


def take(database, lane="work", lease_s=60.0):
    return queue.claim(database, lane, "w", lease_s=lease_s)


def test_jobs_are_taken_in_order_and_in_their_lane(database):
    first, second = put(database, n=2)
    (other,) = put(database, lane="deliver")
    assert [take(database).id, take(database).id] == [first, second]
    assert take(database) is None
    assert take(database, "deliver").id == other


def test_two_hundred_jobs_go_to_many_takers_once_each(database):
    jobs = put(database, n=200)
    got, lock = [], threading.Lock()

    def taker():
        while (held := take(database)) is not None:
            with lock:
                got.append(held.id)

    threads = [threading.Thread(target=taker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == dict.fromkeys(jobs, 1)


def test_a_job_whose_lease_ran_out_is_taken_again_and_the_first_taker_writes_nothing(database):
    (job,) = put(database)
    slow = take(database)
    assert take(database) is None
    expire(database, job)
    quick = take(database)
    assert (quick.id, quick.attempts) == (job, 2)
    with pytest.raises(LeaseLostError), queue.fenced(database, slow) as session:
        queue.finish(session, slow, {"by": "slow"})
    assert not queue.renew(database, slow, lease_s=60, stage="", progress=0.5).held
    with queue.fenced(database, quick) as session:
        queue.finish(session, quick, {"by": "quick"})
    with pytest.raises(LeaseLostError), queue.fenced(database, slow) as session:
        queue.fail(session, slow, "late", retry_s=None)
    done = job_of(database, job)
    assert (done.state, done.result, done.worker) == ("done", {"by": "quick"}, None)


def test_the_end_of_a_lease_is_not_awaited_by_whoever_is_in_the_middle_of_writing(database):
    """On PostgreSQL a taker skips the locked row; on SQLite it waits for the writer, and finds it over."""
    (job,) = put(database)
    held = take(database)
    expire(database, job)
    found = []
    with queue.fenced(database, held) as session:
        thread = threading.Thread(target=lambda: found.append(take(database)))
        thread.start()
        time.sleep(0.3)
        queue.finish(session, held, {})
    thread.join()
    assert found == [None]
    assert job_of(database, job).state == "done"


def test_a_failure_is_tried_again_later_and_later(database):
    (job,) = put(database)
    waits = []
    for attempt in (1, 2):
        held = take(database)
        assert held.attempts == attempt
        with queue.fenced(database, held) as session:
            queue.fail(session, held, "no luck", retry_s=queue.retry_in(held.attempts))
        row = job_of(database, job)
        waits.append((row.not_before - row.created_at).total_seconds())
        assert (row.state, row.error) == ("queued", "no luck")
        assert take(database) is None
        due_now(database, job)
    assert waits[0] == pytest.approx(10, abs=5)
    assert waits[1] == pytest.approx(40, abs=10)
    assert [queue.retry_in(n) for n in (3, 30)] == [160.0, 21600.0]


def test_of_one_content_one_job_is_live(database):
    put(database, content_sha256="c")
    with pytest.raises(IntegrityError):
        put(database, content_sha256="c")
    held = take(database)
    with pytest.raises(IntegrityError):
        put(database, content_sha256="c")
    with queue.fenced(database, held) as session:
        queue.finish(session, held, {})
    put(database, content_sha256="c")


def test_a_waiting_job_is_cancelled_at_once_and_can_be_tried_again(database):
    (job,) = put(database)
    with database.begin() as session:
        assert queue.cancel(session, job) == "cancelled"
    assert take(database) is None
    with database.begin() as session:
        assert queue.requeue(session, job)
        assert not queue.requeue(session, job)
    assert take(database).attempts == 1


# ---- the worker --------------------------------------------------------------------------------------


def kind_of(run, **more):
    return Kind(lane="work", run=run, **more)


def test_a_running_job_notices_that_it_is_cancelled(settings, database):
    work = make_work(settings, database)
    started = threading.Event()

    def endless(task):
        started.set()
        while True:
            task.tell("going round", 0.5)
            time.sleep(0.02)

    (job,) = put(database)
    worker = worker_of(work, noted=kind_of(endless))
    thread = threading.Thread(target=worker.run_one, args=("work",))
    thread.start()
    started.wait(5)
    with database.begin() as session:
        assert queue.cancel(session, job) == "running"
    thread.join(10)
    assert not thread.is_alive()
    assert job_of(database, job).state == "cancelled"


def test_progress_is_told_while_the_job_runs(settings, database):
    work, told = make_work(settings, database), threading.Event()
    (job,) = put(database)

    def steady(task):
        task.tell("halfway", 0.5)
        told.wait(10)
        return lambda _session: {}

    thread = threading.Thread(target=worker_of(work, noted=kind_of(steady)).run_one, args=("work",))
    thread.start()
    until = time.monotonic() + 10
    while job_of(database, job).progress == 0 and time.monotonic() < until:
        time.sleep(0.05)
    row = job_of(database, job)
    told.set()
    thread.join()
    assert (row.stage, row.progress, row.state) == ("halfway", 0.5, "running")
    assert job_of(database, job).progress == 1.0


def test_wrong_input_fails_at_once_a_fault_after_as_many_tries_as_there_are(settings, database):
    work = make_work(settings, database)

    def wrong(_task):
        raise InputError("call.wav: is no recording")

    def faulty(_task):
        raise RuntimeError("my card is 4111 1111 1111 1111")

    worker = worker_of(work, wrong=kind_of(wrong), faulty=kind_of(faulty))
    (first,) = put(database, "wrong")
    worker.run_one("work")
    assert (job_of(database, first).state, job_of(database, first).error) == (
        "failed",
        "call.wav: is no recording",
    )
    (second,) = put(database, "faulty")
    for state in ("queued", "queued", "failed"):
        assert worker.run_one("work")
        assert job_of(database, second).state == state
        due_now(database, second)
    failed = job_of(database, second)
    assert failed.attempts == 3
    assert "RuntimeError" in failed.error
    assert "4111" not in failed.error


def test_a_worker_that_dies_each_time_fails_the_job_in_the_end(settings, database):
    work = make_work(settings, database)
    (job,) = put(database, max_attempts=2)
    for _ in range(2):
        assert take(database) is not None
        expire(database, job)

    def never(_task):
        raise AssertionError("it must not be tried a third time")

    worker_of(work, noted=kind_of(never)).run_one("work")
    failed = job_of(database, job)
    assert failed.state == "failed"
    assert "stopped without a word 2 times" in failed.error


def test_a_worker_that_has_to_stop_gives_its_job_back_uncounted(settings, database):
    work, stop = make_work(settings, database), threading.Event()

    def stopped(task):
        stop.set()
        task.tell("listening", 0.1)
        raise AssertionError("tell must not return")

    (job,) = put(database)
    worker_of(work, noted=kind_of(stopped)).run_one("work", stop)
    row = job_of(database, job)
    assert (row.state, row.attempts, row.worker) == ("queued", 0, None)


def test_a_job_that_does_not_listen_is_given_back_when_the_grace_is_over(settings, database):
    work, stop, abandoned = make_work(settings, database), threading.Event(), threading.Event()

    def deaf(_task):
        stop.set()
        abandoned.wait(20)
        return lambda _session: {"late": True}

    (job,) = put(database)
    import dataclasses

    worker = dataclasses.replace(worker_of(work, noted=kind_of(deaf)), grace_s=0.1, abandon=abandoned.set)
    worker.run_one("work", stop)
    row = job_of(database, job)
    assert (row.state, row.attempts, row.result) == ("queued", 0, None)


def test_a_slow_job_keeps_its_lease(settings, database):
    work = make_work(with_settings(settings, lease_s=1), database)

    def slow(_task):
        time.sleep(2.5)
        return lambda _session: {"done": 1}

    (job,) = put(database)
    thread = threading.Thread(target=worker_of(work, noted=kind_of(slow)).run_one, args=("work",))
    thread.start()
    time.sleep(2.0)
    assert take(database) is None
    thread.join()
    assert job_of(database, job).state == "done"


def test_a_kind_that_nobody_knows_fails_plainly(settings, database):
    (job,) = put(database, "teleport")
    worker_of(make_work(settings, database)).run_one("work")
    assert "teleport: this worker knows no such job" in job_of(database, job).error


@pytest.fixture
def start(settings, database):
    """Starts real worker processes, see ``worker_process.py``."""
    url = database.engine.url.render_as_string(hide_password=False)
    script, started = Path(__file__).with_name("worker_process.py"), []

    def start(*mode):
        process = subprocess.Popen(
            [sys.executable, str(script), url, str(settings.data_dir), *mode],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(database, job, state, seconds=25.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        row = job_of(database, job)
        if row.state == state:
            return row
        time.sleep(0.05)
    raise AssertionError(f"job is {row.state}, not {state}: {row.error}")


def test_a_worker_killed_in_the_middle_is_followed_by_another_and_the_call_is_there_once(
    settings, database, start
):
    work = make_work(settings, database)
    job = enqueue(work, stage(work, wav(), name="killed.wav"))
    first = start("hang")
    assert first.stdout.readline().strip() == "listening"
    assert job_of(database, job).state == "running"
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = start()
    row = wait_for(database, job, "done")
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert row.attempts == 2
    with database.read() as session:
        assert session.scalars(select(Call.call_id)).all() == ["killed"]
        assert session.scalar(select(func.count()).select_from(Job).where(Job.lane == "work")) == 1
    assert not list((settings.data_dir / "staging").iterdir())


def test_sigterm_gives_a_job_back(settings, database, start):
    work = make_work(settings, database)
    job = enqueue(work, stage(work, wav(), name="stopped.wav"))
    process = start("wait")
    assert process.stdout.readline().strip() == "listening"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    row = job_of(database, job)
    assert (row.state, row.attempts) == ("queued", 0)
