"""State, blocks and branches of a simulated Ethereum chain. No EVM: a transaction tells itself
what it does."""

from __future__ import annotations

import bisect
import time as clock
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eth_utils.crypto import keccak

from donations.demo.ethereum_block import EthBlock
from donations.demo.ethereum_payment import (
    BASE_FEE,
    ETHER,
    GWEI,
    NO_ACCOUNT,
    SYSTEM_ADDRESS,
    TRANSFER_TOPIC,
    Account,
    Executed,
    Log,
    Payment,
    Withdrawal,
    lower,
    rlp,
    word,
)
from donations.demo.ethereum_trie import EMPTY_ROOT, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SPACING = 12  # seconds between blocks
_DONOR = Account(1_000_000 * ETHER)
_BLOB_GAS = 131_072


@dataclass
class _Draft:
    """A block in the making: the state it changes, on top of its parent's."""

    changed: dict[str, Account] = field(default_factory=dict)
    tokens: dict[tuple[str, str], int] = field(default_factory=dict)


class EthereumTree:
    """All blocks ever made, the best branch, and the accounts after each block of any branch.

    ``builder`` gets the priority fees when no proposer is named. Listeners hear of each change.
    ``amsterdam``: blocks are of that fork from now on. A donor's account is in the state from his
    first transaction on.
    """

    def __init__(self, builder: str, start: int | None) -> None:
        self.builder = builder
        self.amsterdam = False
        self.base_fee = BASE_FEE
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
        blob_gas = payment.blobs * _BLOB_GAS
        done = Executed(payment, payment.price, blob_gas, int(blob_gas > 0))
        if sender.nonce != payment.nonce or sender.balance < payment.value + done.gas_cost:
            return None  # it waits, as in a real mempool
        self._add(draft, payment.sender, -done.gas_cost)
        sender = draft.changed[payment.sender]
        draft.changed[payment.sender] = replace(sender, nonce=payment.nonce + 1)
        self._add(draft, proposer, payment.priority_fee * payment.gas_used)
        if payment.failed:
            return done
        receiver = payment.to or done.created
        moves = [
            (source or receiver, to, wei)
            for source, to, wei in ((payment.sender, receiver, payment.value), *payment.moves)
        ]
        for source, to, wei in moves:
            self._add(draft, source, -wei)
            self._add(draft, to, wei)
        if self.amsterdam:
            done = replace(done, ether_logs=tuple(_ether_log(*m) for m in moves if _is_seen(*m)))
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
            now = int(clock.time()) if self._start is None else self.tip.time + SPACING
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
        state = self.tip.state if self.best else None
        for address, account in draft.changed.items():
            state = put(state, keccak(bytes.fromhex(address[2:])).hex(), _in_state(account))
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
            state=state,
            extra=f"world {self._branches}".encode(),
            amsterdam=self.amsterdam,
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


def _in_state(account: Account) -> bytes:
    """An account as the state trie holds it: an empty one not at all (EIP-161)."""
    if account == NO_ACCOUNT:
        return b""
    return rlp([account.nonce, account.balance, EMPTY_ROOT, keccak(account.code)])


def _is_seen(source: str, to: str, wei: int) -> bool:
    """Whether ether that moves leaves a log (EIP-7708)."""
    return wei > 0 and source != to


def _ether_log(source: str, to: str, wei: int) -> Log:
    topics = (TRANSFER_TOPIC, word(int(source, 16)), word(int(to, 16)))
    return Log(SYSTEM_ADDRESS, topics, wei.to_bytes(32, "big"))
