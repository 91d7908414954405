"""Where a coaching session stands, and what may become of it."""

from __future__ import annotations

from typing import Literal

__all__ = ["ACTIONS", "EDITABLE", "STATES", "Action", "NotPossibleError", "State", "after", "possible"]

State = Literal["draft", "shared", "acknowledged", "disputed", "resolved"]
Action = Literal["share", "acknowledge", "dispute", "resolve"]

STATES: tuple[State, ...] = ("draft", "shared", "acknowledged", "disputed", "resolved")

ACTIONS: dict[Action, tuple[tuple[State, ...], State]] = {
    "share": (("draft", "disputed"), "shared"),
    "acknowledge": (("shared",), "acknowledged"),
    "dispute": (("shared",), "disputed"),
    "resolve": (("acknowledged", "disputed"), "resolved"),
}
"""Each action: the states it is possible in, and the one it leads to. The agent acknowledges and disputes."""

EDITABLE: tuple[State, ...] = ("draft", "disputed")
"""States in which turns and goals can be changed: what an agent was asked to acknowledge stays as it was."""


class NotPossibleError(Exception):
    """It does not fit the state something is in; the message says what does."""


def after(state: State, action: Action) -> State:
    """The state that ``action`` leads to.

    Raises:
        NotPossibleError: not from this state.
    """
    before, end = ACTIONS[action]
    if state not in before:
        others = ", ".join(possible(state)) or "nothing more"
        raise NotPossibleError(f"A session that is {state} cannot do {action}; possible: {others}.")
    return end


def possible(state: State) -> tuple[Action, ...]:
    """What may be done with a session in this state, by whoever may do it."""
    return tuple(action for action, (before, _) in ACTIONS.items() if state in before)
