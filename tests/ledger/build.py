"""Short ways to say what a view holds. Heights are of a chain "a" unless another fork is named."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from donations.ledger import (
    Block,
    Bucket,
    Change,
    Key,
    Kind,
    Observation,
    Transaction,
    Transfer,
    View,
    apply,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY = Key("btc", "1Watched", "BTC")
GRACE = 1_200
START = 1_700_000_000
TIP = 110
DEPTH = 6


def block(height: int, fork: str = "a") -> Block:
    return Block(height, f"{fork}{height}", START + 600 * height)


def chain(tip: int, fork: str = "a", *, above: int = 0) -> dict[int, Block]:
    """The blocks 0 to ``tip``: of the fork above ``above``, below it those that all share."""
    return {h: block(h, fork if h > above else "a") for h in range(tip + 1)}


def gift(
    identity: str = "t",
    units: int = 1_000,
    at: Block | None = None,
    *,
    consumes: Iterable[str] = ("coin:0",),
    spends: Iterable[tuple[str, int]] = (),
    own: bool = False,
    kind: Kind = Kind.GIFT,
    coinbase: bool = False,
) -> Transaction:
    """A transaction with one output of ``units`` to us; none when ``units`` is 0."""
    brings = ((f"{identity}:0", units),) if units else ()
    return Transaction(
        identity, at, frozenset(consumes), brings, tuple(spends), own, kind, coinbase
    )


def view(
    *transactions: Transaction,
    tip: int = TIP,
    blocks: Mapping[int, Block] | None = None,
    final_height: int | None = None,
    since: int = 0,
    until: int | None = None,
    undecided: Iterable[str] = (),
) -> View:
    blocks = chain(tip) if blocks is None else blocks
    return View(
        key=KEY,
        tip=blocks[max(blocks)],
        final_height=max(blocks) - DEPTH + 1 if final_height is None else final_height,
        since=since,
        transactions=transactions,
        blocks=blocks,
        at=START,
        operators=frozenset({"north", "south"}),
        until=until,
        undecided=frozenset(undecided),
    )


def observation(
    operator: str,
    *transactions: Transaction,
    blocks: Mapping[int, Block] | None = None,
    at: int = START,
    since: int = 0,
    until: int | None = None,
    final_height: int | None = None,
    balance: int | None = None,
) -> Observation:
    blocks = chain(TIP) if blocks is None else blocks
    return Observation(
        operator=operator,
        key=KEY,
        tip=blocks[max(blocks)],
        final_height=max(blocks) - DEPTH + 1 if final_height is None else final_height,
        since=since,
        transactions=transactions,
        blocks=blocks,
        at=at,
        until=until,
        balance=balance,
    )


class Book:
    """A ledger of one key that keeps all transfers and all changes, for tests to look into."""

    def __init__(self) -> None:
        self.transfers: dict[str, Transfer] = {}
        self.changes: list[Change] = []

    def apply(self, told: View, now: int = START) -> tuple[Change, ...]:
        """Apply a view to all transfers; every change must begin where the last one ended."""
        changes = apply(self.transfers, told, now=now, grace=GRACE)
        for change in changes:
            assert change.before == self.transfers.get(change.after.id)
            assert change.before != change.after
            self.transfers[change.after.id] = change.after
        self.changes += changes
        return changes

    def __getitem__(self, identity: str) -> Transfer:
        return self.transfers[identity]

    @property
    def sums(self) -> dict[Bucket, int]:
        """Base units by bucket, without the empty ones."""
        return sums(self.transfers.values())


def sums(transfers: Iterable[Transfer]) -> dict[Bucket, int]:
    """Base units by bucket, without those that add up to nothing."""
    total: Counter[Bucket] = Counter()
    for transfer in transfers:
        if transfer.bucket is not None:
            total[transfer.bucket] += transfer.amount
    return {bucket: units for bucket, units in total.items() if units}
