"""That a transaction stands in a block with its receipt, and that an account grew in it.

All of it is checked from bytes against roots in a header. Whether that header belongs to the
chain cannot be seen here: it rests on the operators who agree on its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import BadObservation, ProvenLie, Unprovable, UpstreamMalformed
from donations.proof.account import ProvenAccount, account_at
from donations.proof.ethereum_fields import listed
from donations.proof.ethereum_logs import ether_moved
from donations.proof.ethereum_transaction import (
    EthereumTransaction,
    Receipt,
    encode_receipt,
    encode_transaction,
    encode_withdrawal,
    keyed,
    parse_ethereum_transaction,
    parse_receipt,
    parse_withdrawal,
)
from donations.proof.rlp import encode
from donations.proof.trie import EMPTY_ROOT, Trie, look_up

if TYPE_CHECKING:
    from donations.proof.ethereum_header import EthereumHeader

_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class EthereumInclusion:
    """A transaction's position in its block, and the nodes that lead to it and to its receipt."""

    index: int
    transaction: tuple[bytes, ...]
    receipt: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """An account before and after a block, and all withdrawals of the block, encoded.

    ``parent`` is the header of the block before, ``payments`` are the transactions of the block
    that brought the account something from outside: one that is left out would count as income
    from inside, so claims about one block are checked together.
    """

    parent: bytes
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    withdrawals: tuple[bytes, ...]
    payments: tuple[EthereumInclusion, ...]


def check_ethereum_inclusion(
    inclusion: EthereumInclusion, header: EthereumHeader
) -> tuple[EthereumTransaction, Receipt]:
    """The transaction and its receipt, once it is certain that both stand in the block.

    Raises UpstreamMalformed, Unprovable, and BadObservation for a proof of another block.
    """
    key = encode(inclusion.index)
    sent = look_up(header.transactions_root, key, inclusion.transaction)
    outcome = look_up(header.receipts_root, key, inclusion.receipt)
    if sent is None or outcome is None:
        raise BadObservation(f"block {header.hash} has no transaction {inclusion.index}")
    transaction = parse_ethereum_transaction(sent)
    return transaction, parse_receipt(outcome, transaction.kind)


def pays(transaction: EthereumTransaction, receipt: Receipt, address: str) -> bool:
    """Whether the transaction itself, not a call in it, brought ether to the address."""
    return receipt.succeeded and transaction.to == address.lower() and transaction.value > 0


def check_growth(
    growth: Growth, header: EthereumHeader, parent: EthereumHeader, address: str
) -> tuple[int, ProvenAccount]:
    """What came to ``address`` from inside calls in the block, in wei, and the account after it.

    The account must not have sent anything nor earned fees in the block. Raises as
    `check_ethereum_inclusion` does.
    """
    if header.parent != parent.hash:
        raise BadObservation(f"block {parent.hash} is not the one before {header.hash}")
    before = account_at(parent.state_root, address, growth.before)
    after = account_at(header.state_root, address, growth.after)
    if after.nonce != before.nonce or header.proposer == address.lower():
        raise BadObservation(f"{address} sent something, or earned fees, in block {header.hash}")
    known = _withdrawn(growth, header, address) + _paid(growth, header, address)
    return after.balance - before.balance - known, after


def _withdrawn(growth: Growth, header: EthereumHeader, address: str) -> int:
    root = Trie(keyed(growth.withdrawals)).root
    # Before Shanghai there were none, and no root of them.
    if root != (EMPTY_ROOT if header.withdrawals_root is None else header.withdrawals_root):
        raise BadObservation(f"these are not the withdrawals of block {header.hash}")
    paid = [parse_withdrawal(raw) for raw in growth.withdrawals]
    return sum(gwei * _GWEI for to, gwei in paid if to == address.lower())


def _paid(growth: Growth, header: EthereumHeader, address: str) -> int:
    places = [payment.index for payment in growth.payments]
    if places != sorted(set(places)):
        raise UpstreamMalformed("payments that are not in their order, or one that is there twice")
    total = 0
    for payment in growth.payments:
        transaction, receipt = check_ethereum_inclusion(payment, header)
        if not pays(transaction, receipt, address):
            raise BadObservation(f"{transaction.hash} brought nothing to {address}")
        total += transaction.value
    return total


class WholeBlock:
    """A full block with its receipts, found to be what its header commits to."""

    def __init__(self, header: EthereumHeader, answer: Any, receipts: Any) -> None:
        """Raises UpstreamMalformed, Unprovable; ProvenLie for transactions or withdrawals that
        the upstream's own header denies, BadObservation for receipts that are not the block's.
        """
        sent = [encode_transaction(each) for each in listed(answer, "transactions")]
        outcomes = [encode_receipt(each) for each in listed({"receipts": receipts}, "receipts")]
        self.header = header
        self._raws, self._receipts = sent, outcomes
        self._sent, self._outcomes = Trie(keyed(sent)), Trie(keyed(outcomes))
        self.withdrawals: tuple[bytes, ...] = ()
        if header.withdrawals_root is not None:
            withdrawals = listed(answer, "withdrawals")
            self.withdrawals = tuple(encode_withdrawal(each) for each in withdrawals)
            _same(
                header, "withdrawals", Trie(keyed(self.withdrawals)).root, header.withdrawals_root
            )
        _same(header, "transactions", self._sent.root, header.transactions_root)
        if self._outcomes.root != header.receipts_root:
            raise BadObservation(f"these are not the receipts of block {header.hash}")

    def payments(self, address: str) -> tuple[EthereumInclusion, ...]:
        """The proofs of all transactions that brought ether to the address from outside."""
        found = []
        for index, (sent, outcome) in enumerate(zip(self._raws, self._receipts, strict=True)):
            transaction = parse_ethereum_transaction(sent)
            if pays(transaction, parse_receipt(outcome, transaction.kind), address):
                found.append(self.inclusion(index))
        return tuple(found)

    def inside(self, address: str) -> tuple[tuple[str, int], ...]:
        """(transaction, wei) of all that brought ether to the address from inside calls.

        None at all on a chain without logs of ether (EIP-7708): it does not tell.
        """
        found = []
        for sent, outcome in zip(self._raws, self._receipts, strict=True):
            transaction = parse_ethereum_transaction(sent)
            receipt = parse_receipt(outcome, transaction.kind)
            wei = ether_moved(receipt, address.lower())
            wei -= transaction.value if pays(transaction, receipt, address) else 0
            if wei > 0:
                found.append((transaction.hash, wei))
        return tuple(found)

    def position(self, transaction_hash: str) -> int:
        """The position of a transaction. Raises Unprovable where there is none such."""
        for index, raw in enumerate(self._raws):
            if parse_ethereum_transaction(raw).hash == transaction_hash:
                return index
        raise Unprovable(f"{transaction_hash} is not in block {self.header.number}")

    def inclusion(self, index: int) -> EthereumInclusion:
        """The proof of the transaction at a position of the block."""
        key = encode(index)
        return EthereumInclusion(index, self._sent.branch(key), self._outcomes.branch(key))


def _same(header: EthereumHeader, what: str, root: bytes, wanted: bytes) -> None:
    if root != wanted:
        raise ProvenLie(
            f"a block whose own header denies its {what}",
            f"block {header.number} {header.hash}: the {what} told lead to the root "
            f"0x{root.hex()}, the header has 0x{wanted.hex()}",
        )
