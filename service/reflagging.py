"""Flags stored calls anew by other rules: finds them, changes what changed, and counts it.

Nothing is heard or scored again. Calls are shared among processes; what comes out does not depend on how
many there are.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal

from sentiment.call import SCHEMA, Call, from_json, to_json
from sentiment.errors import ConversationError, InputError, OutputError, SentimentError
from sentiment.files import write_atomically
from sentiment.moments import reflag
from sentiment.review import Candidate, candidates
from sentiment.strict_json import encode
from sentiment.summary import Row, summarise
from service.terminal import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sentiment.call import Moment
    from sentiment.rules.values import Rules

__all__ = [
    "REMEDY",
    "Change",
    "Outcome",
    "changes",
    "find_calls",
    "is_call",
    "is_json",
    "reflag_file",
    "reflag_files",
    "render_again",
    "revise_file",
]

What = Literal["added", "gone", "kept", "reworded"]

_FEW = 100
"""Fewer calls are not worth starting processes for."""

_SHARE = 50
"""Calls a process takes at a time."""

_WRITERS = 3
"""Threads of a process: enough to keep it at work while files are made safe on the disk."""


REMEDY = "free some space, or make the folder and its files writable to you; calls are changed where they are"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A moment of ``rule`` and what became of it; ``reworded`` is kept, but for its words or severity."""

    rule: str
    what: What


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        skipped: it is no call.
        damaged: it is not even JSON, so it may have been one. Told of files that are skipped.
        error: why nothing could be done.
        unwritten: what failed is writing, as it would for others of the folder.
        changes: what became of each moment, old and new.
        found: its moments for the review queue.
        row: its line of the overview, if it has a page.
        stale: why its page could not be made anew.
        mended: its page was older than the call, though nothing it shows changed, and was made anew.
        abstained: why nothing is estimated of it, if it was tried.
    """

    source: Path
    skipped: bool = False
    damaged: bool = False
    error: str | None = None
    unwritten: bool = False
    changes: tuple[Change, ...] = ()
    found: tuple[Candidate, ...] = ()
    row: Row | None = None
    stale: str | None = None
    mended: bool = False
    abstained: str | None = None

    @property
    def changed(self) -> bool:
        """Whether any moment is another one than before."""
        return any(change.what != "kept" for change in self.changes)


def find_calls(paths: Iterable[Path]) -> list[tuple[Path, bool]]:
    """The files named, and the JSON files in the folders named and below; whether each was named itself.

    Raises:
        InputError: a path that is not there, or a folder without JSON files.
    """
    found: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*.json") if p.is_file() and not p.name.startswith("."))
            if not inside:
                raise InputError(f"{path}: no JSON files in it; name a folder that sentiment score wrote to")
            found |= {p: found.get(p, False) for p in inside}
        elif path.exists():
            found[path] = True
        else:
            raise InputError(f"{path}: no such file or folder; check the path")
    return list(found.items())


def reflag_files(
    files: Sequence[tuple[Path, bool]], rules: Rules, *, jobs: int, dry_run: bool
) -> Iterator[Outcome]:
    """:func:`reflag_file` on each, in the order given, as each is done, by ``jobs`` processes."""
    if jobs == 1 or len(files) < _FEW:
        yield from _overlapping(files, rules, dry_run)
        return
    shares = [files[at : at + _SHARE] for at in range(0, len(files), _SHARE)]
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(rules, dry_run)
    ) as pool:
        try:
            for outcomes in pool.map(_share, shares):
                yield from outcomes
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _overlapping(files: Sequence[tuple[Path, bool]], rules: Rules, dry_run: bool) -> Iterator[Outcome]:
    """In threads, so that one call is worked on while others wait for the disk to have them safe."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        yield from pool.map(lambda f: reflag_file(f[0], rules, named=f[1], dry_run=dry_run), files)


def _begin(rules: Rules, dry_run: bool) -> None:
    """What each process is given once. Ctrl-C is for the process that started it."""
    global _given
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _given = (rules, dry_run)


def _share(files: Sequence[tuple[Path, bool]]) -> list[Outcome]:
    rules, dry_run = _given
    return list(_overlapping(files, rules, dry_run))


_given: tuple[Rules, bool]


def reflag_file(path: Path, rules: Rules, *, named: bool = True, dry_run: bool = False) -> Outcome:
    """Flag the call in a file anew; write it, and its page, if that changes it and ``dry_run`` is false.

    A page that is older than its call is made anew even if nothing changes.

    A file that is JSON but no call is skipped, unless it was ``named`` itself. Whatever fails is the
    outcome's ``error``, so that it costs no other call.
    """
    return revise_file(path, lambda call: reflag(call, rules), named=named, dry_run=dry_run)


def revise_file(
    path: Path, revise: Callable[[Call], Call], *, named: bool = True, dry_run: bool = False
) -> Outcome:
    """``revise`` the call in a file, as :func:`reflag_file` flags it anew; it may change what pages show."""
    try:
        return _revised(path, revise, named=named, dry_run=dry_run)
    except OSError as error:
        return Outcome(source=path, error=f"{path}: cannot be read ({error.strerror}); check its permissions")
    except OutputError as error:
        return Outcome(source=path, error=str(error), unwritten=True)
    except SentimentError as error:
        return Outcome(source=path, error=f"{path}: {error}")
    except Exception as error:
        logging.getLogger(__name__).debug("%s", path, exc_info=True)
        return Outcome(source=path, error=fault(path, error))


def _revised(path: Path, revise: Callable[[Call], Call], *, named: bool, dry_run: bool) -> Outcome:
    text = path.read_bytes()
    if not named and not is_call(text):
        return Outcome(source=path, skipped=True, damaged=not is_json(text))
    before = from_json(text)
    after = revise(before)
    page = path.with_suffix(".html")
    has_page = page.is_file()
    # The call is written first, so a page older than its call was left behind by a write that failed.
    behind = has_page and page.stat().st_mtime_ns < path.stat().st_mtime_ns
    shows_other = (after.moments, after.estimates) != (before.moments, before.estimates)
    stale = None
    if not dry_run:
        if after != before:
            write_atomically(path, _rewritten(text.decode("utf-8", "replace"), after), remedy=REMEDY)
        if has_page and (behind or shows_other):
            stale = render_again(page, after)
        elif has_page and after != before:
            os.utime(page)  # it shows the call as it is
    return Outcome(
        source=path,
        changes=changes(before.moments, after.moments),
        found=candidates(after),
        row=summarise(after) if has_page else None,
        stale=stale,
        mended=behind and stale is None and not shows_other,
        abstained=next((e.abstained for e in after.estimates if e.abstained), None),
    )


def changes(before: Iterable[Moment], after: Iterable[Moment]) -> tuple[Change, ...]:
    """What became of each moment: one of the same rule, at the same place, is kept."""
    old = {(m.rule, m.start_ms, m.end_ms, m.evidence.utterances): m for m in before}
    found = []
    for moment in after:
        was = old.pop((moment.rule, moment.start_ms, moment.end_ms, moment.evidence.utterances), None)
        what: What = "added" if was is None else "kept" if was == moment else "reworded"
        found.append(Change(rule=moment.rule, what=what))
    return (*found, *(Change(rule=moment.rule, what="gone") for moment in old.values()))


def is_call(text: bytes) -> bool:
    """Whether a JSON file means to be a call, of whatever version."""
    tag = SCHEMA.rpartition("/")[0].encode()
    return re.search(rb'"schema"\s*:\s*"' + re.escape(tag) + b"/", text) is not None


def is_json(text: bytes) -> bool:
    """Whether a file is JSON at all."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


_REWRITTEN = ("moments", "estimates", "provenance")


def _rewritten(text: str, call: Call) -> str:
    """``text``, from which ``call`` was read, with what flagging and estimating change.

    A call as :func:`to_json` writes it has each field on a line that one space begins, and nothing else
    there; writing just those fields is many times as fast as writing all. Any other form is written anew.
    """
    places = _top_level(text)
    names = [name for name, _ in places]
    as_written = ["schema", *(f.name for f in fields(Call) if f.name in names)]
    if names != as_written or not (text.startswith("{\n ") and text.endswith("\n}")):
        return to_json(call)
    starts = [start for _, start in places]
    ends = [*(start - 1 for start in starts[1:]), len(text) - 2]  # at the comma, or where a last one would be
    for name, start, end in reversed(list(zip(names, starts, ends, strict=True))):
        if name in _REWRITTEN:
            value = json.dumps(encode(getattr(call, name)), ensure_ascii=False, indent=1, allow_nan=False)
            text = f'{text[:start]}\n "{name}": {value.replace(chr(10), chr(10) + " ")}{text[end:]}'
    return text


def _top_level(text: str) -> list[tuple[str, int]]:
    """The name of each line that begins with one space and a quotation mark, and where its line break is."""
    found = []
    at = text.find('\n "')
    while at >= 0:
        found.append((text[at + 3 : text.find('"', at + 3)], at))
        at = text.find('\n "', at + 1)
    return found


def render_again(page: Path, call: Call) -> str | None:
    """Make a call's page anew, with the recording of the old one; why it could not be, or ``None``.

    Raises:
        OutputError: it cannot be written.
    """
    from sentiment.formats.html import call_page
    from sentiment.formats.stored_page import sound_of

    try:
        sound = sound_of(page.read_text("utf-8"))
    except ConversationError as error:
        return f"{page}: is older than its call: {error}"
    except (OSError, UnicodeDecodeError) as error:
        return f"{page}: is older than its call: cannot be read ({error})"
    if call.audio is not None and sound.playback is None:
        return f"{page}: is older than its call: its recording is missing; score the recording again"
    write_atomically(page, call_page(call, playback=sound.playback, peaks=sound.peaks), remedy=REMEDY)
    return None
