"""A worker in a process of its own: ``worker_process.py DATABASE_URL DATA_DIR [hang | wait]``.

``hang`` never comes back from listening; ``wait`` says how far it is again and again. Both print
``listening`` when they begin.
"""

import dataclasses
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import structlog  # noqa: E402
from fakes import FakeTranscriber, fake_analyser  # noqa: E402
from work_fakes import TALK, make_work, worker_of  # noqa: E402

from service.jobs.running import run_until_stopped  # noqa: E402
from service.settings import Settings  # noqa: E402
from service.store.database import connect  # noqa: E402


class Hanging(FakeTranscriber):
    def transcribe(self, *args, **kwargs):
        print("listening", flush=True)
        time.sleep(600)
        raise AssertionError


structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def main(url: str, folder: str, mode: str = "") -> None:
    settings = Settings(_env_file=None, data_dir=Path(folder), database_url=url, lease_s=1)
    work = make_work(settings, connect(url))
    if mode == "hang":
        work = dataclasses.replace(work, analyser=fake_analyser(Hanging(TALK)))
    if mode == "wait":

        def waiting(task):
            print("listening", flush=True)
            while True:
                task.tell("waiting", 0.1)
                time.sleep(0.05)

        from service.jobs.work import Kind

        run_until_stopped(worker_of(work, score=Kind(lane="work", run=waiting)))
        return
    run_until_stopped(worker_of(work))


if __name__ == "__main__":
    main(*sys.argv[1:])
