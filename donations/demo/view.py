"""What one operator's node knows of a simulated BTC or BCH chain, and what it lies about."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from donations.demo.transaction import Input, Outpoint, Output, Transaction, scripthash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.demo.block import Block
    from donations.demo.blocktree import BlockTree


class HistoryRow(NamedTuple):
    """A transaction in a history: height 0 in the mempool, -1 if a parent is there too."""

    txid: str
    height: int
    fee: int | None = None

    def listed(self) -> dict[str, Any]:
        """The row as ``get_history`` gives it."""
        row: dict[str, Any] = {"tx_hash": self.txid, "height": self.height}
        return row if self.fee is None else row | {"fee": self.fee}


@dataclass(frozen=True)
class _Photograph:
    best: list[Block]
    mempool: dict[str, Transaction]
    location: dict[str, tuple[int, int]]


@dataclass
class UtxoView:
    """``lag`` is how many blocks the node is behind, ``hidden`` the txids it denies."""

    chain: BlockTree
    lag: int = 0
    hidden: set[str] = field(default_factory=set)
    invented: dict[str, tuple[Transaction, int]] = field(default_factory=dict)
    _photograph: _Photograph | None = None

    def freeze(self) -> None:
        """Hear nothing new from now on."""
        chain = self.chain
        self._photograph = _Photograph(list(chain.best), dict(chain.mempool), dict(chain.location))

    def thaw(self) -> None:
        """Catch up."""
        self._photograph = None

    def invent(self, script: bytes, sats: int, height: int = 0) -> str:
        """Claim a well-formed transaction that is on no chain; returns its txid."""
        rng = random.Random(len(self.invented) + sats)  # noqa: S311
        nowhere = Input(Outpoint(rng.randbytes(32).hex(), 0), rng.randbytes(100))
        made = Transaction((nowhere,), (Output(sats, script),))
        self.invented[made.txid] = (made, height)
        return made.txid

    @property
    def _best(self) -> list[Block]:
        return self._photograph.best if self._photograph else self.chain.best

    @property
    def _mempool(self) -> dict[str, Transaction]:
        return self._photograph.mempool if self._photograph else self.chain.mempool

    @property
    def height(self) -> int:
        """The height of the node's tip."""
        return max(0, len(self._best) - 1 - self.lag)

    def block(self, height: int) -> Block | None:
        """The block at a height of the branch that the node follows."""
        return self._best[height] if 0 <= height <= self.height else None

    @property
    def tip(self) -> Block:
        """The node's best block."""
        return self._best[self.height]

    def location(self, txid: str) -> tuple[int, int] | None:
        """(height, position in the block) of a confirmed transaction."""
        if txid in self.hidden:
            return None
        if txid in self.invented:
            height = self.invented[txid][1]
            return (height, 1) if height > 0 else None
        known = self._photograph.location if self._photograph else self.chain.location
        where = known.get(txid)
        return where if where is not None and where[0] <= self.height else None

    def pending(self, txid: str) -> bool:
        """Whether the transaction is in the node's mempool (blocks it lacks count as that)."""
        if txid in self.hidden:
            return False
        if txid in self.invented:
            return self.invented[txid][1] <= 0
        known = self._photograph.location if self._photograph else self.chain.location
        return txid in self._mempool or known.get(txid, (0, 0))[0] > self.height

    def transaction(self, txid: str) -> Transaction | None:
        """A transaction that stands in this view."""
        if txid in self.invented:
            return self.invented[txid][0]
        stands = self.location(txid) is not None or self.pending(txid)
        return self.chain.transactions[txid] if stands else None

    def confirmed(self, name: str) -> list[HistoryRow]:
        """The confirmed history of a scripthash, in the order of the chain."""
        found = [(where, txid) for txid in self._touching(name) if (where := self.location(txid))]
        return [HistoryRow(txid, where[0]) for where, txid in sorted(found)]

    def unconfirmed(self, name: str) -> list[HistoryRow]:
        """The mempool history of a scripthash, as it came in."""
        return [
            HistoryRow(txid, self._depth(txid), self._fee(txid))
            for txid in self._touching(name)
            if self.pending(txid)
        ]

    def unspent(self, name: str) -> list[tuple[Outpoint, Output, int]]:
        """(outpoint, output, height) of what lies at a scripthash; height 0 in the mempool."""
        rows = [*self.confirmed(name), *self.unconfirmed(name)]
        spent = self._spent(row.txid for row in rows)
        return [
            (Outpoint(row.txid, index), output, max(row.height, 0))
            for row in rows
            for index, output in enumerate(self._known(row.txid).outputs)
            if scripthash(output.script) == name and Outpoint(row.txid, index) not in spent
        ]

    def balance(self, name: str) -> tuple[int, int]:
        """(confirmed, what the mempool adds to it) in satoshi."""
        settled, moving = (
            sum(self._net(row.txid, name) for row in rows)
            for rows in (self.confirmed(name), self.unconfirmed(name))
        )
        return settled, moving

    def _net(self, txid: str, name: str) -> int:
        transaction = self._known(txid)
        paid = sum(each.value for each in transaction.outputs if scripthash(each.script) == name)
        for outpoint in transaction.spends:
            if outpoint.txid in self.chain.transactions:
                output = self.chain.output(outpoint)
                paid -= output.value if scripthash(output.script) == name else 0
        return paid

    def _touching(self, name: str) -> list[str]:
        invented = [
            txid
            for txid, (transaction, _) in self.invented.items()
            if any(scripthash(each.script) == name for each in transaction.outputs)
        ]
        return [*self.chain.touching.get(name, ()), *invented]

    def _known(self, txid: str) -> Transaction:
        return self.invented[txid][0] if txid in self.invented else self.chain.transactions[txid]

    def _spent(self, txids: Iterable[str]) -> set[Outpoint]:
        return {each for txid in txids for each in self._known(txid).spends}

    def _depth(self, txid: str) -> int:
        return -1 if any(self.pending(each.txid) for each in self._known(txid).spends) else 0

    def _fee(self, txid: str) -> int:
        return 1_000 if txid in self.invented else self.chain.fee(self._known(txid))
