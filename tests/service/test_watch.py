"""The watched folder: whole files only, each once, under whichever name."""

from __future__ import annotations

import json
import os

import pytest
from sqlalchemy import select
from work_fakes import make_work, staged, wav, with_settings, worker_that_only

from service.jobs import queue
from service.jobs.worker import stand_by
from service.store.tables import Call, Job


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "recordings"
    made.mkdir()
    return made


@pytest.fixture
def look(settings, database, folder):
    """Looks once; gives the jobs to score that there are."""
    work = make_work(with_settings(settings, watch=str(folder), lease_s=60), database)
    worker = worker_that_only(work, "watch", "score")

    def look():
        stand_by(work, worker.kinds)
        with database.begin() as session:
            for job in session.scalars(select(Job).where(Job.kind == "watch")):
                job.not_before = queue.clock(session)
        assert worker.run_one("house")
        while worker.run_one("work"):
            pass
        with database.read() as session:
            return [(j.state, j.error) for j in session.scalars(select(Job).where(Job.kind == "score"))]

    return look


def test_a_file_is_taken_when_it_was_the_same_twice(look, folder, database, settings):
    (folder / "a.wav").write_bytes(wav(seed=1)[:500])
    assert look() == []
    (folder / "a.wav").write_bytes(wav(seed=1))
    assert look() == []
    assert look() == [("done", None)]
    assert look() == [("done", None)]
    with database.read() as session:
        assert session.scalars(select(Call.call_id)).all() == ["a"]
    assert staged(settings) == []


def test_facts_lie_beside_and_hidden_and_other_files_are_left_alone(look, folder, database):
    below = folder / "2026" / "11"
    below.mkdir(parents=True)
    (below / "b.wav").write_bytes(wav(seed=2))
    (below / "b.wav.json").write_text(json.dumps({"call_id": "B-7", "queue": "sales"}))
    (below / ".c.wav").write_bytes(wav(seed=3))
    (below / "notes.txt").write_text("x")
    look()
    assert look() == [("done", None)]
    with database.read() as session:
        assert session.execute(select(Call.call_id, Call.queue)).all() == [("B-7", "sales")]


def test_the_same_recording_under_two_names_is_one_call(look, folder, database):
    (folder / "a.wav").write_bytes(wav(seed=4))
    (folder / "b.wav").write_bytes(wav(seed=4))
    look()
    assert look() == [("done", None)]
    with database.read() as session:
        assert len(session.scalars(select(Call.call_id)).all()) == 1


def test_a_file_that_cannot_be_used_is_a_failed_job_once(look, folder):
    (folder / "bad.wav").write_bytes(b"not sound at all \x00\x01" * 30)
    (folder / "odd.wav").write_bytes(wav(seed=5))
    (folder / "odd.wav.json").write_text("{")
    look()
    found = look()
    assert sorted(state for state, _ in found) == ["failed", "failed"]
    assert any("not a sound file" in error for _, error in found)
    assert any("sidecar" in error for _, error in found)
    assert look() == found


def test_a_folder_that_is_away_is_looked_at_again(settings, database, tmp_path, folder):
    work = make_work(with_settings(settings, watch="nosuch://bucket/x"), database)
    worker = worker_that_only(work, "watch", "score")
    stand_by(work, worker.kinds)
    assert worker.run_one("house")
    with database.read() as session:
        job = session.scalars(select(Job).where(Job.kind == "watch")).one()
    assert (job.state, job.attempts) == ("queued", 0)
    assert "SENTIMENT_WATCH" in job.error
    assert job.not_before > job.created_at


def test_a_bucket_is_looked_through(settings, database):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/in/x.wav", wav(seed=6))
    work = make_work(with_settings(settings, watch="memory://bucket/in"), database)
    worker = worker_that_only(work, "watch", "score")
    for _ in range(2):
        stand_by(work, worker.kinds)
        with database.begin() as session:
            for job in session.scalars(select(Job).where(Job.lane == "house")):
                job.not_before = queue.clock(session)
        worker.run_one("house")
    worker.run_one("work")
    with database.read() as session:
        assert session.scalars(select(Call.call_id)).all() == ["x"]
    memory.rm("/bucket", recursive=True)


def test_old_leavings_are_swept_and_what_is_needed_stays(settings, database):
    import io

    work = make_work(settings, database)
    files = work.files
    kept = {}
    with database.begin() as session:
        for state in ("queued", "failed", "done", "cancelled"):
            staged_name = files.write("staging", io.BytesIO(state.encode()))
            files.put_facts(staged_name, {"x": 1})
            job = queue.enqueue(session, "score", {}, staged=staged_name)
            job.state = state
            job.finished_at = None if state == "queued" else queue.clock(session)
            kept[state] = staged_name
    orphan = files.write("staging", io.BytesIO(b"orphan"))
    unused, fresh = (files.write("recordings", io.BytesIO(x)) for x in (b"unused", b"fresh"))
    for path in settings.data_dir.rglob("*"):
        if path.is_file() and path.name != fresh:
            os.utime(path, (0, 0))
    worker = worker_that_only(work, "sweep")
    with database.begin() as session:
        session.scalars(select(Job).where(Job.state == "queued")).one().not_before = queue.clock(session)
    stand_by(work, worker.kinds)
    assert worker.run_one("house")
    left = {p.name for p in settings.data_dir.rglob("*") if p.is_file()}
    expected = {kept["queued"], kept["failed"]}
    assert left == expected | {f"{name}.facts" for name in expected} | {fresh}
    assert orphan not in left
    assert unused not in left
