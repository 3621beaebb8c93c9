"""Lies about proofs: what a server shows instead of a Merkle branch, or of a header."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from donations.demo.transaction import merkle_branch, sha256d, shown

if TYPE_CHECKING:
    from donations.demo.block import Block


class ProofLie(StrEnum):
    """How a proof is bent. The branch of the coinbase stays honest but for COINBASE and MOVED.

    MOVED tells a transaction of the block before as one of this block, with all that proves it.
    NONE is no lie: a server that has forgotten the block says so by an empty branch. UNPAID has
    no work in the last header of each answer.
    """

    FORGED = "forged branch"
    POSITION = "wrong position"
    BEYOND = "position beyond the tree"
    OTHER_BLOCK = "branch of another block"
    SHORT = "branch cut"
    LONG = "branch lengthened"
    ITEM = "item of 31 bytes"
    COINBASE = "coinbase of another block"
    MOVED = "block of another height"
    NONE = "no branch"
    UNPAID = "header without work"


def bent(lie: ProofLie | None, branch: list[str], position: int, other: Block) -> tuple[Any, int]:
    """(branch, position) of ``get_merkle`` with a lie in it; ``other`` is another block."""
    match lie:
        case ProofLie.FORGED:
            return [shown(sha256d(bytes.fromhex(each))) for each in branch], position
        case ProofLie.POSITION:
            return branch, position ^ 1
        case ProofLie.BEYOND:
            return branch, position + (1 << len(branch))
        case ProofLie.OTHER_BLOCK:
            return [each[::-1].hex() for each in merkle_branch(other.leaves, 0)[0]], 0
        case ProofLie.SHORT:
            return branch[:-1], position
        case ProofLie.LONG:
            return [*branch, "00" * 32], position
        case ProofLie.NONE:
            return [], 0
        case ProofLie.ITEM:
            return [each[2:] for each in branch], position
        case _:
            return branch, position


def unpaid(header: bytes) -> bytes:
    """The same header with a nonce that does not meet the easiest target."""
    nonce = 0
    while sha256d(bent := header[:76] + nonce.to_bytes(4, "little"))[31] < 0x80:
        nonce += 1
    return bent
