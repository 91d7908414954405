"""Few at a time, few waiting, and nobody else is kept."""

from __future__ import annotations

import threading
import time

from service.room import Room


def test_who_is_one_too_many_is_told_at_once_and_others_get_their_turn():
    room, entered = Room(at_once=1, waiting=1, patience_s=30), []
    assert room.enter()
    waits = threading.Thread(target=lambda: entered.append(room.enter()))
    waits.start()
    began, full = time.monotonic(), []
    while time.monotonic() - began < 5 and not full:
        late = threading.Thread(target=lambda: full.append(True) if not room.enter() else room.leave())
        late.start()
        late.join(1)
    assert full
    assert time.monotonic() - began < 5
    room.leave()
    waits.join(5)
    assert entered == [True]
    room.leave()


def test_nobody_waits_for_ever():
    room = Room(at_once=1, waiting=1, patience_s=0.01)
    assert room.enter()
    assert not room.enter()
    room.leave()
    assert room.enter()
