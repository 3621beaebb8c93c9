"""Ethereum block headers: what a block hash commits to.

Sources: yellow paper, section 4.3; EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685, EIP-7928 and
EIP-7843 for the fields that forks appended. A later fork will append more: a hash that does not
follow from the fields known here proves no lie, and proves nothing else either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak

from donations.errors import Unprovable, UpstreamMalformed
from donations.proof.ethereum_fields import data, number, optional
from donations.proof.rlp import Encodable, decode, encode, integer, items, octets

# Name in JSON-RPC -> size in bytes, 0 for an integer, None for bytes of any number.
_FIELDS: dict[str, int | None] = {
    "parentHash": 32,
    "sha3Uncles": 32,
    "miner": 20,
    "stateRoot": 32,
    "transactionsRoot": 32,
    "receiptsRoot": 32,
    "logsBloom": 256,
    "difficulty": 0,
    "number": 0,
    "gasLimit": 0,
    "gasUsed": 0,
    "timestamp": 0,
    "extraData": None,
    "mixHash": 32,
    "nonce": 8,
}
# What forks appended, each in its order: a header has the first few of them.
_APPENDED: dict[str, int] = {
    "baseFeePerGas": 0,
    "withdrawalsRoot": 32,
    "blobGasUsed": 0,
    "excessBlobGas": 0,
    "parentBeaconBlockRoot": 32,
    "requestsHash": 32,
    "blockAccessListHash": 32,
    "slotNumber": 0,
}
_WITHDRAWALS = 16
_MAX_FIELDS = 64


@dataclass(frozen=True, slots=True)
class EthereumHeader:
    """``raw`` is its RLP, of which ``hash`` is the hash; ``time`` in Unix seconds.

    ``withdrawals_root`` is None before Shanghai.
    """

    raw: bytes
    hash: str
    parent: str
    proposer: str
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    number: int
    time: int
    withdrawals_root: bytes | None


def parse_ethereum_header(raw: bytes) -> EthereumHeader:
    """Read a header; fields beyond those known are covered by its hash like the others.

    Raises UpstreamMalformed.
    """
    fields = items(decode(raw), *range(len(_FIELDS), _MAX_FIELDS))
    for field, (name, size) in zip(fields, (_FIELDS | _APPENDED).items(), strict=False):
        if size == 0:
            integer(field)
        elif size is not None and len(octets(field)) != size:
            raise UpstreamMalformed(f"a header whose {name} has {len(octets(field))} bytes")
    return EthereumHeader(
        raw=raw,
        hash="0x" + keccak(raw).hex(),
        parent="0x" + octets(fields[0]).hex(),
        proposer="0x" + octets(fields[2]).hex(),
        state_root=octets(fields[3]),
        transactions_root=octets(fields[4]),
        receipts_root=octets(fields[5]),
        number=integer(fields[8]),
        time=integer(fields[11]),
        withdrawals_root=octets(fields[_WITHDRAWALS]) if len(fields) > _WITHDRAWALS else None,
    )


def header_of(answer: Any) -> EthereumHeader:
    """The header of an ``eth_getBlockBy...`` answer, whose hash follows from its fields.

    Raises Unprovable when it does not, UpstreamMalformed for what is no block.
    """
    fields: list[Encodable] = [_field(answer, name, size) for name, size in _FIELDS.items()]
    known = [name for name in _APPENDED if optional(answer, name) is not None]
    if known != list(_APPENDED)[: len(known)]:
        raise Unprovable("a header with the fields of no fork: its hash cannot be recomputed")
    fields += [_field(answer, name, _APPENDED[name]) for name in known]
    header = parse_ethereum_header(encode(fields))
    told = data(answer, "hash", 32)
    if header.hash != "0x" + told.hex():
        raise Unprovable(
            f"the hash of block {header.number} does not follow from the fields that are known "
            "(a newer fork appends some): it cannot be recomputed"
        )
    return header


def _field(answer: Any, name: str, size: int | None) -> bytes | int:
    return number(answer, name) if size == 0 else data(answer, name, size)
