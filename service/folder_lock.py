"""One run at a time on a folder of results.

A run that flags calls anew holds its folders (``flock`` on the folder itself, so no file is left behind,
and a killed run holds nothing). It also shares a hold on each folder above, so a run on ``out`` and one on
``out/march`` keep each other away however many folders lie between or below.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sentiment.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["sole_run"]


@contextmanager
def sole_run(folders: Iterable[Path]) -> Iterator[None]:
    """Keep other runs away from ``folders``, and all that is in them, until the block ends.

    A folder that cannot be locked (a file system without locks) is told of in the log and used all the same.

    Raises:
        OutputError: another run is at work on one of them, in one, or on one around it.
    """
    ways = {folder.resolve(): folder for folder in folders}
    tops = [way for way in ways if not any(above in ways for above in way.parents)]
    around = {above for way in tops for above in way.parents}
    with ExitStack() as held:
        for way in tops:
            if not _hold(way, fcntl.LOCK_EX, held):
                raise _taken(ways[way])
        for above in sorted(around):
            if not _hold(above, fcntl.LOCK_SH, held):
                raise _taken(next(ways[way] for way in tops if above in way.parents))
        yield


def _hold(folder: Path, how: int, held: ExitStack) -> bool:
    """Lock a folder until ``held`` is left; false if another run has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, descriptor)
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if how == fcntl.LOCK_EX:
            logging.getLogger(__name__).warning(
                "%s: cannot be locked (%s); run no other sentiment moments or estimate on it now",
                folder,
                error.strerror,
            )
    return True


def _taken(folder: Path) -> OutputError:
    return OutputError(
        f"{folder}: another sentiment moments or estimate is at work on these calls; "
        "wait until it is done, and run again"
    )
