"""PURE: what we believe about each transfer, and how one view changes it.

The laws of this file:

1. Identity is the transaction id, never a position in a block.
2. A gift is what a transaction brings to an address minus what of that address it spends, when that
   is positive and no watched address of the chain spent or sent it. Everything else of ours is an
   *own* transfer.
3. Five states; every step between them is a `Change`. *Reorged* is a property of a change.
4. Two different transactions that consume the same thing cannot both stand.
5. Absence is information only where the view covers it, and a verdict only after the grace.
   A transfer that is missing stops counting at once.
6. FINAL is left only when, for a whole grace, the agreed chain holds another block in its place.

Heights are block numbers, times Unix seconds, amounts base units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.errors import BadObservation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Consensus: a coinbase output cannot be spent before 100 confirmations (Bitcoin COINBASE_MATURITY).
COINBASE_MATURITY = 100


class State(StrEnum):
    """What we believe of one transfer."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    FINAL = "final"
    DROPPED = "dropped"
    REPLACED = "replaced"


class Level(StrEnum):
    """How well a transfer is established; finality is the other axis."""

    CLAIMED = "claimed"
    AGREED = "agreed"
    PROVEN = "proven"


class Kind(StrEnum):
    """What a transfer is, apart from where it stands."""

    GIFT = "gift"
    OWN = "own"
    UNATTRIBUTED = "unattributed"  # came in or went out, and no gift: withdrawals, fees, refunds
    OPENING = "opening"  # lay there when the watch began


class Bucket(StrEnum):
    """The one sum a standing transfer belongs to."""

    FINAL = "final"
    CONFIRMED = "confirmed"
    PENDING = "pending"
    IMMATURE = "immature"
    OWN = "own"
    OWN_PENDING = "own pending"
    UNATTRIBUTED = "unattributed"
    OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of one chain; ``time`` is the one its header states."""

    height: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a ledger is kept for: one asset at one watched address."""

    chain: str
    address: str
    asset: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one transaction does at one address.

    ``brings`` are the outputs that pay the address and ``spends`` the address's own outputs that
    it uses up, each as (outpoint, units); on Ethereum one entry names the transaction itself.
    ``consumes`` are spent outpoints, or ``sender:nonce``. ``own`` tells that a watched address of
    the chain spends or sends it. A rival that touches nothing of ours brings and spends nothing.
    """

    id: str
    block: Block | None
    consumes: frozenset[str]
    brings: tuple[tuple[str, int], ...] = ()
    spends: tuple[tuple[str, int], ...] = ()
    own: bool = False
    kind: Kind = Kind.GIFT
    coinbase: bool = False

    @property
    def net(self) -> int:
        return sum(units for _, units in self.brings) - sum(units for _, units in self.spends)

    @property
    def ours(self) -> bool:
        return bool(self.brings or self.spends)

    @property
    def hash(self) -> str:
        """The hash of the transaction: an ERC-20 id adds the ordinal of its log to it."""
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A settled point that a search by state can start from; ``nonce`` is Ethereum's."""

    block: Block
    balance: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Observation:
    """A complete claim of one operator about one key.

    At ``tip``, ``transactions`` are ALL that touch the address from height ``since`` up to
    ``until``; ``until`` None means through the mempool. ``total`` is how many there are in all,
    where it is known. ``blocks`` are recent blocks of the operator's chain by height, the tip
    among them. ``balance`` is of the tip, in confirmed units.
    """

    operator: str
    key: Key
    tip: Block
    final_height: int
    since: int
    transactions: tuple[Transaction, ...]
    blocks: Mapping[int, Block]
    at: int
    until: int | None = None
    balance: int | None = None
    checkpoint: Checkpoint | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What enough operators hold together; see `agreement`.

    ``undecided`` are ids without a verdict: neither there nor gone. ``claimed`` are transactions
    too few operators have. ``blocks`` are held by as many operators as must agree.
    """

    key: Key
    tip: Block
    final_height: int
    since: int
    transactions: tuple[Transaction, ...]
    blocks: Mapping[int, Block]
    at: int
    operators: frozenset[str]
    until: int | None = None
    balance: int | None = None
    undecided: frozenset[str] = frozenset()
    claimed: tuple[Transaction, ...] = ()
    total: int | None = None

    def covers(self, block: Block | None) -> bool:
        """Whether a transfer believed to be there would have to be listed."""
        if block is None:
            return self.until is None
        return self.since <= block.height and (self.until is None or block.height <= self.until)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one transaction nets at one key, and what we believe of it.

    ``missing_since`` is the time from which the view did not hold it; on a FINAL transfer, the
    time from which the agreed chain held another block in its place.
    """

    key: Key
    id: str
    kind: Kind
    state: State
    amount: int
    block: Block | None
    consumes: frozenset[str]
    brings: tuple[tuple[str, int], ...]
    spends: tuple[tuple[str, int], ...]
    coinbase: bool
    first_seen: int
    missing_since: int | None = None
    replaced_by: str | None = None
    level: Level = Level.AGREED

    @property
    def hash(self) -> str:
        """The hash of the transaction, as `Transaction.hash`."""
        return self.id.partition(":")[0]

    @property
    def settled(self) -> bool:
        """Whether no view is expected to change it any more."""
        if self.state is State.FINAL:
            return self.missing_since is None
        return self.state in (State.DROPPED, State.REPLACED)

    @property
    def received_at(self) -> int:
        """The moment that counts for months and prices: first sight, or the block if earlier."""
        return self.first_seen if self.block is None else min(self.first_seen, self.block.time)

    @property
    def bucket(self) -> Bucket | None:
        """The sum it belongs to now; None when it does not stand."""
        if self.state in (State.DROPPED, State.REPLACED):
            return None
        if self.missing_since is not None and self.state is not State.FINAL:
            return None
        if self.kind is Kind.OWN:
            return Bucket.OWN_PENDING if self.state is State.SEEN else Bucket.OWN
        if self.kind is not Kind.GIFT:
            return Bucket(self.kind.value)
        if self.coinbase and self.state is not State.FINAL:
            return Bucket.IMMATURE
        return _GIFT_BUCKETS[self.state]


_GIFT_BUCKETS = {
    State.SEEN: Bucket.PENDING,
    State.CONFIRMED: Bucket.CONFIRMED,
    State.FINAL: Bucket.FINAL,
}


class News(StrEnum):
    """What a change tells."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    FINAL = "final"
    MISSING = "missing"
    FOUND = "found"
    DROPPED = "dropped"
    REPLACED = "replaced"
    OWN = "own"
    DOUBTED = "doubted"  # a FINAL transfer whose block the agreed chain no longer holds


@dataclass(frozen=True, slots=True)
class Change:
    """Before and after of one transfer. ``evidence`` is set when something final was reversed."""

    before: Transfer | None
    after: Transfer
    news: News
    at: int
    reorged: bool = False
    final_reversed: bool = False
    evidence: str = ""


def apply(
    transfers: Mapping[str, Transfer], view: View, *, now: int, grace: int
) -> tuple[Change, ...]:
    """Changes that ``view`` makes to ``transfers`` (by id): those unsettled, and those it names.

    ``grace`` is in seconds. Raises BadObservation for a view in which two different transactions
    consume the same thing, or one transaction has two places.
    """
    present = _index(view.transactions)
    consumer = _consumers(view.transactions)
    changes = []
    taken: dict[str, str] = {}
    for before in transfers.values():
        if before.state is State.FINAL:
            change = _final(before, present.get(before.id), consumer, view, now, grace)
            if change is not None:
                changes.append(change)
            if change is None or not change.final_reversed:
                taken.update(dict.fromkeys(before.consumes, before.hash))
        elif before.id not in present:
            gone = _unplaced(before, consumer, view, now, grace)
            if gone is not None:
                changes.append(gone)
    for transaction in view.transactions:
        known = transfers.get(transaction.id)
        if not transaction.ours or (known is not None and known.state is State.FINAL):
            continue
        # A rival of what is still final waits for the verdict: both would count meanwhile.
        if taken and _rival(transaction.hash, transaction.consumes, taken) is not None:
            continue
        placed = (
            _first_sight(transaction, view, now)
            if known is None
            else _placed(known, transaction, view, now)
        )
        if placed is not None:
            changes.append(placed)
    return tuple(changes)


def disown(transfers: Iterable[Transfer], now: int) -> tuple[Change, ...]:
    """Turn gifts into own transfers: another watched address turned out to have spent them."""
    return tuple(
        Change(before, replace(before, kind=Kind.OWN), News.OWN, now)
        for before in transfers
        if before.kind is Kind.GIFT
    )


def next_since(transfers: Iterable[Transfer], final_height: int) -> int:
    """The height from which the next observation has to tell everything."""
    unsettled = [t.block.height for t in transfers if not t.settled and t.block is not None]
    return min([final_height + 1, *unsettled])


def _index(transactions: Iterable[Transaction]) -> dict[str, Transaction]:
    present: dict[str, Transaction] = {}
    for transaction in transactions:
        if present.setdefault(transaction.id, transaction) is not transaction:
            raise BadObservation(f"transaction {transaction.id} is listed twice")
    return present


def _consumers(transactions: Iterable[Transaction]) -> dict[str, str]:
    consumer: dict[str, str] = {}
    for transaction in transactions:
        for thing in transaction.consumes:
            if consumer.setdefault(thing, transaction.hash) != transaction.hash:
                raise BadObservation(
                    f"{thing} is consumed by both {consumer[thing]} and {transaction.hash}"
                )
    return consumer


def _state_at(block: Block | None, coinbase: bool, view: View) -> State:
    if block is None:
        return State.SEEN
    final_height = view.final_height
    if coinbase:
        final_height = min(final_height, view.tip.height - COINBASE_MATURITY + 1)
    return State.FINAL if block.height <= final_height else State.CONFIRMED


def _first_sight(transaction: Transaction, view: View, now: int) -> Change:
    state = _state_at(transaction.block, transaction.coinbase, view)
    after = Transfer(
        key=view.key,
        id=transaction.id,
        kind=_kind(transaction),
        state=state,
        amount=transaction.net,
        block=transaction.block,
        consumes=transaction.consumes,
        brings=transaction.brings,
        spends=transaction.spends,
        coinbase=transaction.coinbase,
        first_seen=now,
    )
    return Change(None, after, News(state.value), now)


def _kind(transaction: Transaction) -> Kind:
    if transaction.kind is Kind.GIFT and (transaction.own or transaction.net <= 0):
        return Kind.OWN
    return transaction.kind


def _placed(before: Transfer, transaction: Transaction, view: View, now: int) -> Change | None:
    """The view holds the transaction: in its mempool, or in a block."""
    state = _state_at(transaction.block, transaction.coinbase, view)
    moved = _hash(transaction.block) != _hash(before.block)
    after = _moved(before, transaction, state)
    if after == before:
        return None
    news = News(state.value)
    if state is before.state and not moved:
        news = News.FOUND if before.missing_since is not None else News.OWN
    reorged = before.state is State.CONFIRMED and moved
    return Change(before, after, news, now, reorged=reorged)


def _moved(before: Transfer, transaction: Transaction, state: State) -> Transfer:
    return replace(
        before,
        kind=_kind(transaction) if before.kind is Kind.GIFT else before.kind,
        state=state,
        block=transaction.block,
        brings=transaction.brings,
        spends=transaction.spends,
        amount=transaction.net,
        missing_since=None,
        replaced_by=None,
    )


def _rival(
    transaction_hash: str, consumes: Iterable[str], consumer: Mapping[str, str]
) -> str | None:
    """Which other transaction consumes one of the same things: one never rivals itself."""
    takers = (consumer.get(thing, transaction_hash) for thing in sorted(consumes))
    return next((taker for taker in takers if taker != transaction_hash), None)


def _unplaced(
    before: Transfer, consumer: Mapping[str, str], view: View, now: int, grace: int
) -> Change | None:
    """The view does not hold the transaction."""
    rival = _rival(before.hash, before.consumes, consumer)
    if before.settled:
        return None
    reorged = before.state is State.CONFIRMED
    if rival is not None:
        after = replace(before, state=State.REPLACED, replaced_by=rival, missing_since=None)
        return Change(before, after, News.REPLACED, now, reorged=reorged)
    if before.id in view.undecided or not view.covers(before.block):
        return None
    if before.missing_since is None:
        return Change(before, replace(before, missing_since=now), News.MISSING, now)
    if now - before.missing_since < grace:
        return None
    after = replace(before, state=State.DROPPED, missing_since=None)
    return Change(before, after, News.DROPPED, now, reorged=reorged)


def _final(
    before: Transfer,
    transaction: Transaction | None,
    consumer: Mapping[str, str],
    view: View,
    now: int,
    grace: int,
) -> Change | None:
    """FINAL yields only to another agreed block at its height, held for a whole grace."""
    if before.block is None:
        raise BadObservation(f"{before.id} is final without a block")
    holder = view.blocks.get(before.block.height)
    if holder is None:
        return None
    if holder.hash == before.block.hash:
        if before.missing_since is None:
            return None
        return Change(before, replace(before, missing_since=None), News.FOUND, now)
    if before.missing_since is None:
        return Change(before, replace(before, missing_since=now), News.DOUBTED, now)
    if now - before.missing_since < grace:
        return None
    rival = _rival(before.hash, before.consumes, consumer)
    if transaction is not None:
        state = _state_at(transaction.block, transaction.coinbase, view)
        after = _moved(before, transaction, state)
    elif rival is not None:
        after = replace(before, state=State.REPLACED, replaced_by=rival, missing_since=None)
    elif before.id not in view.undecided and view.covers(before.block):
        after = replace(before, state=State.DROPPED, missing_since=None)
    else:
        return None
    evidence = (
        f"height {before.block.height} was {before.block.hash}, the agreed chain of "
        f"{', '.join(sorted(view.operators))} holds {holder.hash} up to tip {view.tip.hash}"
    )
    return Change(
        before,
        after,
        News(after.state.value),
        now,
        reorged=True,
        final_reversed=True,
        evidence=evidence,
    )


def _hash(block: Block | None) -> str | None:
    return None if block is None else block.hash
