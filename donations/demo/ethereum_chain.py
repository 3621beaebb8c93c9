"""A simulated Ethereum chain with people on it: donors, owners, contracts, validators."""

from __future__ import annotations

import random
import time as clock
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from donations.demo.ethereum_payment import GWEI, TRANSFER_TOPIC, Log, Payment, lower, word
from donations.demo.ethereum_tree import SPACING, EthereumTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.demo.ethereum_block import EthBlock


class EthereumChain(EthereumTree):
    """The chain of one (seed, start). Block n stands at start + 12 n; without ``start`` the first
    blocks end ``past`` seconds ago and later ones carry the time they are made.

    ``final_lag`` and ``safe_lag`` are how many blocks the tags stand behind the tip.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        chain_id: int = 1,
        start: int | None = None,
        past: int = SPACING,
        blocks: int = 100,
        final_lag: int = 64,
        safe_lag: int = 32,
    ) -> None:
        self.chain_id = chain_id
        self.final_lag = final_lag
        self.safe_lag = safe_lag
        self.random = random.Random(f"eth:{seed}")  # noqa: S311 (a story, not a secret)
        super().__init__(self.stranger(), start)
        first = start if start is not None else int(clock.time()) - past - SPACING * blocks
        self._extend((), time=first)
        for _ in range(blocks):
            self._extend((), time=self.tip.time + SPACING)

    def stranger(self) -> str:
        """A fresh address."""
        return "0x" + self.random.randbytes(20).hex()

    def donor(self) -> str:
        """A fresh address with money."""
        address = self.stranger()
        self.donors.add(address)
        return address

    def pay(
        self,
        to: str,
        wei: int,
        *,
        sender: str | None = None,
        failed: bool = False,
        envelope: int = 2,
    ) -> str:
        """A plain payment by a stranger; returns its hash. A failed one moves nothing.

        ``envelope`` is the transaction's type: 0, 1 or 2.
        """
        gas = 30_000 if failed else 21_000
        return self.make(
            sender or self.donor(), to, wei, failed=failed, gas_used=gas, envelope=envelope
        )

    def pay_inside(
        self, to: str, *wei: int, creation: bool = False, sender: str | None = None
    ) -> str:
        """A contract pays ``to``, once per amount, inside a call or a contract's creation."""
        giver = sender or self.donor()
        contract = None if creation else self.stranger()
        moves = tuple((None, lower(to), each) for each in wei)
        gas = 53_000 + 9_000 * len(wei)
        return self.make(giver, contract, sum(wei), moves=moves, gas_used=gas)

    def send(
        self,
        sender: str,
        wei: int,
        to: str | None = None,
        *,
        back: int = 0,
        failed: bool = False,
        blobs: int = 0,
    ) -> str:
        """The owner of ``sender`` sends wei away and pays the gas.

        ``back`` is what the called contract returns inside the same transaction.
        """
        receiver = to or self.donor()
        moves = ((None, lower(sender), back),) if back else ()
        gas = 21_000 if not (back or failed) else 64_000
        return self.make(
            sender, receiver, wei, failed=failed, moves=moves, gas_used=gas, blobs=blobs
        )

    def create(self, sender: str, wei: int = 0) -> str:
        """The owner of ``sender`` makes a contract and gives it ``wei``."""
        return self.make(sender, None, wei, gas_used=120_000)

    def sweep_inside(self, source: str, wei: int, to: str | None = None) -> str:
        """Code at ``source`` sends money away in a call by a stranger: its nonce stays."""
        moves = ((None, to or self.stranger(), wei),)
        return self.make(self.donor(), source, 0, moves=moves, gas_used=40_000)

    def delegate(self, address: str, to: str | None = None, *, own: bool = False) -> str:
        """EIP-7702: give an account the code of ``to`` (None: take it away). Its nonce grows.

        ``own``: the owner sends the transaction himself, else a stranger does it for him.
        """
        code = b"" if to is None else b"\xef\x01\x00" + bytes.fromhex(to[2:])
        sender = address if own else self.donor()
        return self.make(sender, self.stranger(), 0, code=(address, code), gas_used=46_000)

    def token(
        self,
        contract: str,
        to: str,
        *amounts: int,
        source: str | None = None,
        sender: str | None = None,
    ) -> str:
        """A token moves from ``source`` to ``to``, one Transfer log per amount."""
        giver = source or self.donor()
        logs = tuple(
            Log(
                lower(contract),
                (TRANSFER_TOPIC, word(int(giver, 16)), word(int(to, 16))),
                amount.to_bytes(32, "big"),
            )
            for amount in amounts
        )
        return self.make(sender or giver, contract, 0, logs=logs, gas_used=65_000)

    def withdraw(self, to: str, gwei: int) -> None:
        """The next block carries a validator's withdrawal."""
        self._withdrawals.append((lower(to), gwei))

    def make(self, sender: str, to: str | None, wei: int, **more: Any) -> str:
        """Any transaction, described as ``Payment`` does; it waits for the next block."""
        sender = lower(sender)
        mine = [each.nonce for each in self.pending.values() if each.sender == sender]
        nonce = max([self.account(sender).nonce, *(each + 1 for each in mine)])
        made = Payment(
            sender=sender,
            to=None if to is None else lower(to),
            value=wei,
            nonce=nonce,
            chain_id=self.chain_id,
            **more,
        )
        self.transactions[made.hash] = self.pending[made.hash] = made
        return made.hash

    def evict(self, transaction_hash: str) -> None:
        """Forget a waiting transaction."""
        del self.pending[transaction_hash]

    def restore(self, transaction_hash: str) -> None:
        """Let a forgotten transaction wait again."""
        self.pending[transaction_hash] = self.transactions[transaction_hash]

    def replace(self, transaction_hash: str, to: str | None = None, wei: int | None = None) -> str:
        """The sender makes another transaction with the same nonce (None: to a stranger)."""
        old = self.transactions[transaction_hash]
        made = replace(
            old,
            to=lower(to or self.stranger()),
            value=old.value if wei is None else wei,
            priority_fee=old.priority_fee + GWEI,
            moves=(),
            logs=(),
            code=None,
        )
        self.pending.pop(transaction_hash, None)
        self.transactions[made.hash] = self.pending[made.hash] = made
        return made.hash

    def mine(
        self,
        blocks: int = 1,
        *,
        only: Iterable[str] | None = None,
        proposer: str | None = None,
        time: int | None = None,
    ) -> list[EthBlock]:
        """Make blocks; the first takes what waits, or ``only`` these.

        ``proposer`` is who gets the priority fees of the first.
        """
        made = []
        for number in range(blocks):
            wanted = list(self.pending if only is None else only) if number == 0 else []
            receiver = proposer if number == 0 else None
            made.append(self._extend(wanted, proposer=receiver, time=time if number == 0 else None))
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
    ) -> list[EthBlock]:
        """Replace the last ``depth`` blocks by ``blocks`` others (depth + 1 by default).

        Transactions in ``keep`` (by default all) are in the new blocks at the height they had,
        those in ``drop`` vanish, the nonce of those in ``conflict`` is used for something else in
        the first new block, the rest waits again. ``keep`` may name waiting ones too: they come
        into the first new block. Withdrawals and tips do not come back.
        """
        dropped, doubled = set(drop), set(conflict)
        kept = None if keep is None else set(keep)
        had = {self.height - depth + 1: [each for each in self.pending if each in (kept or ())]}
        for _ in range(depth):
            block = self._disconnect()
            again = [each.payment.hash for each in block.executed]
            had.setdefault(block.number, []).extend(again)
        for transaction_hash in dropped:
            self.pending.pop(transaction_hash, None)
        for transaction_hash in sorted(doubled):
            double = self.replace(transaction_hash)
            had.setdefault(self.height + 1, []).append(double)
            if kept is not None:
                kept.add(double)
        made = []
        for _ in range(depth + 1 if blocks is None else blocks):
            again = [
                each
                for each in had.get(self.height + 1, ())
                if each in self.pending and (kept is None or each in kept)
            ]
            made.append(self._extend(again))
        self._announce()
        return made
