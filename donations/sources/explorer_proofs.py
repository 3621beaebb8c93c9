"""Headers and proofs of one explorer: what a chain of headers and a Merkle tree need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.errors import ProvenLie, UpstreamMoved, UpstreamUnavailable
from donations.proof.headers import parse_header
from donations.proof.inclusion import Inclusion, fold_inclusion
from donations.proof.transaction import double_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.sources.explorer import Api
    from donations.sources.rest import Rest
    from donations.sources.utxo_json import Linked

# Further back is for an Electrum server, which tells 2,016 headers at a time.
_FARTHEST = 2_016


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction stands in its block, and the block's coinbase; hashing order."""

    position: int
    branch: tuple[bytes, ...]
    coinbase: str
    coinbase_branch: tuple[bytes, ...]


async def read_headers(api: Api, tip: int, start: int, count: int) -> list[bytes]:
    """Some headers from height ``start`` up, the tip being at ``tip``.

    Raises UpstreamUnavailable for what lies too far back.
    """
    if start > tip:
        return []
    if start < tip - _FARTHEST:
        raise UpstreamUnavailable("its headers of long ago would take too many requests")
    told = await api.headers(start, min(count, tip - start + 1))
    return [each.header for each in told]


async def read_inclusion(api: Api, rest: Rest, txid: str, height: int) -> Inclusion:
    """What the explorer shows for a transaction in its block at ``height``.

    A reorg between two answers, and a cache, make them contradict each other too. So what looks
    like a lie is read once more. Raises ProvenLie when the same header stood there all the time,
    UpstreamMoved when it did not.
    """
    try:
        return await _look(api, txid, height)
    except ProvenLie:
        before = await api.header(height)
    await rest.past_caches()
    try:
        return await _look(api, txid, height)
    except ProvenLie:
        if await api.header(height) == before:
            raise
        raise UpstreamMoved(f"block {height} changed while a proof was read") from None


async def _look(api: Api, txid: str, height: int) -> Inclusion:
    linked: Linked = await api.header(height)
    place = await api.place(txid, linked.block)
    told, first = await api.transaction(txid), await api.transaction(place.coinbase)
    inclusion = Inclusion(
        raw=told.raw,
        branch=place.branch,
        position=place.position,
        coinbase=first.raw,
        coinbase_branch=place.coinbase_branch,
    )
    root = fold_inclusion(inclusion, height)[1]
    own = parse_header(linked.header)
    if root != own.merkle_root:
        raise ProvenLie(
            f"its proof of {txid} does not lead to its own block {height}",
            f"{txid} at position {inclusion.position} of block {own.hash} ({height}): "
            f"the branch leads to {root}, the header has {own.merkle_root}",
        )
    return inclusion


def branch_of(txids: Sequence[str], position: int) -> tuple[bytes, ...]:
    """The Merkle branch of one of all transactions of a block. A lone node pairs with itself."""
    level = [bytes.fromhex(txid)[::-1] for txid in txids]
    branch = []
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        branch.append(level[position ^ 1])
        position //= 2
        level = [double_sha256(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return tuple(branch)
