"""What a state root says of one account, and what the account's storage root says of one slot.

Source: Ethereum yellow paper, section 4.1; EIP-1186 for the form of the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from donations.proof.rlp import decode, integer, items, octets
from donations.proof.trie import EMPTY_ROOT, HASH_BYTES, look_up

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_CODE = keccak(b"")


@dataclass(frozen=True, slots=True)
class ProvenAccount:
    """``balance`` is in wei. An account that is not in the state has nothing in it."""

    nonce: int = 0
    balance: int = 0
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = NO_CODE


def account_at(state_root: bytes, address: str, nodes: Sequence[bytes]) -> ProvenAccount:
    """The account of ``address`` under a state root. Raises as `trie.look_up` does."""
    found = look_up(state_root, keccak(bytes.fromhex(address[2:])), nodes)
    if found is None:
        return ProvenAccount()
    nonce, balance, storage_root, code_hash = items(decode(found), 4)
    return ProvenAccount(
        integer(nonce),
        integer(balance),
        octets(storage_root, HASH_BYTES),
        octets(code_hash, HASH_BYTES),
    )


def slot_at(storage_root: bytes, slot: int, nodes: Sequence[bytes]) -> int:
    """The 256-bit word of a storage slot, 0 where there is none. Raises as `trie.look_up` does."""
    found = look_up(storage_root, keccak(slot.to_bytes(32, "big")), nodes)
    return 0 if found is None else integer(decode(found))
