"""Passwords: what is refused, how they are checked, and how often somebody may try."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from sentiment.errors import InputError
from service.people.limits import LoginLimits
from service.people.names import clean_email, clean_name
from service.people.passwords import BusyError, Passwords, accept, one_time_password

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


class Counting:
    """Hashes in no time, and counts."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, hash: str, password: str) -> bool:  # noqa: A002
        self.verified.append(hash)
        if hash != f"hash of {password}":
            raise VerifyMismatchError
        return True

    def check_needs_rehash(self, hash: str) -> bool:  # noqa: A002
        return False


@pytest.mark.parametrize(
    "password",
    [
        "short", "eleven-char", "password1234", "Password2026!", "P@ssw0rd2026", "123456789012",
        "aaaaaaaaaaaa", "qwertyuiop123", "abcabcabcabc", "abcdefghijklmn", "kim.miller@example.com",
        "kim.miller2026!", "x" * 257, "Sommer", "Administrator1", "            ",
        "!!!!!!!!!!!!!!", "zq!zq!zq!zq!",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(InputError, match=r"^password: ") as told:
        accept(password, email="kim.miller@example.com")
    assert password not in str(told.value) or len(password) < 6


@pytest.mark.parametrize(
    "password",
    ["three of my neighbours sing", "Zwölf Käfer im Gras", "x7!kQ2#mP9$w", "密码是我的家里的猫和狗还有鸟"],
)
def test_what_is_long_and_not_guessed_is_taken(password):
    accept(password, email="kim.miller@example.com")


def test_a_password_is_the_same_however_the_keyboard_composes_it():
    hasher = Passwords(PasswordHasher(**CHEAP))
    kept = hasher.hash("zwo\u0308lf Ka\u0308fer")
    assert hasher.check(kept, "zwölf Käfer")
    assert kept.startswith("$argon2id$")
    assert kept != hasher.hash("zwo\u0308lf Ka\u0308fer")


def test_an_unknown_account_costs_one_check_as_a_wrong_password_does():
    counting = Counting()
    hasher = Passwords(counting)
    assert not hasher.check("hash of right", "wrong")
    wrong = len(counting.verified)
    assert not hasher.check(None, "wrong")
    assert len(counting.verified) == 2 * wrong == 2
    assert counting.verified[1] != "hash of right"


def test_what_is_kept_that_is_no_hash_lets_nobody_in():
    assert not Passwords(PasswordHasher(**CHEAP)).check("", "")
    assert not Passwords(PasswordHasher(**CHEAP)).check("plain", "plain")


def test_the_decoy_is_made_with_the_parameters_of_real_hashes():
    """Else an unknown e-mail would be told by the time it takes."""
    hasher = Passwords(PasswordHasher(**CHEAP))
    assert not hasher.stale(hasher._decoy)
    assert Passwords(PasswordHasher(**CHEAP | {"time_cost": 2})).stale(hasher._decoy)


def test_no_more_hash_at_once_than_memory_allows():
    entered, leave = threading.Event(), threading.Event()

    class Slow(Counting):
        def verify(self, hash: str, password: str) -> bool:  # noqa: A002
            entered.set()
            leave.wait(5)
            return True

    hasher = Passwords(Slow(), at_once=1, patience_s=0.01)
    thread = threading.Thread(target=hasher.check, args=("kept", "right"))
    thread.start()
    entered.wait(5)
    with pytest.raises(BusyError):
        hasher.check("kept", "right")
    leave.set()
    thread.join()
    assert hasher.check("kept", "right")


def test_one_time_passwords_differ_and_would_be_accepted():
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    for each in made:
        accept(each, email="kim@example.com")


def test_an_address_that_fails_often_waits_and_so_does_an_email():
    limits = LoginLimits()
    assert [limits.wait_s("192.0.2.1", "kim@example.com") for _ in range(10)] == [None] * 10
    waited = limits.wait_s("192.0.2.2", "KIM@example.com")
    assert waited is not None
    assert 0 < waited <= 61
    assert limits.wait_s("192.0.2.1", "sam@example.com") is None
    for _ in range(60):
        limits.failed("192.0.2.1")
    assert (limits.wait_s("192.0.2.1", "sam@example.com") or 0) > 60
    assert limits.wait_s("192.0.2.3", "sam@example.com") is None


def test_of_ipv6_a_whole_network_is_one_address():
    limits = LoginLimits()
    for n in range(60):
        limits.failed(f"2001:db8:1:2::{n:x}")
    assert limits.wait_s("2001:db8:1:2:ffff::1")
    assert limits.wait_s("2001:db8:1:3::1") is None
    assert limits.wait_s("::ffff:192.0.2.1") is None
    assert limits.wait_s("no address") is None


@pytest.mark.parametrize(
    "name",
    ["a\r\nX-Evil: 1", "a\nb", "\x00", "a\x1b[2J", "", "  ", "x" * 201, "a\u2028b", "a\u202eb", "\ud800"],
)
def test_a_name_is_one_line(name):
    with pytest.raises(InputError):
        clean_name(name)


@pytest.mark.parametrize(
    "email",
    ["kim", "kim@", "@example.com", "a@b@c", "a b@c.d", "a@b\r\nBcc: x@y", "x" * 65 + "@a.b", "<a@b.c>"],
)
def test_an_email_is_an_address(email):
    with pytest.raises(InputError, match=r"^e-mail: "):
        clean_email(email)


def test_two_spellings_of_an_email_are_one():
    assert clean_email(" Ko\u0308ln@Example.COM ") == clean_email("köln@example.com")
