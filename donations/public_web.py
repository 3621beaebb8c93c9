"""Only the public web: a socket is opened to no address of this machine or of its neighbours.

The address that is judged is the one that is connected to, so a name that resolves to another
address a moment later (DNS rebinding) changes nothing; addresses written as numbers pass here too.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from aiohttp.connector import AddrInfoType as AddrInfo

# IANA special-purpose address registries (RFC 6890 and its updates), and multicast.
_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
# All that is given to the public; what is not public inside it; and what holds an IPv4 address.
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "3fff::/20")
)
_PORTS = frozenset({80, 443})
_6TO4, _NAT64 = ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("64:ff9b::/96")


class NotPublic(OSError):
    """The address belongs to this machine, to its neighbours, or to nobody."""


def is_public(text: str) -> bool:
    """Whether an IP address, in numbers, is one of the public internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in _NOT_PUBLIC_4)
    inner = _inner(address)
    if inner is not None:
        return is_public(str(inner))
    return address in _GLOBAL_6 and not any(address in net for net in _NOT_PUBLIC_6)


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at (RFC 4291, 3056, 6052)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def public_sockets(url: str) -> Callable[[AddrInfo], socket.socket]:
    """Opens sockets to public addresses, and to the one address that ``url`` itself spells out.

    So an author's own machine is read only when the configuration names it in numbers, or as
    localhost, with its port; no name and no redirect leads there. Raises NotPublic.
    """
    named = _named(url)
    ports = _PORTS | ({named[1]} if named else {urlsplit(url).port or 443})

    def open_socket(info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, where = info
        check(where, named, ports)
        return socket.socket(family, kind, protocol)

    return open_socket


def check(where: Any, named: tuple[str, int] | None, ports: AbstractSet[int]) -> None:
    """Raises NotPublic for an address and port that may not be asked."""
    host, port = str(where[0]), int(where[1])
    if (host, port) == named or (named == ("localhost", port) and host in ("127.0.0.1", "::1")):
        return
    if port not in ports:
        raise NotPublic(f"port {port} is not one that pages are read from")
    if not is_public(host.partition("%")[0]):
        raise NotPublic(
            "the page is at an address that is not of the public internet; to watch a page of "
            "your own machine write that address itself, such as http://127.0.0.1:8081/"
        )


def _named(url: str) -> tuple[str, int] | None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    if host == "localhost":
        return host, port
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        return None
