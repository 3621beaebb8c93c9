"""PURE: ledgers and settings -> the public facts of one widget.

A snapshot is all that readers may know, and all that the web may serve. Unknown is None and never
zero; every number carries the block and time it was true at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.ledger import Bucket, Key, State, Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.chains.base import Chain
    from donations.goals import Goal
    from donations.signed import Signed

# A number that was not renewed for so many polls is stale.
STALE_POLLS = 3
LATEST_GIFTS = 10
# What the widget without a slug is called in what is published.
SLUG = "donations"


class Freshness(StrEnum):
    """How far a number may be trusted to be of now."""

    FRESH = "fresh"
    STALE = "stale"  # the last good number, older than three polls, or of too old a block
    DISAGREE = "disagree"  # operators differ; the last agreed number
    NEVER = "never"  # nothing is known yet


class Part(StrEnum):
    """What the author may keep to himself of a widget."""

    TOTALS = "totals"  # the sums of each coin
    GIFTS = "gifts"  # the latest gifts
    LEDGER = "ledger"  # the list of every transfer


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
    """One gift of the list of latest gifts: base units of ``symbol``, Unix seconds.

    ``id`` names it among the gifts of its chain and asset; it stays through all stages.
    """

    chain: str
    symbol: str
    decimals: int
    units: int
    stage: Stage
    time: int
    id: str = ""


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
class Established:
    """How many gifts stand in blocks, and how many of them are proven."""

    gifts: int
    proven: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything public about one widget. ``gifts`` are the latest first.

    ``established`` is None where the list of all transfers is not shown, or not made yet. What is
    ``hidden`` is not in here: sums are None then, and there are no gifts.
    """

    slug: str
    title: str
    language: str
    coins: tuple[Coin, ...]
    gifts: tuple[Gift, ...]
    goal: Goal | None
    established: Established | None = None
    signed: Signed | None = None
    hidden: frozenset[Part] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one key: base units and number of transfers by bucket.

    ``as_of`` is None until a first history was read to its end. ``latest`` are its latest gifts.
    """

    key: Key
    sums: Mapping[Bucket, tuple[int, int]]
    as_of: AsOf | None
    sources: int
    disagree: bool
    latest: Sequence[Transfer]


@dataclass(frozen=True, slots=True)
class Shown:
    """One address as the settings say it is shown; ``decimals`` of its assets by symbol."""

    chain: Chain
    network: str
    address: str
    decimals: Mapping[str, int]
    required: int
    operators: int
    longest_gap: int | None = None  # see `chains.base.Network`


def take(
    shown: Sequence[Shown],
    known: Mapping[Key, Known],
    *,
    slug: str,
    title: str,
    language: str,
    goal: Goal | None,
    now: int,
    poll_seconds: int,
    hidden: frozenset[Part] = frozenset(),
) -> Snapshot:
    """The public facts at ``now`` (Unix seconds)."""
    coins = tuple(_coin(one, known, now, STALE_POLLS * poll_seconds) for one in shown)
    if Part.TOTALS in hidden:
        coins = tuple(replace(coin, sums=None, gifts=0, opening=0) for coin in coins)
    gifts = [
        _gift(one, transfer)
        for one in shown
        for symbol in one.decimals
        for transfer in _of(one, symbol, known).latest
        if Part.GIFTS not in hidden and _is_listed(one, transfer)
    ]
    gifts.sort(key=lambda gift: (-gift.time, gift.chain, gift.units))
    return Snapshot(
        slug=slug,
        title=title,
        language=language,
        coins=coins,
        gifts=tuple(gifts[:LATEST_GIFTS]),
        goal=goal,
        hidden=hidden,
    )


def _of(one: Shown, symbol: str, known: Mapping[Key, Known]) -> Known:
    key = Key(one.chain.name, one.address, symbol)
    return known.get(key) or Known(key, {}, None, 0, False, ())


def _coin(one: Shown, known: Mapping[Key, Known], now: int, stale_after: int) -> Coin:
    native = _of(one, one.chain.symbol, known)
    sums = None
    if native.as_of is not None:
        others = [_of(one, symbol, known) for symbol in one.decimals if symbol != one.chain.symbol]
        received = [other for other in others if other.as_of is not None and any(_gifts(other))]
        sums = tuple(_sum(each, one.decimals[each.key.asset]) for each in (native, *received))
    return Coin(
        chain=one.chain.name,
        title=one.chain.title,
        symbol=one.chain.symbol,
        decimals=one.chain.decimals,
        network=one.network,
        address=one.address,
        payment=one.chain.payment(one.address),
        link=one.chain.link(one.address),
        freshness=_freshness(native, one.longest_gap, now, stale_after),
        as_of=native.as_of,
        sums=sums,
        sources=native.sources,
        required=one.required,
        gifts=sum(_gifts(native)),
        opening=native.sums.get(Bucket.OPENING, (0, 0))[0],
    )


def _freshness(known: Known, longest_gap: int | None, now: int, stale_after: int) -> Freshness:
    if known.as_of is None:
        return Freshness.NEVER
    if known.disagree:
        return Freshness.DISAGREE
    old_block = longest_gap is not None and now - known.as_of.block_time > longest_gap
    silent = now - known.as_of.observed > stale_after
    return Freshness.STALE if old_block or silent else Freshness.FRESH


def _gifts(known: Known) -> list[int]:
    buckets = (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING)
    return [known.sums.get(bucket, (0, 0))[1] for bucket in buckets]


def _sum(known: Known, decimals: int) -> Sum:
    final, confirmed, pending = (
        known.sums.get(bucket, (0, 0))[0]
        for bucket in (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING)
    )
    return Sum(known.key.asset, decimals, final, confirmed, pending)


_STAGES = {
    State.SEEN: Stage.PENDING,
    State.CONFIRMED: Stage.CONFIRMED,
    State.FINAL: Stage.FINAL,
}


def _is_listed(one: Shown, transfer: Transfer) -> bool:
    """Gifts that stand, dust left out: it is how strangers write on other people's pages."""
    standing = transfer.bucket in (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING)
    native = transfer.key.asset == one.chain.symbol
    return standing and (not native or transfer.amount >= one.chain.dust)


def _gift(one: Shown, transfer: Transfer) -> Gift:
    asset = transfer.key.asset
    return Gift(
        chain=one.chain.name,
        symbol=asset,
        decimals=one.decimals[asset],
        units=transfer.amount,
        stage=_STAGES[transfer.state],
        time=transfer.received_at,
        id=transfer.id,
    )
