"""Accounts and transactions of the simulated Ethereum chain, and the encodings around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from collections.abc import Iterable

GWEI = 10**9
ETHER = 10**18
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


def lower(address: str) -> str:
    """An address as the chain keys it."""
    return address.lower()


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
