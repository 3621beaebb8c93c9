"""Ethereum transactions, receipts and withdrawals as the tries of a block hold them.

Sources: EIP-2718 (envelopes), yellow paper 4.2 (legacy, type 0), EIP-2930 (1), EIP-1559 (2),
EIP-4844 (3), EIP-7702 (4), EIP-658 (status of a receipt), EIP-4895 (withdrawals). A type that is
not known here cannot be encoded, and is no lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from donations.errors import Unprovable, UpstreamMalformed
from donations.proof.ethereum_fields import data, listed, number, octets, optional
from donations.proof.rlp import Encodable, Item, decode, encode, integer, items
from donations.proof.rlp import octets as raw_octets

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESS_BYTES = 20
ROOT_BYTES = 32
_PRICES = {
    0: ("gasPrice",),
    1: ("gasPrice",),
    2: ("maxPriorityFeePerGas", "maxFeePerGas"),
    3: ("maxPriorityFeePerGas", "maxFeePerGas"),
    4: ("maxPriorityFeePerGas", "maxFeePerGas"),
}
# How many fields a transaction has, and which of them is the nonce.
_SHAPES = {0: (9, 0), 1: (11, 1), 2: (12, 1), 3: (14, 1), 4: (13, 1)}
_NEWEST = max(_SHAPES)
_BLOOM = 256


@dataclass(frozen=True, slots=True)
class EthereumTransaction:
    """What a raw transaction says; ``value`` is in wei, ``to`` None where it makes a contract."""

    hash: str
    kind: int
    nonce: int
    to: str | None
    value: int


@dataclass(frozen=True, slots=True)
class ReceiptLog:
    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    succeeded: bool
    logs: tuple[ReceiptLog, ...]


# -- reading what a trie holds


def parse_ethereum_transaction(raw: bytes) -> EthereumTransaction:
    """Read an encoded transaction. Raises UpstreamMalformed, Unprovable for an unknown type."""
    kind, body = _envelope(raw)
    count, first = _SHAPES[kind]
    fields = items(decode(body), count)
    to = raw_octets(fields[first + 2 + len(_PRICES[kind])], 0, ADDRESS_BYTES)
    return EthereumTransaction(
        hash="0x" + keccak(raw).hex(),
        kind=kind,
        nonce=integer(fields[first]),
        to="0x" + to.hex() if to else None,
        value=integer(fields[first + 3 + len(_PRICES[kind])]),
    )


def parse_receipt(raw: bytes, kind: int) -> Receipt:
    """Read an encoded receipt of a transaction of this type.

    Raises UpstreamMalformed; Unprovable for a receipt of before Byzantium (2017): it holds a root
    of the state, and does not tell whether the transaction succeeded.
    """
    told, body = _envelope(raw)
    if told != kind:
        raise UpstreamMalformed(f"a receipt of type {told} for a transaction of type {kind}")
    status, gas, bloom, logs = items(decode(body), 4)
    integer(gas)
    raw_octets(bloom, _BLOOM)
    outcome = raw_octets(status)
    if len(outcome) == ROOT_BYTES:
        raise Unprovable("a receipt of before Byzantium tells no success")
    if outcome not in (b"", b"\x01"):
        raise UpstreamMalformed("a receipt whose status is neither 0 nor 1")
    return Receipt(outcome == b"\x01", tuple(_parsed_log(log) for log in items(logs)))


def _parsed_log(log: Item) -> ReceiptLog:
    address, topics, content = items(log, 3)
    return ReceiptLog(
        "0x" + raw_octets(address, ADDRESS_BYTES).hex(),
        tuple(raw_octets(topic, 32) for topic in items(topics, *range(5))),
        raw_octets(content),
    )


def _envelope(raw: bytes) -> tuple[int, bytes]:
    """The type of an encoded transaction or receipt, and the list in it."""
    if raw[:1] >= b"\xc0":
        return 0, raw
    if not raw or raw[0] > 0x7F or raw[0] == 0:
        raise UpstreamMalformed("neither a transaction nor a receipt")
    if raw[0] > _NEWEST:
        raise Unprovable(f"a transaction of the unknown type {raw[0]}")
    return raw[0], raw[1:]


# -- encoding what JSON-RPC tells


def encode_transaction(told: Any) -> bytes:
    """A transaction of a full block, as its trie holds it. Its hash is the one told.

    Raises UpstreamMalformed; Unprovable for an unknown type, and when the fields do not lead to
    the hash.
    """
    kind = _kind(told)
    fields: list[Encodable] = [number(told, "nonce")]
    if kind:
        fields.insert(0, number(told, "chainId"))
    fields += [number(told, name) for name in _PRICES[kind]]
    to = optional(told, "to")
    fields += [
        number(told, "gas"),
        b"" if to is None else octets(to, "to", ADDRESS_BYTES),
        number(told, "value"),
        data(told, "input"),
    ]
    if kind:
        fields.append([_access(entry) for entry in listed(told, "accessList")])
    if kind == 3:
        hashes = listed(told, "blobVersionedHashes")
        fields += [number(told, "maxFeePerBlobGas"), [octets(h, "blob", 32) for h in hashes]]
    if kind == 4:
        fields.append([_authorization(each) for each in listed(told, "authorizationList")])
    parity = "v" if kind == 0 or optional(told, "yParity") is None else "yParity"
    fields += [number(told, parity), _word(told, "r"), _word(told, "s")]
    raw = (bytes((kind,)) if kind else b"") + encode(fields)
    if keccak(raw) != data(told, "hash", 32):
        raise Unprovable(f"the fields of transaction {told['hash']} do not lead to its hash")
    return raw


def encode_receipt(told: Any) -> bytes:
    """A receipt, as its trie holds it. Raises UpstreamMalformed, Unprovable for unknown types."""
    kind = _kind(told)
    early = optional(told, "status") is None
    status: Encodable = data(told, "root", ROOT_BYTES) if early else number(told, "status")
    logs: list[Encodable] = [
        [
            data(log, "address", ADDRESS_BYTES),
            [octets(topic, "topic", 32) for topic in listed(log, "topics")],
            data(log, "data"),
        ]
        for log in listed(told, "logs")
    ]
    gas = number(told, "cumulativeGasUsed")
    fields: list[Encodable] = [status, gas, data(told, "logsBloom", _BLOOM), logs]
    return (bytes((kind,)) if kind else b"") + encode(fields)


def encode_withdrawal(told: Any) -> bytes:
    """A withdrawal of a block, as its trie holds it. Raises UpstreamMalformed."""
    return encode(
        [
            number(told, "index"),
            number(told, "validatorIndex"),
            data(told, "address", ADDRESS_BYTES),
            number(told, "amount"),
        ]
    )


def parse_withdrawal(raw: bytes) -> tuple[str, int]:
    """The address of an encoded withdrawal, and its amount in Gwei. Raises UpstreamMalformed."""
    index, validator, address, amount = items(decode(raw), 4)
    for place in (index, validator):
        integer(place)
    return "0x" + raw_octets(address, ADDRESS_BYTES).hex(), integer(amount)


def keyed(encoded: Sequence[bytes]) -> dict[bytes, bytes]:
    """Items of a block under the keys that its tries give them: their positions."""
    return {encode(position): raw for position, raw in enumerate(encoded)}


def _kind(told: Any) -> int:
    kind = number(told, "type") if optional(told, "type") is not None else 0
    if kind > _NEWEST:
        raise Unprovable(f"a transaction of the unknown type {kind}")
    return kind


def _access(entry: Any) -> Encodable:
    keys = [octets(key, "storageKeys", 32) for key in listed(entry, "storageKeys")]
    return [data(entry, "address", ADDRESS_BYTES), keys]


def _authorization(told: Any) -> Encodable:
    parity = "v" if optional(told, "yParity") is None else "yParity"
    return [
        number(told, "chainId"),
        data(told, "address", ADDRESS_BYTES),
        number(told, "nonce"),
        number(told, parity),
        _word(told, "r"),
        _word(told, "s"),
    ]


def _word(told: Any, name: str) -> int:
    """Half of a signature: some endpoints write it with leading zeros, as 32 bytes."""
    text = optional(told, name)
    if isinstance(text, str) and len(text) == 66:
        return int.from_bytes(data(told, name, 32), "big")
    return number(told, name)
