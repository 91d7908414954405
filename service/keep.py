"""``sentiment serve`` and what keeps a service: backups, restoring, the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.terminal import FAILED, console

__all__ = ["audit", "backup", "restore", "serve"]

audit = typer.Typer(help="The audit log.", no_args_is_help=True)


def serve() -> None:
    """Start the service: API, pages and job worker. How it is set: docs/service.md."""
    _require_service()
    from service.serve import serve as run
    from service.settings import read_settings

    run(read_settings())


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; the file must not be there yet.")],
) -> None:
    """Write the whole service (tables and recordings) to one file, while it runs."""
    _require_service()
    from service.files import Files
    from service.privacy.backup import back_up
    from service.serve import open_database
    from service.settings import read_settings

    settings = read_settings()
    database = open_database(settings)
    counts = back_up(database, Files.of(settings), to)
    database.close()
    _tell(
        f"{to}: {counts['calls']} calls, {sum(counts.values())} rows in all; keep it as you keep the calls."
    )


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What sentiment backup wrote.")],
) -> None:
    """Put a backup into the empty database and data folder of the settings."""
    _require_service()
    from service.files import Files
    from service.privacy.backup import restore as put_back
    from service.serve import make_data_folder
    from service.settings import read_settings
    from service.store.database import connect

    settings = read_settings()
    make_data_folder(settings)
    database = connect(settings.database)
    counts = put_back(database, Files.of(settings), source)
    database.close()
    _tell(f"{counts['calls']} calls and {sum(counts.values())} rows in all are back; the audit log holds.")
    _tell("What was deleted after the backup was made came back too: repeat those deletions.")


@audit.command()
def verify() -> None:
    """Go through the whole log; says the newest hash, to be kept elsewhere. Fails if an entry was changed."""
    _require_service()
    from service.serve import open_database
    from service.settings import read_settings
    from service.store.audit import verify as check

    database = open_database(read_settings())
    with database.read() as session:
        found = check(session)
    database.close()
    if found.broken is not None:
        console(stderr=True).print(f"Error: the audit log was changed: {found.why}.", markup=False)
        raise typer.Exit(FAILED)
    _tell(f"{found.n} entries hold. The newest is {found.newest}")


def _require_service() -> None:
    """Say what to install where the service's packages are missing."""
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "sqlalchemy", "uvicorn", "alembic") if find_spec(name) is None]
    if missing:
        console(stderr=True).print(
            "Error: the service is not installed; pip install 'conversation-sentiment[service]'", markup=False
        )
        raise typer.Exit(FAILED)


def _tell(line: str) -> None:
    console().print(line, markup=False, highlight=False, soft_wrap=True)
