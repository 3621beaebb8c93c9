"""Over blocks whose states an endpoint no longer keeps: what came in between is one transfer.

What is recorded of those blocks already is told again as it stands, and is no part of the rest:
without that a gift of the last minutes before a long silence would count twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from donations.ledger import Block, Checkpoint, Kind, Transaction, Transfer
from donations.sources.ethereum_rpc import block_of, good
from donations.sources.ethereum_search import State, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from donations.sources.ethereum_rpc import StrictProvider

logger = logging.getLogger(__name__)

# Full nodes keep the states of 128 blocks.
SURE_STATES = 96
_ROUND = 32


def horizon_of(tip: Block) -> int:
    """From where states are kept: a round height, so that operators with nearby heads choose the
    same block."""
    return (tip.height - SURE_STATES) // _ROUND * _ROUND


async def jump_gaps(
    rpc: StrictProvider,
    windows: Iterable[Window],
    points: Mapping[str, Checkpoint],
    recorded: Mapping[str, Sequence[Transfer]],
    coded: Collection[str],
) -> tuple[list[Window], dict[str, list[Transaction]]]:
    """Windows that begin at ``points``, where there is one, and the transactions before these.

    The unseen rest is a gift only where no nonce was used for it and the account is not of
    ``coded``; else it is unattributed. Raises UpstreamError.
    """
    later: list[Window] = []
    gaps: dict[str, list[Transaction]] = {}
    for window in windows:
        address, low, point = window.address, window.low, points.get(window.address)
        if point is None:
            later.append(window)
            continue
        horizon = point.block.height
        passed = [
            (t, t.block)
            for t in recorded[address]
            if t.block is not None and low.number < t.block.height <= horizon
        ]
        known = await _still_there(rpc, passed)
        sends = sum(1 for t in known if any(_is_own(c, address) for c in t.consumes))
        grown = point.balance - low.balance - sum(t.net for t in known)
        if grown:
            logger.warning("%s: blocks %s to %s are one entry", address, low.number, horizon)
            silent = point.nonce - low.nonce == sends and address not in coded
            known.append(_rest(point.block, grown, gift=grown > 0 and silent))
        gaps[address] = known
        later.append(Window(address, State(horizon, point.balance, point.nonce), window.high))
    return later, gaps


def _is_own(slot: str, address: str) -> bool:
    return slot.partition(":")[0] == address.lower()


async def _still_there(
    rpc: StrictProvider, transfers: Sequence[tuple[Transfer, Block]]
) -> list[Transaction]:
    """Those whose block the chain still holds, as they were told when it could be read."""
    answers = await rpc.ask(
        [("eth_getBlockByNumber", [hex(block.height), False]) for _, block in transfers]
    )
    return [
        Transaction(
            t.id,
            block,
            t.consumes,
            brings=t.brings,
            spends=t.spends,
            own=t.kind is Kind.OWN,
            kind=Kind.GIFT if t.kind is Kind.OWN else t.kind,
        )
        for (t, block), answer in zip(transfers, answers, strict=True)
        if block_of(good(answer, "eth_getBlockByNumber")) == block
    ]


def _rest(block: Block, units: int, *, gift: bool) -> Transaction:
    """The name holds no start: operators read from different checkpoints tell the same."""
    name = f"{block.hash}:gap"
    moved = ((name, abs(units)),)
    return Transaction(
        name,
        block,
        frozenset(),
        brings=moved if units > 0 else (),
        spends=moved if units < 0 else (),
        kind=Kind.GIFT if gift else Kind.UNATTRIBUTED,
    )
