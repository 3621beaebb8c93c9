"""PURE: ledgers and settings -> the public facts of one widget.

A snapshot is all that readers may know, and all that the web may serve. Unknown is None and never
zero; every number carries the block and time it was true at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Freshness(StrEnum):
    """How far a number may be trusted to be of now."""

    FRESH = "fresh"
    STALE = "stale"  # the last good number, older than three polls
    DISAGREE = "disagree"  # operators differ; the last agreed number
    NEVER = "never"  # nothing is known yet


class Stage(StrEnum):
    """What a reader is told of a gift; the ledger's states are finer."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class AsOf:
    """The block and the moment (Unix seconds) a number was true at."""

    height: int
    hash: str
    block_time: int
    observed: int


@dataclass(frozen=True, slots=True)
class Sum:
    """What one asset brought to one address, in base units: three disjoint numbers."""

    symbol: str
    decimals: int
    final: int
    confirmed: int  # in a block, not final yet
    pending: int

    @property
    def received(self) -> int:
        """All that is in a block; spending never lowers it."""
        return self.final + self.confirmed


@dataclass(frozen=True, slots=True)
class Gift:
    """One gift of the list of latest gifts: base units of ``symbol``, Unix seconds."""

    chain: str
    symbol: str
    decimals: int
    units: int
    stage: Stage
    time: int


@dataclass(frozen=True, slots=True)
class Coin:
    """One address of the widget.

    ``payment`` is the text of the QR code and ``link`` of the wallet link. ``sums`` is None until
    something is known; the chain's own asset comes first, listed tokens that were received follow.
    ``sources`` is the number of operators behind the numbers, ``required`` how many must agree.
    ``opening`` is what already lay there when the watch began (base units): never "received".
    """

    chain: str
    title: str
    symbol: str
    decimals: int
    network: str
    address: str
    payment: str
    link: str
    freshness: Freshness
    as_of: AsOf | None
    sums: tuple[Sum, ...] | None
    sources: int
    required: int
    gifts: int  # how many gifts, dust included
    opening: int = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal in one asset. ``received`` and ``pending`` are None while they are not known."""

    symbol: str
    decimals: int
    target: int
    received: int | None
    pending: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything public about one widget. ``gifts`` are the latest first."""

    slug: str
    title: str
    language: str
    coins: tuple[Coin, ...]
    gifts: tuple[Gift, ...]
    goal: Goal | None
