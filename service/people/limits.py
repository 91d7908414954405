"""How often somebody may try to log in, by address and by e-mail.

Counted in the memory of each process: with N web processes N times as many pass, and a restart forgets.
What stops guessing at one account is its lock, which is kept in the database; these limits stop one address
from trying many accounts, and anyone from keeping the processors busy with hashing.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from service.people.secrets import digest

if TYPE_CHECKING:
    from limits import RateLimitItem

__all__ = ["LoginLimits"]

TRIES = parse("300/minute")
"""From one address, right or wrong: a whole centre behind one address logs in at nine."""

FAILURES = parse("60/10 minutes")
"""Wrong ones from one address."""

FOR_ONE = parse("10/minute")
"""For one e-mail, whether it is somebody's or not."""


class LoginLimits:
    """The counts of one process."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def wait_s(self, address: str, email: str | None = None) -> int | None:
        """Count a try; how many seconds to wait if it is one too many, else ``None``."""
        where = _network(address)
        if not self._limiter.test(FAILURES, "failures", where):
            return self._left(FAILURES, "failures", where)
        if not self._limiter.hit(TRIES, "tries", where):
            return self._left(TRIES, "tries", where)
        if email is not None:
            whom = digest(email.lower())
            if not self._limiter.hit(FOR_ONE, "email", whom):
                return self._left(FOR_ONE, "email", whom)
        return None

    def failed(self, address: str) -> None:
        """Count a wrong one."""
        self._limiter.hit(FAILURES, "failures", _network(address))

    def _left(self, limit: RateLimitItem, kind: str, key: str) -> int:
        return max(1, int(self._limiter.get_window_stats(limit, kind, key).reset_time - time.time()) + 1)


def _network(address: str) -> str:
    """The address, or of IPv6 the 64 bits that one customer of a provider has to themselves."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)).network_address)
