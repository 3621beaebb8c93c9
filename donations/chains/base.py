"""What every chain tells about itself. One chain is one file beside this one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.proof.work import private_ground

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from donations.proof.work import Ground


class Protocol(StrEnum):
    """The protocol of an upstream; each has one file in ``sources``."""

    ELECTRUM = "electrum"
    ESPLORA = "esplora"
    HASKOIN = "haskoin"
    ETHEREUM = "ethereum"


@dataclass(frozen=True, slots=True)
class Network:
    """One network of a chain, with what tells its servers from another network's.

    ``genesis`` is the hash of block 0 as explorers print it, "" where it is not fixed (a private
    Ethereum network). ``landmark`` is a (height, hash) that only this network has: BTC and BCH
    share their first 478,558 blocks, genesis included. ``chain_id`` is EIP-155's. ``codes`` holds
    the address constants of the chain (version bytes, prefixes), read by the chain's own parser.
    ``ground`` is what proofs rest on, None where nothing can be proven (Ethereum, whose headers
    are agreed on, and public test networks, whose blocks cost nothing). ``longest_gap`` is how many
    seconds pass between two blocks at the very most while the network is well, None where nobody
    knows: a server whose newest block is older has fallen behind.
    """

    name: str
    genesis: str = ""
    landmark: tuple[int, str] | None = None
    chain_id: int | None = None
    codes: Mapping[str, str | int] = field(default_factory=dict)
    ground: Ground | None = None
    longest_gap: int | None = None

    def private(self, genesis: str) -> Network:
        """The same addresses on a private chain of blocks, with another block 0.

        The landmark of the known network is not on it, and its work follows Bitcoin's regtest.
        """
        ground = private_ground(genesis)
        return replace(self, genesis=genesis, landmark=None, ground=ground, longest_gap=None)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server someone else runs: ``url`` says how to reach it, ``operator`` whose it is."""

    url: str
    operator: str


@dataclass(frozen=True, slots=True)
class Explorer:
    """An explorer asked with the operator's own key: ``kind`` is "etherscan" or "blockscout"."""

    kind: str
    url: str
    key: str = field(repr=False)


def server(url: str) -> str:
    """Scheme, host and port of an upstream's URL, for logs and tables.

    The rest is never shown: the paths, queries and passwords of paid servers are keys.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_near(url: str) -> bool:
    """Whether the host of a URL is this machine, or one of the private network by its looks."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host
    return address.is_private and not address.is_unspecified


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 token that is counted: the contract decides, the symbol is only shown."""

    symbol: str
    contract: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Chain:
    """The facts of one chain.

    ``parse(text, network)`` returns the canonical address or raises InvalidAddress naming the rule
    it breaks. ``protocol`` is what it is watched through, ``explorer`` what an upstream over HTTP
    speaks instead. ``script(address, network)`` is the locking script that pays the address (BTC
    and BCH only). ``payment(address)`` is the text of the QR code, ``link(address)`` the address of
    the wallet link. ``confirmations`` makes a block final (0: the chain has a finality of its own).
    ``dust`` is in base units: smaller gifts count in totals but enter no list.
    """

    name: str
    title: str
    symbol: str
    decimals: int
    confirmations: int
    dust: int
    protocol: Protocol
    networks: Mapping[str, Network]
    parse: Callable[[str, Network], str]
    payment: Callable[[str], str]
    link: Callable[[str], str]
    script: Callable[[str, Network], bytes] | None = None
    upstreams: tuple[Upstream, ...] = ()
    tokens: tuple[Token, ...] = ()
    explorer: Protocol | None = None

    def protocol_of(self, url: str) -> Protocol:
        """What an upstream of this chain speaks: the scheme of its URL tells."""
        if self.explorer is not None and urlsplit(url).scheme in ("https", "http"):
            return self.explorer
        return self.protocol
