"""Blocks of the simulated Ethereum chain, and their JSON forms (execution-apis)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from donations.demo.ethereum_payment import (
    Account,
    Executed,
    Withdrawal,
    bloom,
    octets,
    rlp,
    transaction_form,
    word,
)
from donations.demo.ethereum_trie import Node, of_list, root

if TYPE_CHECKING:
    from donations.demo.ethereum_payment import Rlp

_NO_UNCLES = "0x" + keccak(rlp([])).hex()


@dataclass(frozen=True)
class EthBlock:
    """A block. Its hash is the real one of its header, and so are the roots in it.

    ``state`` is the trie of all accounts that ever were in a block. ``amsterdam``: it has the
    header of that fork, and logs of ether.
    """

    number: int
    parent: str
    time: int
    miner: str
    base_fee: int
    executed: tuple[Executed, ...]
    withdrawals: tuple[Withdrawal, ...]
    changed: dict[str, Account]
    tokens: dict[tuple[str, str], int]
    state: Node | None
    extra: bytes
    gas_limit: int = 45_000_000
    blobs_excess: int = 0
    amsterdam: bool = False

    @property
    def gas_used(self) -> int:
        """Gas of all transactions."""
        return sum(done.payment.gas_used for done in self.executed)

    @property
    def blob_gas(self) -> int:
        """Blob gas of all transactions."""
        return sum(done.blob_gas for done in self.executed)

    @cached_property
    def bloom(self) -> bytes:
        """The filter over all logs."""
        return bloom(log for done in self.executed for log in done.logs)

    @property
    def state_root(self) -> bytes:
        """The root of the state."""
        return root(self.state)

    @cached_property
    def _roots(self) -> tuple[bytes, bytes, bytes]:
        """Of transactions, receipts, withdrawals."""
        made = of_list(done.payment.raw for done in self.executed)
        outcome = of_list(map(self._raw_receipt, range(len(self.executed))))
        paid = of_list(
            rlp([each.index, each.validator, bytes.fromhex(each.address[2:]), each.gwei])
            for each in self.withdrawals
        )
        return root(made), root(outcome), root(paid)

    def _raw_receipt(self, position: int) -> bytes:
        """A receipt as the trie holds it (EIP-2718, EIP-658)."""
        done = self.executed[position]
        logs: list[Rlp] = [
            [
                bytes.fromhex(log.address[2:]),
                [bytes.fromhex(topic[2:]) for topic in log.topics],
                log.data,
            ]
            for log in done.logs
        ]
        status = 0 if done.payment.failed else 1
        kind = bytes([done.payment.kind]) if done.payment.kind else b""
        return kind + rlp([status, self._gas_up_to(position), bloom(done.logs), logs])

    def _gas_up_to(self, position: int) -> int:
        return sum(each.payment.gas_used for each in self.executed[: position + 1])

    @cached_property
    def hash(self) -> str:
        """keccak(rlp(header)), with the fields of Prague or Amsterdam."""
        transactions, receipts, withdrawals = self._roots
        header: list[Rlp] = [
            bytes.fromhex(self.parent[2:]),
            bytes.fromhex(_NO_UNCLES[2:]),
            bytes.fromhex(self.miner[2:]),
            self.state_root,
            transactions,
            receipts,
            self.bloom,
            0,
            self.number,
            self.gas_limit,
            self.gas_used,
            self.time,
            self.extra,
            bytes(32),
            bytes(8),
            self.base_fee,
            withdrawals,
            self.blob_gas,
            self.blobs_excess,
            bytes(32),
            bytes(32),
        ]
        if self.amsterdam:
            header += [bytes(32), self.number]
        return "0x" + keccak(rlp(header)).hex()

    def listed(self, *, full: bool) -> dict[str, Any]:
        """The block as eth_getBlockByNumber gives it."""
        transactions, receipts, withdrawals = self._roots
        amsterdam = {"blockAccessListHash": word(0), "slotNumber": hex(self.number)}
        if not self.amsterdam:
            amsterdam = {}
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "sha3Uncles": _NO_UNCLES,
            "miner": self.miner,
            "stateRoot": octets(self.state_root),
            "transactionsRoot": octets(transactions),
            "receiptsRoot": octets(receipts),
            "logsBloom": octets(self.bloom),
            "difficulty": "0x0",
            "gasLimit": hex(self.gas_limit),
            "gasUsed": hex(self.gas_used),
            "timestamp": hex(self.time),
            "extraData": octets(self.extra),
            "mixHash": word(0),
            "nonce": octets(bytes(8)),
            "baseFeePerGas": hex(self.base_fee),
            "withdrawalsRoot": octets(withdrawals),
            "blobGasUsed": hex(self.blob_gas),
            "excessBlobGas": hex(self.blobs_excess),
            "parentBeaconBlockRoot": word(0),
            "requestsHash": word(0),
            **amsterdam,
            "size": hex(700 + 200 * len(self.executed)),
            "uncles": [],
            "transactions": [
                self.transaction(position) if full else done.payment.hash
                for position, done in enumerate(self.executed)
            ],
            "withdrawals": [
                {
                    "index": hex(each.index),
                    "validatorIndex": hex(each.validator),
                    "address": each.address,
                    "amount": hex(each.gwei),
                }
                for each in self.withdrawals
            ],
        }

    def transaction(self, position: int) -> dict[str, Any]:
        """A transaction as eth_getTransactionByHash gives it."""
        done = self.executed[position]
        return transaction_form(done.payment) | self._place(position)

    def receipt(self, position: int) -> dict[str, Any]:
        """A receipt as eth_getTransactionReceipt gives it."""
        done = self.executed[position]
        payment = done.payment
        blobs = {"blobGasUsed": hex(done.blob_gas), "blobGasPrice": hex(done.blob_price)}
        return {
            "transactionHash": payment.hash,
            **self._place(position),
            "from": payment.sender,
            "to": payment.to,
            "contractAddress": done.created if payment.to is None else None,
            "cumulativeGasUsed": hex(self._gas_up_to(position)),
            "gasUsed": hex(payment.gas_used),
            "effectiveGasPrice": hex(done.price),
            "status": "0x0" if payment.failed else "0x1",
            "type": hex(payment.kind),
            "logs": self.logs(position),
            "logsBloom": octets(bloom(done.logs)),
            **(blobs if payment.blobs else {}),
        }

    def logs(self, position: int) -> list[dict[str, Any]]:
        """The logs of one transaction as eth_getLogs gives them."""
        before = sum(len(done.logs) for done in self.executed[:position])
        done = self.executed[position]
        return [
            {
                "address": log.address,
                "topics": list(log.topics),
                "data": octets(log.data),
                "transactionHash": done.payment.hash,
                **self._place(position),
                "blockTimestamp": hex(self.time),
                "logIndex": hex(before + ordinal),
                "removed": False,
            }
            for ordinal, log in enumerate(done.logs)
        ]

    def _place(self, position: int) -> dict[str, Any]:
        return {
            "blockHash": self.hash,
            "blockNumber": hex(self.number),
            "transactionIndex": hex(position),
        }
