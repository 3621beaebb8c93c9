"""A simulated BTC or BCH chain with people on it: donors, spenders, miners and their accidents."""

from __future__ import annotations

import random
import time as clock
from typing import TYPE_CHECKING

from donations.demo.block import SUBSIDY, Block, assemble
from donations.demo.blocktree import BlockTree
from donations.demo.purse import Purse
from donations.demo.transaction import (
    FINAL_SEQUENCE,
    REPLACEABLE,
    Input,
    Outpoint,
    Output,
    Transaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

COIN = 100_000_000
_STOCK = 500 * COIN  # what one coin of a donor holds
_LOW_STOCK = 100
_BEGINNING = 1_500_000_000  # the time of block 0
_SPACING = 600  # seconds between blocks


def _genesis() -> Block:
    reward = Output(SUBSIDY, b"\x6a\x05world")
    return assemble(
        0, "00" * 32, _BEGINNING, (), (reward,), b"the first block of a simulated world"
    )


class UtxoChain(BlockTree):
    """A chain that is the same for the same seed and start.

    ``name`` is "btc" or "bch"; BCH has no segwit and orders its blocks by txid. ``start`` is the
    time from which block n stands at start + 600 n, in seconds; without it the first blocks end
    ``past`` seconds ago and later ones carry the time they are made. ``coins`` is how many gifts
    can be made before the next block. All chains share block 0, as BTC and BCH do.
    """

    def __init__(
        self,
        name: str = "btc",
        seed: int = 0,
        *,
        start: int | None = None,
        past: int = _SPACING,
        blocks: int = 101,
        coins: int = 500,
    ) -> None:
        self.name = name
        self.segwit = name == "btc"
        self.random = random.Random(f"{name}:{seed}")  # noqa: S311 (a story, not a secret)
        self._start = start
        self._branches = 0
        self._purse = Purse(self)
        first = start if start is not None else int(clock.time()) - past - _SPACING * blocks
        super().__init__(_genesis())
        self._extend((), restock=coins, time=first + _SPACING)
        for _ in range(blocks - 1):
            self._extend((), time=self.tip.time + _SPACING)
        self._touched.clear()

    @property
    def landmark(self) -> tuple[int, str]:
        """The first block that only this chain has: (height, hash)."""
        return 1, self.best[1].hash

    # -- people -------------------------------------------------------------------------------

    def script(self) -> bytes:
        """A fresh locking script of a stranger."""
        key_hash = self.random.randbytes(20)
        if self.segwit and self.random.random() < 0.5:
            return b"\x00\x14" + key_hash
        return b"\x76\xa9\x14" + key_hash + b"\x88\xac"

    def pay(
        self,
        script: bytes,
        *sats: int,
        others: Iterable[tuple[bytes, int]] = (),
        token: bytes = b"",
        join: Outpoint | None = None,
        from_mempool_parent: bool = False,
        final: bool = False,
        fee: int = 1_000,
    ) -> str:
        """A donor pays a script, once per amount, in one transaction; returns its txid.

        ``others`` are further (script, satoshi) it pays. ``join`` is a coin of the receiver that is
        spent along and comes back with the first amount (a payjoin). ``from_mempool_parent``: the
        donor's own coin is not confirmed yet. ``final``: the transaction says that it will not be
        replaced.
        """
        outputs = [Output(each, script, token) for each in sats]
        outputs += [Output(value, to) for to, value in others]
        needed = sum(each.value for each in outputs) + fee
        coins = self._purse.take(needed)
        if join is not None:
            needed += self.output(join).value
            outputs[0] = Output(sats[0] + self.output(join).value, script, token)
        if from_mempool_parent:
            held = sum(self.output(each).value for each in coins)
            parent = self.build(coins, [Output(held - fee, self.script())])
            self._admit(parent)
            coins = [Outpoint(parent.txid, 0)]
        if join is not None:
            coins = [*coins, join]
        change = sum(self.output(each).value for each in coins) - needed
        outputs.insert(self.random.randrange(len(outputs) + 1), Output(change, self.script()))
        sequence = FINAL_SEQUENCE if final else REPLACEABLE
        payment = self.build(coins, outputs, sequence)
        self._purse.put(
            Outpoint(payment.txid, index)
            for index, each in enumerate(outputs)
            if each.value == change and each.script != script
        )
        return self.admit(payment)

    def spend(
        self,
        source: bytes,
        sats: int,
        to: bytes | None = None,
        *,
        change: bytes | None = None,
        mempool: bool = False,
        fee: int = 1_000,
    ) -> str:
        """The owner of ``source`` pays ``sats`` to a script (None: a stranger's).

        The rest goes back to ``source`` unless ``change`` names another script. With ``mempool``
        unconfirmed coins are spent too. Raises ValueError if there is not enough.
        """
        coins: list[Outpoint] = []
        held = 0
        for outpoint in self.unspent(source, mempool=mempool):
            if held >= sats + fee:
                break
            coins.append(outpoint)
            held += self.output(outpoint).value
        if held < sats + fee:
            raise ValueError(f"{held} satoshi do not pay for {sats + fee}")
        outputs = [Output(sats, to if to is not None else self.script())]
        if held > sats + fee:
            outputs.append(Output(held - sats - fee, source if change is None else change))
        return self.admit(self.build(coins, outputs))

    def sweep(self, source: bytes, to: bytes | None = None, *, fee: int = 1_000) -> str:
        """The owner of ``source`` sends everything away."""
        held = sum(self.output(each).value for each in self.unspent(source))
        return self.spend(source, held - fee, to, mempool=True, fee=fee)

    def replace(self, txid: str, to: bytes | None = None, sats: int | None = None) -> str:
        """Replace an unconfirmed transaction by one that spends the same coins at a higher fee.

        With ``to`` it pays that script ``sats`` (by default what the first one paid there), without
        it the donor takes everything back. Returns the txid of the replacement.
        """
        replacement = self.rival(txid, to, sats)
        self.evict(txid)
        return self.admit(replacement)

    def rival(self, txid: str, to: bytes | None = None, sats: int | None = None) -> Transaction:
        """A double spend of a transaction, in no block and no mempool yet.

        Raises ValueError if its coins do not pay for a higher fee.
        """
        old = self.transactions[txid]
        coins = list(old.spends)
        left = sum(self.output(each).value for each in coins) - self.fee(old) - 1_000
        outputs = []
        if to is not None:
            paid = sum(each.value for each in old.outputs if each.script == to)
            value = min(paid if sats is None else sats, left)  # the fee may have eaten the change
            outputs.append(Output(value, to))
            left -= value
        if left or not outputs:
            outputs.append(Output(left, self.script()))
        if min(output.value for output in outputs) < 0:
            raise ValueError(f"the coins of {txid} do not pay for another fee")
        return self.build(coins, outputs)

    def build(
        self, coins: Iterable[Outpoint], outputs: Iterable[Output], sequence: int = REPLACEABLE
    ) -> Transaction:
        """A transaction with dummy signatures: a witness for segwit coins, else a scriptSig."""
        return Transaction(tuple(self._signed(each, sequence) for each in coins), tuple(outputs))

    # -- miners -------------------------------------------------------------------------------

    def mine(
        self,
        blocks: int = 1,
        *,
        only: Iterable[str] | None = None,
        to: bytes | None = None,
        time: int | None = None,
    ) -> list[Block]:
        """Mine blocks; the first takes the mempool, or ``only`` these and their ancestors.

        ``to`` is the script that the coinbases pay, ``time`` that of the first block (seconds).
        """
        made = []
        for number in range(blocks):
            wanted = tuple(self._waiting(only)) if number == 0 else ()
            made.append(self._extend(wanted, to=to, time=time if number == 0 else None))
        self._announce()
        return made

    def reorg(
        self,
        depth: int,
        *,
        blocks: int | None = None,
        keep: Iterable[str] | None = None,
        drop: Iterable[str] = (),
        conflict: Iterable[str] = (),
    ) -> list[Block]:
        """Replace the last ``depth`` blocks by ``blocks`` others (depth + 1 by default).

        Transactions in ``keep`` (by default all) are mined again at the height they had, those in
        ``drop`` vanish, those in ``conflict`` are double-spent to a stranger in the first new
        block, the rest returns to the mempool. ``keep`` may name waiting ones too: they come into
        the first new block. ``activate`` goes back to the old branch.
        """
        dropped, doubled = set(drop), set(conflict)
        kept = None if keep is None else set(keep)
        had = {self.height - depth + 1: [each for each in self.mempool if each in (kept or ())]}
        for _ in range(depth):
            block = self._disconnect()
            had.setdefault(block.height, []).extend(each.txid for each in block.transactions[1:])
        for txid in dropped | doubled:
            if txid in self.mempool:
                self._drop(txid)
        for txid in sorted(doubled):
            double = self.rival(txid)
            self._admit(double)
            had.setdefault(self.height + 1, []).append(double.txid)
            if kept is not None:
                kept.add(double.txid)
        made = []
        for _ in range(depth + 1 if blocks is None else blocks):
            again = [
                txid
                for txid in had.get(self.height + 1, ())
                if txid in self.mempool and (kept is None or txid in kept)
            ]
            made.append(self._extend(tuple(self._waiting(again))))
        self._announce()
        return made

    def _extend(
        self,
        transactions: tuple[Transaction, ...],
        *,
        to: bytes | None = None,
        restock: int = 0,
        time: int | None = None,
    ) -> Block:
        if time is None:
            now = int(clock.time()) if self._start is None else self.tip.time + _SPACING
            time = max(self.tip.time + 1, now)
        if not self.segwit:
            transactions = tuple(sorted(transactions, key=lambda each: each.txid))
        fees = sum(map(self.fee, transactions))
        rewards = [Output(SUBSIDY + fees, self.script() if to is None else to)]
        # The world is generous: miners hand new coins to donors who run out of them.
        if self.height and len(self._purse) < _LOW_STOCK:
            restock = _LOW_STOCK
        rewards += (Output(_STOCK, self.script()) for _ in range(restock))
        self._branches += 1
        tag = f"{self.name} {self._branches}".encode()
        block = assemble(self.height + 1, self.tip.hash, time, transactions, rewards, tag)
        self._connect(block)
        coinbase = block.transactions[0].txid
        self._purse.put(Outpoint(coinbase, 1 + index) for index in range(restock))
        return block

    def _signed(self, outpoint: Outpoint, sequence: int) -> Input:
        script = self.output(outpoint).script
        signature = b"\x30" + self.random.randbytes(70)
        key = b"\x02" + self.random.randbytes(32)
        if script[:2] == b"\x00\x14":
            return Input(outpoint, b"", (signature, key), sequence)
        return Input(
            outpoint,
            bytes([len(signature)]) + signature + bytes([len(key)]) + key,
            (),
            sequence,
        )
