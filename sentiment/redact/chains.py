"""Numbers that are given over several turns: "four nine four five", "mhm", "eight zero seven three"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sentiment.redact.spoken_numbers import Atom, Run, only_fillers, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.redact.cues import Cues
    from sentiment.redact.tokens import Turn

__all__ = ["Chain", "chains"]

_MOST_TURNS_APART = 4
_MOST_WORDS_BETWEEN = 6
_LEAST_DIGITS = 2


class Chain(NamedTuple):
    """Runs of one speaker that make one number; each but the first in a later turn."""

    runs: tuple[Run, ...]

    @property
    def digits(self) -> str:
        """All digits in order."""
        return "".join(run.digits for run in self.runs)

    @property
    def core(self) -> Chain:
        """Without words at either end of a turn's part that only sound like digits."""
        return Chain(tuple(run.core for run in self.runs))

    @property
    def pieces(self) -> list[tuple[Turn, Atom]]:
        """Every atom and its turn."""
        return [(run.turn, atom) for run in self.runs for atom in run.atoms]


def chains(turns: Sequence[Turn], found: Sequence[Sequence[Atom]], cues: Cues) -> list[Chain]:
    """The atoms of each turn as numbers, ordered by where they begin."""
    finished: list[list[Run]] = []
    open_chain: dict[int, list[Run]] = {}  # by speaker; the last turn's, if it ends with the number
    for turn, own in zip(turns, found, strict=True):
        if not own:
            if not _says_little(turn, own, cues):
                open_chain.pop(turn.speaker, None)
            continue
        for i, run in enumerate(runs(turn, own)):
            chain = open_chain.pop(turn.speaker, None) if i == 0 else None
            if chain is not None and _goes_on(turns, found, chain[-1], run, cues):
                chain.append(run)
            else:
                chain = [run]
                finished.append(chain)
            if only_fillers(turn, run.last + 1, len(turn.tokens)):
                open_chain[turn.speaker] = chain
    return [Chain(tuple(chain)) for chain in finished]


def _goes_on(
    turns: Sequence[Turn], found: Sequence[Sequence[Atom]], before: Run, run: Run, cues: Cues
) -> bool:
    """Whether a run carries on what its speaker began in an earlier turn."""
    first, last = before.turn.index, run.turn.index
    if min(len(before.digits), len(run.digits)) < _LEAST_DIGITS:
        return False
    if last - first > _MOST_TURNS_APART or not only_fillers(run.turn, 0, run.first):
        return False
    return all(_says_little(turns[at], found[at], cues) for at in range(first + 1, last))


def _says_little(turn: Turn, own: Sequence[Atom], cues: Cues) -> bool:
    """Whether a turn is a "mhm, go on" or an echo of digits, and asks for nothing else."""
    n_words = len(turn.words) - sum(atom.last - atom.first + 1 for atom in own)
    asks = cues.asks(turn.index) or (n_words > 2 and turn.tokens[-1].low == "?")
    return n_words <= _MOST_WORDS_BETWEEN and not asks
