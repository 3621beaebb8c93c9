"""A chain that lives at random, and what a naive reader of it would count.

Nothing here knows the ledger's rules of states: the model looks at where each transaction is now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from donations.ledger import Block, Bucket, Transaction
from tests.ledger.build import DEPTH, GRACE, START

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Tx:
    """A transaction of the world. ``spends`` are outputs of ours, by (outpoint, units)."""

    id: str
    consumes: frozenset[str]
    brings: tuple[tuple[str, int], ...]
    spends: tuple[tuple[str, int], ...]

    @property
    def net(self) -> int:
        return sum(u for _, u in self.brings) - sum(u for _, u in self.spends)

    def at(self, block: Block | None) -> Transaction:
        return Transaction(
            self.id, block, self.consumes, self.brings, self.spends, own=bool(self.spends)
        )


@dataclass
class Life:
    """Blocks with what they hold, a mempool, and everything that ever was."""

    blocks: list[Block] = field(default_factory=lambda: [Block(0, "genesis", START)])
    mined: list[list[Tx]] = field(default_factory=lambda: [[]])
    mempool: list[Tx] = field(default_factory=list)
    known: dict[str, Tx] = field(default_factory=dict)
    serial: int = 0

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    @property
    def final_height(self) -> int:
        return self.height - DEPTH + 1

    def broadcast(self, coins: Iterable[str], units: list[int], spends: Tx | None = None) -> Tx:
        """A new transaction; it pushes out of the mempool whatever consumes the same."""
        self.serial += 1
        name = f"t{self.serial}"
        spent = spends.brings if spends is not None else ()
        tx = Tx(
            name,
            frozenset(coins) | {outpoint for outpoint, _ in spent},
            tuple((f"{name}:{n}", amount) for n, amount in enumerate(units)),
            spent,
        )
        self.known[name] = tx
        self.offer(tx)
        return tx

    def offer(self, tx: Tx) -> None:
        self.mempool = [m for m in self.mempool if m != tx and not m.consumes & tx.consumes]
        self.mempool.append(tx)
        self._settle_mempool()

    def evict(self, tx: Tx) -> None:
        self.mempool = [m for m in self.mempool if m != tx]
        self._settle_mempool()

    def mine(self, chosen: Iterable[Tx]) -> None:
        """A block with those of ``chosen`` that it may hold, in an order that may stand."""
        self.serial += 1
        block = Block(self.height + 1, f"b{self.serial}", START + 600 * (self.height + 1))
        content: list[Tx] = []
        self.blocks.append(block)
        self.mined.append(content)
        standing = self._chain()
        for tx in sorted(chosen, key=lambda tx: int(tx.id[1:])):
            if self._may_stand(tx, standing):
                standing.append(tx)
                content.append(tx)
        self._settle_mempool()

    def disconnect(self, depth: int, keep: bool) -> None:
        """Take the last blocks away; their transactions go back to the mempool, or are lost."""
        for _ in range(min(depth, self.height)):
            self.blocks.pop()
            back = self.mined.pop()
            if keep:
                self.mempool = back + self.mempool
        self._settle_mempool()

    def _chain(self) -> list[Tx]:
        return [tx for content in self.mined for tx in content]

    @staticmethod
    def _may_stand(tx: Tx, standing: list[Tx]) -> bool:
        used = {thing for other in standing for thing in other.consumes}
        made = {outpoint for other in standing for outpoint, _ in other.brings}
        return tx not in standing and not tx.consumes & used and {o for o, _ in tx.spends} <= made

    def _settle_mempool(self) -> None:
        waiting, standing = self.mempool, self._chain()
        self.mempool = []
        for tx in sorted(waiting, key=lambda tx: int(tx.id[1:])):
            if self._may_stand(tx, standing):
                standing.append(tx)
                self.mempool.append(tx)

    def places(self) -> dict[str, Block | None]:
        """Where each transaction is now; those that are nowhere are left out."""
        found: dict[str, Block | None] = {tx.id: None for tx in self.mempool}
        for block, content in zip(self.blocks, self.mined, strict=True):
            found.update({tx.id: block for tx in content})
        return found


@dataclass
class Model:
    """What ought to be counted: where things are now, but what was final for a grace longer."""

    final: dict[str, Block] = field(default_factory=dict)
    doubted: dict[str, int] = field(default_factory=dict)

    def look(self, life: Life, now: int) -> dict[Bucket, int]:
        for name, block in list(self.final.items()):
            if block.height > life.height:
                continue
            if life.blocks[block.height] == block:
                self.doubted.pop(name, None)
            elif now - self.doubted.setdefault(name, now) >= GRACE:
                del self.final[name], self.doubted[name]
        taken = {c: name for name in self.final for c in life.known[name].consumes}
        total: Counter[Bucket] = Counter()
        for name in self.final:
            total[Bucket.OWN if life.known[name].spends else Bucket.FINAL] += life.known[name].net
        for name, place in life.places().items():
            tx = life.known[name]
            if name in self.final or not (tx.brings or tx.spends):
                continue
            if any(thing in taken for thing in tx.consumes):
                continue
            if place is not None and place.height <= life.final_height:
                self.final[name] = place
            total[_bucket(tx, place, life.final_height)] += tx.net
        return {bucket: units for bucket, units in total.items() if units}


def _bucket(tx: Tx, block: Block | None, final_height: int) -> Bucket:
    if tx.spends or tx.net <= 0:
        return Bucket.OWN_PENDING if block is None else Bucket.OWN
    if block is None:
        return Bucket.PENDING
    return Bucket.FINAL if block.height <= final_height else Bucket.CONFIRMED
