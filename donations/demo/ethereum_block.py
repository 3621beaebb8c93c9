"""Blocks of the simulated Ethereum chain, and their JSON forms (execution-apis)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

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

_NO_UNCLES = "0x" + keccak(rlp([])).hex()
_EMPTY_ROOT = keccak(rlp(b""))


@dataclass(frozen=True)
class EthBlock:
    """A block. Its hash is the real one of its header; the roots in it commit to nothing."""

    number: int
    parent: str
    time: int
    miner: str
    base_fee: int
    executed: tuple[Executed, ...]
    withdrawals: tuple[Withdrawal, ...]
    changed: dict[str, Account]
    tokens: dict[tuple[str, str], int]
    state_root: bytes
    extra: bytes
    gas_limit: int = 45_000_000
    blobs_excess: int = 0

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
    def _hashes(self) -> bytes:
        return b"".join(bytes.fromhex(done.payment.hash[2:]) for done in self.executed)

    @property
    def _roots(self) -> tuple[bytes, bytes, bytes]:
        """Of transactions, receipts, withdrawals."""
        made = keccak(self._hashes) if self.executed else _EMPTY_ROOT
        outcome = repr([(done.payment.failed, done.logs) for done in self.executed]).encode()
        paid = keccak(repr(self.withdrawals).encode()) if self.withdrawals else _EMPTY_ROOT
        return made, keccak(outcome) if self.executed else _EMPTY_ROOT, paid

    @cached_property
    def hash(self) -> str:
        """keccak(rlp(header)), with the fields of Prague."""
        transactions, receipts, withdrawals = self._roots
        header = [
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
        return "0x" + keccak(rlp(header)).hex()

    def listed(self, *, full: bool) -> dict[str, Any]:
        """The block as eth_getBlockByNumber gives it."""
        transactions, receipts, withdrawals = self._roots
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
        return transaction_form(done.payment, done.price) | self._place(position)

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
            "cumulativeGasUsed": hex(
                sum(each.payment.gas_used for each in self.executed[: position + 1])
            ),
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
