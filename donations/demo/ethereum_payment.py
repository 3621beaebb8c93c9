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
BASE_FEE = 3 * GWEI
# Where ether's own transfer logs come from (EIP-7708).
SYSTEM_ADDRESS = "0xfffffffffffffffffffffffffffffffffffffffe"
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
    an account that gets (or loses) code. ``envelope`` is the type of a plain one: 0, 1 or 2.
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
    envelope: int = 2

    @property
    def kind(self) -> int:
        """The transaction type (EIP-2718)."""
        return 3 if self.blobs else 4 if self.code is not None else self.envelope

    @property
    def price(self) -> int:
        """What a unit of gas costs, in wei."""
        return BASE_FEE + self.priority_fee

    @property
    def hashes(self) -> list[bytes]:
        """The versioned hashes of its blobs."""
        return [bytes([1, *([0] * 30), n]) for n in range(self.blobs)]

    @property
    def delegation(self) -> list[Rlp]:
        """The authorization that gives an account its code (EIP-7702); a signature is made up."""
        address, code = self.code or ("", b"")
        nonce = int.from_bytes(keccak(address.encode())[:2], "big")
        return [self.chain_id, code[3:] or bytes(20), nonce, 1, *self._signature]

    @property
    def input(self) -> bytes:
        """Call data: none for a plain payment."""
        plain = self.gas_used == 21_000 and self.to is not None
        return b"" if plain else keccak(repr((self.moves, self.logs)).encode())[:4]

    @property
    def _signature(self) -> list[Rlp]:
        """Two numbers that look like one; nobody here could sign."""
        told = repr((self.sender, self.to, self.value, self.nonce, self.priority_fee)).encode()
        return [int.from_bytes(keccak(told + half), "big") >> 1 for half in (b"r", b"s")]

    @cached_property
    def raw(self) -> bytes:
        """The transaction as it is hashed and as its block's trie holds it."""
        fee: list[Rlp] = [self.price]
        if self.kind >= 2:
            fee = [self.priority_fee, 2 * self.price]
        fields: list[Rlp] = [
            self.nonce,
            *fee,
            self.gas_used,
            b"" if self.to is None else bytes.fromhex(self.to[2:]),
            self.value,
            self.input,
        ]
        if self.kind == 0:
            return rlp([*fields, 35 + 2 * self.chain_id, *self._signature])
        fields = [self.chain_id, *fields, []]
        if self.kind == 3:
            fields += [2, [*self.hashes]]
        if self.kind == 4:
            fields += [[self.delegation]]
        return bytes([self.kind]) + rlp([*fields, 0, *self._signature])

    @cached_property
    def hash(self) -> str:
        """The transaction's hash."""
        return octets(keccak(self.raw))

    @property
    def signature(self) -> dict[str, str]:
        """The signature as JSON-RPC writes it."""
        r, s = (hex(half) for half in self._signature if isinstance(half, int))
        if self.kind == 0:
            return {"v": hex(35 + 2 * self.chain_id), "r": r, "s": s}
        return {"v": "0x0", "yParity": "0x0", "r": r, "s": s}


@dataclass(frozen=True)
class Executed:
    """A transaction in a block; ``price`` is what a unit of gas cost, in wei.

    ``ether_logs`` are those of EIP-7708, on a chain that has them.
    """

    payment: Payment
    price: int
    blob_gas: int
    blob_price: int
    ether_logs: tuple[Log, ...] = ()

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
        return () if self.payment.failed else (*self.ether_logs, *self.payment.logs)


def transaction_form(payment: Payment) -> dict[str, Any]:
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
        "gasPrice": hex(payment.price),
        "input": octets(payment.input),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        **payment.signature,
    }
    if payment.kind >= 1:
        form["accessList"] = []
    if payment.kind >= 2:
        form["maxFeePerGas"] = hex(2 * payment.price)
        form["maxPriorityFeePerGas"] = hex(payment.priority_fee)
    if payment.blobs:
        form["maxFeePerBlobGas"] = "0x2"
        form["blobVersionedHashes"] = [octets(each) for each in payment.hashes]
    if payment.code is not None:
        chain_id, address, nonce, parity, r, s = payment.delegation
        told = {"chainId": chain_id, "nonce": nonce, "yParity": parity, "r": r, "s": s}
        form["authorizationList"] = [
            {name: hex(number) for name, number in told.items() if isinstance(number, int)}
            | {"address": octets(address) if isinstance(address, bytes) else None}
        ]
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
