"""The commands ``sentiment worker`` and ``sentiment key``."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from service.terminal import console

__all__ = ["key", "worker"]

key = typer.Typer(no_args_is_help=True, help="The key that recordings are encrypted with at rest.")


@key.callback()
def _key() -> None:
    """Needed, so that ``new`` is a command of its own although it is the only one."""


@key.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; must not be there yet.")],
) -> None:
    """Make a key; name its file in SENTIMENT_AUDIO_KEY_FILE and keep a copy: without it nothing opens."""
    from service.sealing import new_key_file

    new_key_file(file)
    console().print(f"Key: {file}", soft_wrap=True, highlight=False)


def worker(
    of_serve: Annotated[
        bool, typer.Option("--of-serve", hidden=True, help="End when standard input ends.")
    ] = False,
) -> None:
    """Do the jobs that wait: score uploads, import, deliver webhooks. SIGTERM ends it without losing any."""
    from service import logs
    from service.jobs.running import run_until_stopped, work_of
    from service.jobs.worker import Worker
    from service.serve import open_database
    from service.settings import read_settings

    settings = read_settings()
    logs.configure(form=settings.log_format, level=settings.log_level)
    os.umask(0o077)
    database = open_database(settings)
    try:
        run_until_stopped(Worker(work=work_of(settings, database)), of_serve=of_serve)
    finally:
        database.close()
