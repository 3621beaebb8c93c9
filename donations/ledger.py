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
    """What stands behind a transfer; where it stands is another matter.

    Claimed is what fewer operators tell than must agree: it never becomes a transfer. Where a
    single source suffices, its word is what is agreed on, and the widget says "one source".
    """

    CLAIMED = "claimed"
    AGREED = "agreed"
    PROVEN = "proven"  # its place in the chain was checked, whoever told of it


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
    EXCLUDED = "not a gift"
    EXCLUDED_PENDING = "not a gift, pending"


# What stands in no block yet.
PENDING = (Bucket.PENDING, Bucket.OWN_PENDING, Bucket.EXCLUDED_PENDING)


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
class Claim:
    """A transaction that fewer operators tell than must agree.

    ``operators`` tell it. ``contradicted``: as many as must agree hold its block without it.
    """

    transaction: Transaction
    operators: frozenset[str]
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What enough operators hold together; see `agreement`.

    ``undecided`` are ids without a verdict: neither there nor gone. ``claimed`` are transactions
    too few operators have. ``blocks`` are held by as many operators as must agree. ``omissions``
    are (operator, id) of those that hold the block of an agreed transaction and do not tell it.

    Where proofs are asked for (see `gate`), ``unproven`` are ids whose place in a block is not
    proven yet, ``proven`` those whose place is, and nothing above ``proven_final`` is final.
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
    claimed: tuple[Claim, ...] = ()
    total: int | None = None
    omissions: frozenset[tuple[str, str]] = frozenset()
    unproven: frozenset[str] = frozenset()
    proven: frozenset[str] = frozenset()
    proven_final: int | None = None

    def covers(self, block: Block | None) -> bool:
        """Whether a transfer believed to be there would have to be listed."""
        if block is None:
            return self.until is None
        return self.since <= block.height and (self.until is None or block.height <= self.until)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one transaction nets at one key, and what we believe of it.

    ``missing_since`` is the time from which the view did not hold it; on a FINAL transfer, the
    time from which the agreed chain held another block in its place. A SEEN one with a block is
    agreed to stand there, and waits for the proof. ``excluded`` is the author's word that it is not
    a gift; nothing a chain tells sets it or takes it back.
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
    excluded: bool = False

    @property
    def waits_for_proof(self) -> bool:
        """Whether it would stand in its block if that were proven."""
        return self.state is State.SEEN and self.block is not None

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
        if self.excluded:
            return Bucket.EXCLUDED_PENDING if self.state is State.SEEN else Bucket.EXCLUDED
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
    PLACED = "placed"  # in a block as the operators say; the proof is under way
    CONFIRMED = "confirmed"
    FINAL = "final"
    PROVEN = "proven"  # kept, and no news to anybody: nothing moved, and it is better founded
    MISSING = "missing"
    FOUND = "found"
    DROPPED = "dropped"
    REPLACED = "replaced"
    OWN = "own"
    JUDGED = "judged"  # by the author, as a gift or not: kept elsewhere, and the chain said nothing
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


def supersede(opening: Transfer, now: int) -> Change:
    """Strike an opening entry off: the history that it stood for is known."""
    return Change(opening, replace(opening, state=State.REPLACED), News.REPLACED, now)


def disown(transfers: Iterable[Transfer], now: int) -> tuple[Change, ...]:
    """Turn gifts into own transfers: another watched address turned out to have spent them."""
    return tuple(
        Change(before, replace(before, kind=Kind.OWN), News.OWN, now)
        for before in transfers
        if before.kind is Kind.GIFT
    )


def judge(before: Transfer, excluded: bool, now: int) -> Change | None:
    """What it changes when the author says that a transfer is no gift, or is one after all."""
    after = replace(before, excluded=excluded)
    return None if after == before else Change(before, after, News.JUDGED, now)


def next_since(transfers: Iterable[Transfer], final_height: int) -> int:
    """The height from which the next observation has to tell everything.

    What waits for nothing but its proof in a final block need not be told again.
    """
    unsettled = [
        t.block.height
        for t in transfers
        if not t.settled and t.block is not None and not is_deep(t, final_height)
    ]
    return min([final_height + 1, *unsettled])


def is_deep(transfer: Transfer, final_height: int) -> bool:
    """Whether it stands in a final block, and waits for nothing but the proof of that."""
    if not transfer.waits_for_proof or transfer.missing_since is not None:
        return False
    return transfer.block is not None and transfer.block.height <= final_height


def prove(
    transfers: Iterable[Transfer],
    blocks: Mapping[str, Block],
    *,
    final_height: int,
    tip: int,
    now: int,
) -> tuple[Change, ...]:
    """Changes that proven places make, without waiting for a view: ``blocks`` by id.

    ``final_height`` and ``tip`` are heights that operators and our own headers share. A transfer
    that is believed to stand elsewhere, or not to stand, is left to the next view.
    """
    changes = []
    for before in transfers:
        block = blocks.get(before.id)
        if block is None or block != before.block or before.missing_since is not None:
            continue
        after = replace(before, level=Level.PROVEN)
        news = News.PROVEN
        if before.waits_for_proof:
            state = _standing(block, before.coinbase, final_height, tip)
            after, news = replace(after, state=state), News(state.value)
        if after != before and after.state in (State.CONFIRMED, State.FINAL):
            changes.append(Change(before, after, news, now))
    return tuple(changes)


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


def _state_at(transaction: Transaction, view: View) -> State:
    if transaction.block is None or transaction.id in view.unproven:
        return State.SEEN
    final_height = view.final_height
    if view.proven_final is not None:
        final_height = min(final_height, view.proven_final)
    return _standing(transaction.block, transaction.coinbase, final_height, view.tip.height)


def _standing(block: Block, coinbase: bool, final_height: int, tip: int) -> State:
    if coinbase:
        final_height = min(final_height, tip - COINBASE_MATURITY + 1)
    return State.FINAL if block.height <= final_height else State.CONFIRMED


def _first_sight(transaction: Transaction, view: View, now: int) -> Change:
    state = _state_at(transaction, view)
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
        level=Level.PROVEN if transaction.id in view.proven else Level.AGREED,
    )
    return Change(None, after, News(state.value), now)


def _kind(transaction: Transaction) -> Kind:
    if transaction.kind is Kind.GIFT and (transaction.own or transaction.net <= 0):
        return Kind.OWN
    return transaction.kind


def _placed(before: Transfer, transaction: Transaction, view: View, now: int) -> Change | None:
    """The view holds the transaction: in its mempool, or in a block."""
    state = _state_at(transaction, view)
    moved = _hash(transaction.block) != _hash(before.block)
    after = _moved(before, transaction, state, view)
    if after == before:
        return None
    news = News(state.value)
    if state is before.state and not moved:
        news = News.FOUND if before.missing_since is not None else News.OWN
        if before.missing_since is None and after.kind is before.kind:
            news = News.PROVEN
    elif after.waits_for_proof:
        news = News.PLACED
    reorged = before.state is State.CONFIRMED and (moved or state is State.SEEN)
    return Change(before, after, news, now, reorged=reorged)


def _moved(before: Transfer, transaction: Transaction, state: State, view: View) -> Transfer:
    """A proof is of one block, and stays with it whoever tells of the block later."""
    proven = transaction.id in view.proven
    if before.level is Level.PROVEN and transaction.id not in view.unproven:
        proven |= _hash(transaction.block) == _hash(before.block)
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
        level=Level.PROVEN if proven else Level.AGREED,
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
        state = _state_at(transaction, view)
        after = _moved(before, transaction, state, view)
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
