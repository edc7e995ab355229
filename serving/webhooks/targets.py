"""Where a webhook may go: never into the platform's own network.

Belongs here: judging an address, once as it is written and again for what its name resolves to.
The sender connects to the very address that was judged, so that a name cannot mean another one a
moment later.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from stores.errors import InputInvalid, StoreUnavailable

URL_LENGTH_LIMIT = 2000


@dataclass(frozen=True)
class Target:
    """A URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str, *, is_private_allowed: bool) -> Target:
    """Raises InputInvalid naming the rule that the URL breaks."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputInvalid("url", "must be an https:// address") from None
    allowed = ("https", "http") if is_private_allowed else ("https",)
    if len(url) > URL_LENGTH_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        raise InputInvalid("url", f"must be at most {URL_LENGTH_LIMIT} plain characters")
    if parts.scheme not in allowed or not parts.hostname:
        raise InputInvalid("url", f"must be an {' or '.join(allowed)}:// address")
    if parts.username is not None or parts.fragment:
        raise InputInvalid("url", "must hold neither credentials nor a fragment")
    if port == 0:
        raise InputInvalid("url", "its port must be from 1 to 65535")
    path = parts.path or "/"
    target = Target(
        parts.scheme,
        parts.hostname,
        port or (443 if parts.scheme == "https" else 80),
        f"{path}?{parts.query}" if parts.query else path,
    )
    if not is_private_allowed and (_is_local_name(target.host) or _is_private(target.host)):
        raise InputInvalid("url", "must lead to a public address")
    return target


def resolve(target: Target, *, is_private_allowed: bool) -> str:
    """The address to connect to. Raises InputInvalid where any is not public, StoreUnavailable
    where there is none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StoreUnavailable("the host's name is not known") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not is_private_allowed and any(_is_private(address) for address in addresses):
        raise InputInvalid("url", "must lead to a public address")
    return addresses[0]


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith((".localhost", ".local", ".internal"))


def _is_private(host: str) -> bool:
    """Whether it is an address, in any way to write one, that is not of the public network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _is_number(host)
    inner = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner += [found for found in (address.ipv4_mapped, address.sixtofour) if found]
        inner += [address.teredo[1]] if address.teredo else []
        if address in _TRANSLATED:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return any(not one.is_global or one.is_multicast or one.is_reserved for one in inner)


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def _is_number(host: str) -> bool:
    """`2130706433`, `0x7f.1` and `127.1` are addresses to a resolver, and to nobody honest."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True
