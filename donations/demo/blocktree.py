"""The best branch and the mempool of a simulated BTC or BCH chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.demo.transaction import Outpoint, Output, Transaction, scripthash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from donations.demo.block import Block


class BlockTree:
    """Everything a full node knows: all blocks and transactions ever seen, the best branch, the
    mempool. Listeners are called after each change with the scripthashes it touched."""

    def __init__(self, genesis: Block) -> None:
        self.best: list[Block] = []
        self.blocks: dict[str, Block] = {}
        self.transactions: dict[str, Transaction] = {}
        self.mempool: dict[str, Transaction] = {}
        self.location: dict[str, tuple[int, int]] = {}
        self.spender: dict[Outpoint, str] = {}
        self.touching: dict[str, list[str]] = {}
        self.listeners: list[Callable[[frozenset[str]], None]] = []
        self._touched: set[str] = set()
        self._connect(genesis)

    @property
    def tip(self) -> Block:
        """The last block of the best branch."""
        return self.best[-1]

    @property
    def height(self) -> int:
        """The height of the best branch."""
        return self.tip.height

    @property
    def genesis_hash(self) -> str:
        """The hash of block 0, as shown."""
        return self.best[0].hash

    def active(self, txid: str) -> bool:
        """Whether the transaction stands now, in the best branch or in the mempool."""
        return txid in self.mempool or txid in self.location

    def output(self, outpoint: Outpoint) -> Output:
        """The output an outpoint names, of any transaction ever seen."""
        return self.transactions[outpoint.txid].outputs[outpoint.vout]

    def fee(self, transaction: Transaction) -> int:
        """What the transaction leaves to the miner, in satoshi."""
        paid = sum(each.value for each in transaction.outputs)
        return sum(self.output(each).value for each in transaction.spends) - paid

    def scripthashes(self, transaction: Transaction) -> set[str]:
        """The scripthashes whose history holds the transaction."""
        spent = {scripthash(self.output(each).script) for each in transaction.spends}
        return spent | {scripthash(each.script) for each in transaction.outputs}

    def unspent(self, script: bytes, *, mempool: bool = True) -> list[Outpoint]:
        """The outpoints that lie at a script now; without ``mempool`` only confirmed ones."""
        return [
            Outpoint(txid, index)
            for txid in self.touching.get(scripthash(script), ())
            if txid in self.location or (mempool and txid in self.mempool)
            for index, output in enumerate(self.transactions[txid].outputs)
            if output.script == script and Outpoint(txid, index) not in self.spender
        ]

    def admit(self, transaction: Transaction) -> str:
        """Take a transaction into the mempool. Raises ValueError if it cannot stand there."""
        self._admit(transaction)
        self._announce()
        return transaction.txid

    def evict(self, txid: str) -> list[str]:
        """Drop a transaction and its descendants from the mempool; tells which ones went."""
        if txid not in self.mempool:
            raise ValueError(f"{txid} is not in the mempool")
        gone = self._drop(txid)
        self._announce()
        return gone

    def restore(self, txid: str) -> str:
        """Bring a transaction that was dropped back into the mempool."""
        return self.admit(self.transactions[txid])

    def activate(self, block_hash: str) -> None:
        """Make a known block the tip: what a node does when another branch becomes the best."""
        branch = [self.blocks[block_hash]]
        while not self._on_best(branch[-1]):
            branch.append(self.blocks[branch[-1].previous])
        fork = branch.pop()
        while self.height > fork.height:
            self._disconnect()
        for block in reversed(branch):
            self._connect(block)
        self._announce()

    def _waiting(self, only: Iterable[str] | None) -> Iterable[Transaction]:
        """The mempool in its order, reduced to ``only`` and what they build on."""
        if only is None:
            return list(self.mempool.values())
        wanted: set[str] = set()
        waiting = list(only)
        while waiting:
            txid = waiting.pop()
            if txid not in wanted and txid in self.mempool:
                wanted.add(txid)
                waiting += (each.txid for each in self.mempool[txid].spends)
        return [each for txid, each in self.mempool.items() if txid in wanted]

    def _on_best(self, block: Block) -> bool:
        return block.height <= self.height and self.best[block.height].hash == block.hash

    def _admit(self, transaction: Transaction) -> None:
        for outpoint in transaction.spends:
            if not self.active(outpoint.txid):
                raise ValueError(f"input {outpoint} does not exist")
            if outpoint in self.spender:
                raise ValueError(f"input {outpoint} is spent by {self.spender[outpoint]}")
        self._learn(transaction)
        self.mempool[transaction.txid] = transaction
        self._claim(transaction)

    def _learn(self, transaction: Transaction) -> None:
        if transaction.txid in self.transactions:
            return
        self.transactions[transaction.txid] = transaction
        for name in self.scripthashes(transaction):
            self.touching.setdefault(name, []).append(transaction.txid)

    def _claim(self, transaction: Transaction) -> None:
        self._touched |= self.scripthashes(transaction)
        for outpoint in transaction.spends:
            self.spender[outpoint] = transaction.txid

    def _drop(self, txid: str) -> list[str]:
        transaction = self.mempool.pop(txid)
        self._touched |= self.scripthashes(transaction)
        for outpoint in transaction.spends:
            del self.spender[outpoint]
        return [txid, *self._drop_children(transaction)]

    def _drop_children(self, transaction: Transaction) -> list[str]:
        gone: list[str] = []
        for index in range(len(transaction.outputs)):
            child = self.spender.get(Outpoint(transaction.txid, index))
            if child is not None:
                gone += self._drop(child)
        return gone

    def _connect(self, block: Block) -> None:
        self.blocks[block.hash] = block
        self.best.append(block)
        for position, transaction in enumerate(block.transactions):
            for outpoint in transaction.spends:
                rival = self.spender.get(outpoint)
                if rival is not None and rival != transaction.txid:
                    self._drop(rival)
            self._learn(transaction)
            self.mempool.pop(transaction.txid, None)
            self.location[transaction.txid] = (block.height, position)
            self._claim(transaction)

    def _disconnect(self) -> Block:
        block = self.best.pop()
        coinbase, *others = block.transactions
        for transaction in others:
            del self.location[transaction.txid]
            self._touched |= self.scripthashes(transaction)
        self.mempool = {each.txid: each for each in others} | self.mempool
        del self.location[coinbase.txid]
        self._touched |= self.scripthashes(coinbase)
        self._drop_children(coinbase)
        return block

    def _announce(self) -> None:
        touched = frozenset(self._touched)
        self._touched.clear()
        for listener in tuple(self.listeners):
            listener(touched)
