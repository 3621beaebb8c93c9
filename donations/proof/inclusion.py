"""That a transaction stands in a block: its bytes, its branch, and the branch of the coinbase.

The coinbase stands at the left edge of the tree, so its branch tells the true depth; and it
carries the height of its block (BIP-34).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.errors import BadObservation, ProvenLie, UpstreamMalformed
from donations.proof.merkle import INNER_BYTES, fold
from donations.proof.transaction import RawTransaction, coinbase_height, parse_transaction

if TYPE_CHECKING:
    from donations.proof.headers import Header

# From this block on every coinbase begins with its height, on Bitcoin and on Bitcoin Cash, which
# share it (BIP-34, buried deployment). Private test networks hardly get that far.
BIP34_HEIGHT = 227_931


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What an upstream shows; hashes of the branches are in hashing order.

    ``raw`` is the transaction, ``coinbase`` the first one of the same block, both without their
    witnesses, to which no header binds them (`transaction.without_witness`): so no byte of a proof
    can be changed. ``position`` counts from 0 in the block.
    """

    raw: bytes
    branch: tuple[bytes, ...]
    position: int
    coinbase: bytes
    coinbase_branch: tuple[bytes, ...]


def check_inclusion(inclusion: Inclusion, header: Header, height: int) -> RawTransaction:
    """The transaction, once it is certain that it stands in the block of ``header``.

    Whether that header belongs to the chain, and the txid to what was asked for, is the caller's
    to know. Raises ProvenLie for a proof that contradicts itself, UpstreamMalformed for one that
    cannot be read, BadObservation for one of another block or one that proves nothing.
    """
    transaction, root = fold_inclusion(inclusion, height)
    if root != header.merkle_root:
        raise BadObservation(
            f"the proof of {transaction.txid} belongs to another block than {header.hash}"
        )
    return transaction


def fold_inclusion(inclusion: Inclusion, height: int) -> tuple[RawTransaction, str]:
    """The transaction, and the Merkle root (as headers show it) of the block that it stands in.

    Raises as `check_inclusion` does.
    """
    transaction = parse_transaction(inclusion.raw)
    coinbase = parse_transaction(inclusion.coinbase)
    for each, raw in ((transaction, inclusion.raw), (coinbase, inclusion.coinbase)):
        if each.size != len(raw):
            raise UpstreamMalformed(f"the proof of {each.txid} carries a witness")
        if each.size == INNER_BYTES:
            raise BadObservation(f"{each.txid} has the 64 bytes of an inner node: proves nothing")
    if not coinbase.coinbase:
        raise ProvenLie(
            "the first transaction of a block is no coinbase", f"{coinbase.txid} at position 0"
        )
    if transaction.coinbase != (inclusion.position == 0):
        raise ProvenLie(
            "a coinbase stands first in its block, and nothing else does",
            f"{transaction.txid} at position {inclusion.position}",
        )
    if len(inclusion.branch) != len(inclusion.coinbase_branch):
        raise ProvenLie(
            "two branches of one block differ in length",
            f"{transaction.txid}: {len(inclusion.branch)} items, "
            f"{coinbase.txid} (coinbase): {len(inclusion.coinbase_branch)}",
        )
    root = fold(transaction.txid, inclusion.branch, inclusion.position)
    first = fold(coinbase.txid, inclusion.coinbase_branch, 0)
    if root != first:
        raise ProvenLie(
            "two branches of one block lead to different roots",
            f"{transaction.txid} at position {inclusion.position}: {root[::-1].hex()}, "
            f"{coinbase.txid} (coinbase): {first[::-1].hex()}",
        )
    if height >= BIP34_HEIGHT and (told := coinbase_height(inclusion.coinbase)) != height:
        raise ProvenLie(
            "the coinbase belongs to another height",
            f"{coinbase.txid}, shown for block {height}, begins with the height {told}",
        )
    return transaction, root[::-1].hex()
