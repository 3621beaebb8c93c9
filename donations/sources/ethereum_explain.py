"""PURE: one block, its receipts and the change of an account's state -> the transactions behind it.

Every wei of the difference is explained: top-level value, own sends with their gas, withdrawals
(EIP-4895), the fees of a block we proposed. What is left came from inside a contract call.
Steps 13 and 14 of the search; amounts are wei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamMalformed
from donations.ledger import Block, Kind, Transaction
from donations.sources.ethereum_rpc import address20, block_of, field, hash32, quantity

if TYPE_CHECKING:
    from collections.abc import Collection

_GWEI = 10**9
_PLAIN_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction of a block with what its receipt says; ``gas_cost`` is in wei."""

    hash: str
    sender: str
    to: str | None
    value: int
    nonce: int
    succeeded: bool
    gas_used: int
    gas_price: int
    blob_cost: int

    @property
    def gas_cost(self) -> int:
        return self.gas_used * self.gas_price + self.blob_cost


@dataclass(frozen=True, slots=True)
class FullBlock:
    """A block with its transactions, joined with their receipts."""

    block: Block
    parent_hash: str
    proposer: str
    base_fee: int
    withdrawals: tuple[tuple[int, str, int], ...]  # (index, address, wei)
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The transactions of one block at one address. ``own`` is how many the address sent."""

    transactions: tuple[Transaction, ...]
    own: int


def read_block(answer: Any, receipts: Any) -> FullBlock:
    """Join a full block with its receipts. Raises UpstreamMalformed when they do not belong."""
    block = block_of(answer)
    listed = field(answer, "transactions")
    withdrawals = answer.get("withdrawals") or []
    if not all(isinstance(each, list) for each in (listed, receipts, withdrawals)):
        raise UpstreamMalformed("transactions, withdrawals or receipts of a block are no list")
    by_hash = {hash32(field(receipt, "transactionHash")): receipt for receipt in receipts}
    if len(by_hash) != len(listed) or len(receipts) != len(listed):
        raise UpstreamMalformed("a block has another number of receipts than of transactions")
    if any(hash32(field(receipt, "blockHash")) != block.hash for receipt in receipts):
        raise UpstreamMalformed("a receipt is of another block")
    base_fee = answer.get("baseFeePerGas")
    return FullBlock(
        block=block,
        parent_hash=hash32(field(answer, "parentHash")),
        proposer=address20(field(answer, "miner")),
        base_fee=0 if base_fee is None else quantity(base_fee),
        withdrawals=tuple(_withdrawal(item) for item in withdrawals),
        sent=tuple(_sent(item, by_hash) for item in listed),
    )


def _withdrawal(item: Any) -> tuple[int, str, int]:
    amount = quantity(field(item, "amount")) * _GWEI
    return quantity(field(item, "index")), address20(field(item, "address")), amount


def _sent(item: Any, receipts: dict[str, Any]) -> Sent:
    identity = hash32(field(item, "hash"))
    receipt = receipts.get(identity)
    if receipt is None:
        raise UpstreamMalformed("a transaction has no receipt")
    to = item.get("to")
    blob_gas = receipt.get("blobGasUsed")
    blob_price = receipt.get("blobGasPrice")
    blob_cost = quantity(blob_gas) * quantity(blob_price) if blob_gas and blob_price else 0
    return Sent(
        hash=identity,
        sender=address20(field(item, "from")),
        to=None if to is None else address20(to),
        value=quantity(field(item, "value")),
        nonce=quantity(field(item, "nonce")),
        succeeded=quantity(field(receipt, "status")) == 1,
        gas_used=quantity(field(receipt, "gasUsed")),
        gas_price=quantity(field(receipt, "effectiveGasPrice")),
        blob_cost=blob_cost,
    )


def explain(full: FullBlock, address: str, watched: Collection[str], grown: int) -> Explanation:
    """What made the balance of ``address`` (lower case) grow by ``grown`` wei in this block.

    ``watched`` are all watched addresses in lower case. ``grown`` may be negative.
    """
    found: list[Transaction] = []
    own = 0
    for sent in full.sent:
        brings = sent.value if sent.to == address and sent.succeeded else 0
        if sent.sender == address:
            own += 1
            found.append(_own_send(sent, full.block, brings))
        elif brings:
            found.append(
                Transaction(
                    id=sent.hash,
                    block=full.block,
                    consumes=frozenset({_slot(sent)}),
                    brings=((sent.hash, brings),),
                    own=sent.sender in watched,
                )
            )
    found += _rewards(full, address)
    rest = grown - sum(transaction.net for transaction in found)
    if rest:
        ours = any(sent.sender in watched for sent in full.sent)
        found.append(_rest(full, rest, ours))
    return Explanation(tuple(found), own)


def _slot(sent: Sent) -> str:
    return f"{sent.sender}:{sent.nonce}"


def _own_send(sent: Sent, block: Block, brings: int) -> Transaction:
    value = sent.value if sent.succeeded else 0
    return Transaction(
        id=sent.hash,
        block=block,
        consumes=frozenset({_slot(sent)}),
        brings=((sent.hash, brings),) if brings else (),
        spends=((_slot(sent), value + sent.gas_cost),),
        own=True,
    )


def _rewards(full: FullBlock, address: str) -> list[Transaction]:
    """What validators get: never gifts."""
    found = [
        _plain(f"withdrawal {index}", full.block, amount, Kind.UNATTRIBUTED)
        for index, to, amount in full.withdrawals
        if to == address and amount
    ]
    if full.proposer == address:
        fees = sum((sent.gas_price - full.base_fee) * sent.gas_used for sent in full.sent)
        if fees > 0:
            found.append(_plain(f"{full.block.hash}:fees", full.block, fees, Kind.UNATTRIBUTED))
    return found


def _rest(full: FullBlock, rest: int, ours: bool) -> Transaction:
    """A positive rest is a payment from inside a contract call, where one can have been made.

    With a call of a watched address in the block it may be a refund, which is no gift.
    """
    calls = any(sent.to is None or sent.gas_used != _PLAIN_TRANSFER_GAS for sent in full.sent)
    if rest > 0 and calls and not ours:
        return _plain(f"{full.block.hash}:internal", full.block, rest, Kind.GIFT)
    return _plain(f"{full.block.hash}:rest", full.block, rest, Kind.UNATTRIBUTED)


def _plain(identity: str, block: Block, amount: int, kind: Kind) -> Transaction:
    moved = ((identity, abs(amount)),)
    return Transaction(
        id=identity,
        block=block,
        consumes=frozenset(),
        brings=moved if amount > 0 else (),
        spends=moved if amount < 0 else (),
        kind=kind,
    )
