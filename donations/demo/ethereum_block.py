"""Blocks of the simulated Ethereum chain, and their JSON forms (execution-apis)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from collections.abc import Iterable

GWEI = 10**9
Rlp = bytes | int | list[Any]


def rlp(item: Rlp) -> bytes:
    """Recursive length prefix (yellow paper, appendix B); an integer is its shortest bytes."""
    if isinstance(item, list):
        body, short = b"".join(map(rlp, item)), 0xC0
    else:
        body = item.to_bytes((item.bit_length() + 7) // 8, "big") if isinstance(item, int) else item
        if len(body) == 1 and body[0] < 0x80:
            return body
        short = 0x80
    if len(body) <= 55:
        return bytes([short + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([short + 55 + len(size)]) + size + body


TRANSFER_TOPIC = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
_NO_UNCLES = "0x" + keccak(rlp([])).hex()
_EMPTY_ROOT = keccak(rlp(b""))


@dataclass(frozen=True, slots=True)
class Account:
    """The state of an address: balance in wei, nonce, code."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""


NO_ACCOUNT = Account()


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a contract."""

    address: str
    topics: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Money from the consensus layer, in Gwei."""

    index: int
    validator: int
    address: str
    gwei: int


@dataclass(frozen=True)
class Payment:
    """A transaction and what it will do.

    ``moves`` are (from, to, wei) inside calls (from None: the called or created contract), ``code``
    an account that gets (or loses) code.
    """

    sender: str
    to: str | None
    value: int
    nonce: int
    chain_id: int
    gas_used: int = 21_000
    priority_fee: int = GWEI
    failed: bool = False
    moves: tuple[tuple[str | None, str, int], ...] = ()
    logs: tuple[Log, ...] = ()
    code: tuple[str, bytes] | None = None
    blobs: int = 0

    @property
    def kind(self) -> int:
        """The transaction type (EIP-2718)."""
        return 3 if self.blobs else 4 if self.code is not None else 2

    @property
    def input(self) -> bytes:
        """Call data: none for a plain payment."""
        plain = self.gas_used == 21_000 and self.to is not None
        return b"" if plain else keccak(repr((self.moves, self.logs)).encode())[:4]

    @cached_property
    def hash(self) -> str:
        """The transaction's hash."""
        fields = [
            self.chain_id,
            self.nonce,
            self.priority_fee,
            self.gas_used,
            b"" if self.to is None else bytes.fromhex(self.to[2:]),
            self.value,
            self.input,
            bytes.fromhex(self.sender[2:]),
        ]
        return "0x" + keccak(bytes([self.kind]) + rlp(fields)).hex()


@dataclass(frozen=True)
class Executed:
    """A transaction in a block; ``price`` is what a unit of gas cost, in wei."""

    payment: Payment
    price: int
    blob_gas: int
    blob_price: int

    @property
    def gas_cost(self) -> int:
        """What the sender paid beside the value, in wei."""
        return self.payment.gas_used * self.price + self.blob_gas * self.blob_price

    @property
    def created(self) -> str:
        """The address of the contract that a creation makes."""
        source = [bytes.fromhex(self.payment.sender[2:]), self.payment.nonce]
        return "0x" + keccak(rlp(source))[12:].hex()

    @property
    def logs(self) -> tuple[Log, ...]:
        """The events it left: none when it failed."""
        return () if self.payment.failed else self.payment.logs


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
    blobs_excess: int = field(default=0)

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


def transaction_form(payment: Payment, price: int) -> dict[str, Any]:
    """A transaction's own fields; where it lies comes on top."""
    form: dict[str, Any] = {
        "hash": payment.hash,
        "type": hex(payment.kind),
        "chainId": hex(payment.chain_id),
        "nonce": hex(payment.nonce),
        "from": payment.sender,
        "to": payment.to,
        "value": hex(payment.value),
        "gas": hex(payment.gas_used),
        "gasPrice": hex(price),
        "maxFeePerGas": hex(2 * price),
        "maxPriorityFeePerGas": hex(payment.priority_fee),
        "input": octets(payment.input),
        "accessList": [],
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "v": "0x0",
        "yParity": "0x0",
        "r": hex(int(payment.hash, 16) | 1),
        "s": "0x1",
    }
    if payment.blobs:
        form["maxFeePerBlobGas"] = "0x2"
        form["blobVersionedHashes"] = ["0x01" + "00" * 31] * payment.blobs
    if payment.code is not None:
        form["authorizationList"] = []
    return form


def octets(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + data.hex()


def word(number: int) -> str:
    """32 bytes, such as an address in a topic."""
    return f"0x{number:064x}"


def bloom(logs: Iterable[Log]) -> bytes:
    """The 2048-bit filter over addresses and topics (yellow paper, 4.3.1)."""
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            digest = keccak(bytes.fromhex(item[2:]))
            for start in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits.to_bytes(256, "big")
