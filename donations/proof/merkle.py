"""Merkle branches of Bitcoin and Bitcoin Cash: from one transaction to the root of its block.

The tree has two known weaknesses, and a branch that could use either is refused: a lone node is
paired with itself, so that a list can be lengthened without another root (CVE-2012-2459); and an
inner node is hashed as 64 bytes, which can be the bytes of a transaction too (CVE-2017-12842).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.errors import BadObservation, ProvenLie, UpstreamMalformed
from donations.proof.transaction import double_sha256, parse_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

# No block has more than 2^24 transactions of at least 60 bytes; servers give no longer branch.
MAX_DEPTH = 30
NODE_BYTES = 32
# A transaction of this size, without its witness, looks like an inner node of the tree.
INNER_BYTES = 2 * NODE_BYTES


def fold(txid: str, branch: Sequence[bytes], position: int) -> bytes:
    """The root that a transaction at ``position`` and its branch lead to.

    ``branch`` and the root are in hashing order: hashes as they are shown, reversed. Raises
    UpstreamMalformed for what is no branch, ProvenLie for one that no tree has, BadObservation
    for one with an inner node that can be read as a transaction.
    """
    if len(branch) > MAX_DEPTH or any(len(sibling) != NODE_BYTES for sibling in branch):
        raise UpstreamMalformed(f"a Merkle branch has at most {MAX_DEPTH} items of 32 bytes")
    if position < 0 or position >> len(branch):
        raise ProvenLie(
            f"position {position} lies beyond a tree of depth {len(branch)}",
            f"transaction {txid} at position {position}, branch of {len(branch)} items",
        )
    node = bytes.fromhex(txid)[::-1]
    for depth, sibling in enumerate(branch):
        if position >> depth & 1:
            if sibling == node:
                raise ProvenLie(
                    "a node stands to the right of its own copy",
                    f"transaction {txid} at position {position}: {sibling[::-1].hex()} twice "
                    f"at depth {depth}",
                )
            pair = sibling + node
        else:
            pair = node + sibling
        _refuse_transaction(pair, txid)
        node = double_sha256(pair)
    return node


def _refuse_transaction(pair: bytes, txid: str) -> None:
    if pair[4] != 1:  # the number of its inputs: a second one needs more room
        return
    try:
        parse_transaction(pair)
    except UpstreamMalformed:
        return
    raise BadObservation(f"an inner node above {txid} can be read as a transaction")
