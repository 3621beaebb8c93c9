"""Whose request it is, as far as that can be told: for counting, never for remembering."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# One household or one machine has a whole network of this size in IPv6.
_HOUSEHOLD = 64


def client_network(
    peer: str | None, forwarded: Iterable[str], trusted: Sequence[Network]
) -> Network | None:
    """The client's address, in IPv6 its /64; None where clients cannot be told apart.

    ``forwarded`` are the X-Forwarded-For headers, in their order. Read from the right, each
    trusted proxy vouches for the hop before it; the first hop that is no trusted proxy is the
    client, whatever stands to its left. A client on this machine is a proxy that nobody named.
    """
    client = address_of(peer or "")
    hops = [hop for header in forwarded for hop in header.split(",")]
    while client is not None and hops and is_trusted(client, trusted):
        before = address_of(hops.pop())
        if before is None:
            break
        client = before
    if client is None or client.is_loopback:
        return None
    if client.version == 4:
        return ipaddress.IPv4Network(client)
    return ipaddress.IPv6Network((client, _HOUSEHOLD), strict=False)


def is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    """Whether an address is of one of the networks."""
    return address is not None and any(address in network for network in trusted)


def address_of(text: str) -> Address | None:
    """An address as proxies write it: with a port at times, in brackets then in IPv6.

    None for what is none.
    """
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
