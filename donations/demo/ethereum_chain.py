"""A simulated Ethereum chain: accounts, transactions, blocks and reorgs. No EVM: what a contract
does is told when the transaction is made."""

from __future__ import annotations

import bisect
import random
import time as clock
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from donations.demo.ethereum_block import (
    GWEI,
    NO_ACCOUNT,
    TRANSFER_TOPIC,
    Account,
    EthBlock,
    Executed,
    Log,
    Payment,
    Withdrawal,
    rlp,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ETHER = 10**18
_DONOR = Account(1_000_000 * ETHER)
_SPACING = 12  # seconds between blocks
_BLOB_GAS = 131_072


def lower(address: str) -> str:
    """An address as the chain keys it."""
    return address.lower()


@dataclass
class _Draft:
    """A block in the making: the state it changes, on top of its parent's."""

    changed: dict[str, Account] = field(default_factory=dict)
    tokens: dict[tuple[str, str], int] = field(default_factory=dict)


class EthereumChain:
    """The chain of one (seed, start). Block n stands at start + 12 n; without ``start`` the first
    blocks lie in the recent past and later ones carry the time they are made.

    ``final_lag`` and ``safe_lag`` are how many blocks the tags stand behind the tip.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        chain_id: int = 1,
        start: int | None = None,
        blocks: int = 100,
        final_lag: int = 64,
        safe_lag: int = 32,
    ) -> None:
        self.chain_id = chain_id
        self.final_lag = final_lag
        self.safe_lag = safe_lag
        self.random = random.Random(f"eth:{seed}")  # noqa: S311 (a story, not a secret)
        self.base_fee = 3 * GWEI
        self.builder = self.stranger()
        self.best: list[EthBlock] = []
        self.blocks: dict[str, EthBlock] = {}
        self.transactions: dict[str, Payment] = {}
        self.pending: dict[str, Payment] = {}
        self.location: dict[str, tuple[int, int]] = {}
        self.listeners: list[Callable[[], None]] = []
        self.donors: set[str] = set()
        self._withdrawals: list[tuple[str, int]] = []
        self._withdrawn = 0
        self._branches = 0
        self._start = start
        self._accounts: dict[str, list[tuple[int, Account]]] = {}
        self._tokens: dict[tuple[str, str], list[tuple[int, int]]] = {}
        first = start if start is not None else int(clock.time()) - _SPACING * (blocks + 1)
        self._extend((), time=first)
        for _ in range(blocks):
            self._extend((), time=self.tip.time + _SPACING)

    # -- what is ------------------------------------------------------------------------------

    @property
    def tip(self) -> EthBlock:
        """The last block of the best branch."""
        return self.best[-1]

    @property
    def height(self) -> int:
        """The number of the tip."""
        return self.tip.number

    @property
    def genesis_hash(self) -> str:
        """The hash of block 0."""
        return self.best[0].hash

    def account(self, address: str, at: EthBlock | None = None) -> Account:
        """An account after a block (default: the tip), on whatever branch the block lies."""
        block = self.tip if at is None else at
        while not self.on_best(block):
            if lower(address) in block.changed:
                return block.changed[lower(address)]
            block = self.blocks[block.parent]
        line = self._accounts.get(lower(address), [])
        place = bisect.bisect_right(line, block.number, key=lambda each: each[0])
        return line[place - 1][1] if place else self._unborn(lower(address))

    def balance(self, address: str, at: EthBlock | None = None) -> int:
        """The balance in wei after a block."""
        return self.account(address, at).balance

    def token_balance(self, contract: str, address: str, at: EthBlock | None = None) -> int:
        """What an address holds of a token after a block, in the token's base units."""
        key = lower(contract), lower(address)
        block = self.tip if at is None else at
        while not self.on_best(block):
            if key in block.tokens:
                return block.tokens[key]
            block = self.blocks[block.parent]
        line = self._tokens.get(key, [])
        place = bisect.bisect_right(line, block.number, key=lambda each: each[0])
        return line[place - 1][1] if place else 0

    def on_best(self, block: EthBlock) -> bool:
        """Whether the block lies on the best branch."""
        return block.number <= self.height and self.best[block.number].hash == block.hash

    # -- people -------------------------------------------------------------------------------

    def stranger(self) -> str:
        """A fresh address."""
        return "0x" + self.random.randbytes(20).hex()

    def donor(self) -> str:
        """A fresh address with money."""
        address = self.stranger()
        self.donors.add(address)
        return address

    def pay(self, to: str, wei: int, *, sender: str | None = None, failed: bool = False) -> str:
        """A plain payment by a stranger; returns its hash. A failed one moves nothing."""
        gas = 30_000 if failed else 21_000
        return self.make(sender or self.donor(), to, wei, failed=failed, gas_used=gas)

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

    # -- blocks -------------------------------------------------------------------------------

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
        the first new block, the rest waits again. Withdrawals and tips do not come back.
        """
        dropped, doubled = set(drop), set(conflict)
        kept = None if keep is None else set(keep)
        had: dict[int, list[str]] = {}
        for _ in range(depth):
            block = self._disconnect()
            had[block.number] = [each.payment.hash for each in block.executed]
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

    def activate(self, block_hash: str) -> None:
        """Make a known block the tip again."""
        branch = [self.blocks[block_hash]]
        while not self.on_best(branch[-1]):
            branch.append(self.blocks[branch[-1].parent])
        fork = branch.pop()
        while self.height > fork.number:
            self._disconnect()
        for block in reversed(branch):
            self._connect(block)
        self._announce()

    # -- inside -------------------------------------------------------------------------------

    def _unborn(self, address: str) -> Account:
        return _DONOR if address in self.donors else NO_ACCOUNT

    def _get(self, draft: _Draft, address: str) -> Account:
        if address in draft.changed:
            return draft.changed[address]
        return self.account(address) if self.best else self._unborn(address)

    def _add(self, draft: _Draft, address: str, wei: int) -> None:
        account = self._get(draft, lower(address))
        if account.balance + wei < 0:
            raise ValueError(f"{address} has {account.balance} wei, which is less than {-wei}")
        draft.changed[lower(address)] = replace(account, balance=account.balance + wei)

    def _token(self, draft: _Draft, log: Log) -> None:
        for topic, sign in ((log.topics[1], -1), (log.topics[2], 1)):
            key = log.address, "0x" + topic[-40:]
            known = draft.tokens.get(key)
            if known is None:
                known = self.token_balance(*key)
            # Whoever mints or sends first has had enough before the world began.
            draft.tokens[key] = max(0, known + sign * int.from_bytes(log.data, "big"))

    def _execute(self, draft: _Draft, payment: Payment, proposer: str) -> Executed | None:
        sender = self._get(draft, payment.sender)
        if sender.nonce != payment.nonce:
            return None
        price = self.base_fee + payment.priority_fee
        blob_gas = payment.blobs * _BLOB_GAS
        done = Executed(payment, price, blob_gas, int(blob_gas > 0))
        self._add(draft, payment.sender, -done.gas_cost)
        sender = draft.changed[payment.sender]
        draft.changed[payment.sender] = replace(sender, nonce=payment.nonce + 1)
        self._add(draft, proposer, payment.priority_fee * payment.gas_used)
        if payment.failed:
            return done
        receiver = payment.to or done.created
        for source, to, wei in ((payment.sender, receiver, payment.value), *payment.moves):
            self._add(draft, source or receiver, -wei)
            self._add(draft, to, wei)
        if payment.to is None:
            made = draft.changed[receiver]
            draft.changed[receiver] = replace(made, nonce=1, code=b"\x60\x80")
        if payment.code is not None:
            address, code = lower(payment.code[0]), payment.code[1]
            account = self._get(draft, address)
            draft.changed[address] = replace(account, nonce=account.nonce + 1, code=code)
        for log in payment.logs:
            if log.topics[0] == TRANSFER_TOPIC and len(log.topics) == 3:
                self._token(draft, log)
        return done

    def _extend(
        self, wanted: Iterable[str], *, proposer: str | None = None, time: int | None = None
    ) -> EthBlock:
        number = len(self.best)
        if time is None:
            now = int(clock.time()) if self._start is None else self.tip.time + _SPACING
            time = max(self.tip.time + 1, now)
        receiver = lower(proposer or self.builder)
        draft = _Draft()
        executed = []
        for transaction_hash in wanted:
            done = self._execute(draft, self.transactions[transaction_hash], receiver)
            if done is not None:
                executed.append(done)
        withdrawals = []
        for to, gwei in self._withdrawals:
            self._add(draft, to, gwei * GWEI)
            withdrawals.append(Withdrawal(self._withdrawn, 1_000 + self._withdrawn, to, gwei))
            self._withdrawn += 1
        self._withdrawals.clear()
        self._branches += 1
        root = self.tip.state_root if self.best else bytes(32)
        changes = [
            [bytes.fromhex(key[2:]), each.balance, each.nonce, each.code]
            for key, each in sorted(draft.changed.items())
        ]
        block = EthBlock(
            number=number,
            parent=self.tip.hash if self.best else "0x" + "00" * 32,
            time=time,
            miner=receiver,
            base_fee=self.base_fee,
            executed=tuple(executed),
            withdrawals=tuple(withdrawals),
            changed=draft.changed,
            tokens=draft.tokens,
            state_root=keccak(root + rlp(changes)),
            extra=f"world {self._branches}".encode(),
        )
        self._connect(block)
        return block

    def _connect(self, block: EthBlock) -> None:
        self.blocks[block.hash] = block
        self.best.append(block)
        for address, account in block.changed.items():
            self._accounts.setdefault(address, []).append((block.number, account))
        for key, amount in block.tokens.items():
            self._tokens.setdefault(key, []).append((block.number, amount))
        for position, done in enumerate(block.executed):
            self.pending.pop(done.payment.hash, None)
            self.location[done.payment.hash] = (block.number, position)

    def _disconnect(self) -> EthBlock:
        block = self.best.pop()
        for address in block.changed:
            self._accounts[address].pop()
        for key in block.tokens:
            self._tokens[key].pop()
        again = {done.payment.hash: done.payment for done in block.executed}
        for transaction_hash in again:
            del self.location[transaction_hash]
        self.pending = again | self.pending
        return block

    def _announce(self) -> None:
        for listener in tuple(self.listeners):
            listener()
