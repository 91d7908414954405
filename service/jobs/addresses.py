"""Where a webhook may go: an address is looked up, judged and then connected to, and none but that one.

A name that is judged and looked up again for the connection can answer differently the second time (DNS
rebinding), so the connection here is made to the very address that was judged. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sentiment.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Answer", "Target", "check_url", "is_public", "post", "target"]

TIMEOUT_S = 10.0
"""From the first byte sent to the last one read, whatever dribbles in."""

MOST_READ = 4096
"""Bytes of the answer that are looked at; only its status counts."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")

Resolver = "Callable[[str, int], list[str]]"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: ``addresses`` were judged and are what is connected to."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said."""

    status: int


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whichever way it is written."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo is not None or ip in _NAT64_LOCAL or ip.is_site_local:
            return False
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def check_url(url: str, *, allow_private: bool) -> tuple[str, str, int, str]:
    """Scheme, host, port and path of a webhook's URL. Nothing is looked up.

    Raises:
        InputError: it is not an https URL of the plain kind (http only where private addresses are allowed).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError("url: is not a URL, as https://example.com/hook") from None
    if any(ord(c) <= ord(" ") or ord(c) > ord("~") for c in url):
        raise InputError("url: has a space, a control or a non-ASCII character; write it percent-encoded")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise InputError("url: must begin with https://")
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise InputError("url: needs a host, and no user, password or fragment")
    with suppress(ValueError):
        if not allow_private and not is_public(str(ipaddress.ip_address(parts.hostname))):
            raise InputError(f"url: {parts.hostname} is a private or local address")
    default = 443 if parts.scheme == "https" else 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, default if port is None else port, path


def target(
    url: str, *, allow_private: bool, resolve: Callable[[str, int], list[str]] | None = None
) -> Target:
    """Look the host of a URL up and judge every address it has: one bad one is enough.

    Raises:
        InputError: the URL is refused, or an address is private or local.
        OutputError: the name cannot be looked up.
    """
    scheme, host, port, path = check_url(url, allow_private=allow_private)
    try:
        addresses = (resolve or _look_up)(host, port)
    except (OSError, UnicodeError):
        raise OutputError(f"{host}: cannot be looked up") from None
    if not addresses:
        raise OutputError(f"{host}: has no address")
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise InputError(
                    f"{host}: leads to a private or local address, and webhooks may not go there"
                )
    return Target(scheme, host, port, path, tuple(dict.fromkeys(addresses)))


def post(
    to: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send ``body`` and read the status of the answer.

    Raises:
        OutputError: nobody answers, not in time, or not in HTTP.
    """
    connection = _Pinned(to, timeout_s, tls or ssl.create_default_context())
    late = threading.Timer(timeout_s, connection.cut)
    late.daemon = True
    late.start()
    try:
        connection.request("POST", to.path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        answer.read(MOST_READ)
        if connection.late:  # what was cut off reads like an answer that ends early
            raise TimeoutError
        return Answer(answer.status)
    except ssl.SSLError as error:
        raise OutputError(f"{to.host}: no secure connection ({error.reason or 'TLS'})") from None
    except (OSError, http.client.HTTPException) as error:
        why = f"no answer in {timeout_s:g} s" if connection.late else type(error).__name__
        raise OutputError(f"{to.host}: {why}") from None
    finally:
        late.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was judged, under the name that it was looked up by."""

    def __init__(self, to: Target, timeout_s: float, tls: ssl.SSLContext) -> None:
        super().__init__(to.host, to.port, timeout=timeout_s)
        self._to, self._tls, self.late = to, tls, False

    def connect(self) -> None:
        """Try each address in turn."""
        failed: OSError | None = None
        for address in self._to.addresses:
            try:
                raw = socket.create_connection((address, self._to.port), timeout=self.timeout)
                break
            except OSError as error:
                failed = error
        else:
            raise failed or OSError("no address")
        self.sock = raw
        if self._to.scheme == "https":
            self.sock = self._tls.wrap_socket(raw, server_hostname=self._to.host)

    def cut(self) -> None:
        """Give up: whoever waits on the connection is woken."""
        self.late = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
