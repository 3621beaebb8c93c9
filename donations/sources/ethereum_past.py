"""What came to an Ethereum address before its watch began, from an explorer, checked to the wei.

The list is taken only when it adds up: what came in and went out is the balance that a node tells
at the block where the watch begins, and its own transactions are as many as the nonce there. What
does not add up is not a past: the balance stays an opening entry.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from donations.errors import UpstreamError
from donations.ledger import Block, Checkpoint, Kind, Transaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

    from donations.sources.etherscan import EtherscanApi
    from donations.sources.etherscan_answers import Called, Inside, Withdrawn

logger = logging.getLogger(__name__)

_TRIES = 3


class Past:
    """The pasts of the addresses of one chain: all operators hear of the same one.

    Whether there is one is decided once for each address, so that operators do not differ in it.
    """

    def __init__(self, api: EtherscanApi, watched: Collection[str]) -> None:
        self._api = api
        self._watched = frozenset(address.lower() for address in watched)
        self._lists: dict[str, tuple[list[Called], list[Inside], list[Withdrawn]]] = {}
        self._failures: dict[str, int] = defaultdict(int)

    async def transactions(
        self,
        address: str,
        point: Checkpoint,
        blocks_at: Callable[[list[int]], Awaitable[dict[int, Block]]],
    ) -> tuple[Transaction, ...] | None:
        """All that happened up to ``point``; None where the explorer does not explain it.

        Raises UpstreamError while the explorer may still answer.
        """
        if self._failures[address] >= _TRIES:
            return None
        try:
            lists = self._lists.get(address) or await self._read(address, point.block.height)
        except UpstreamError as error:
            self._failures[address] += 1
            logger.warning("the past of %s is not told: %s", address, error)
            if self._failures[address] < _TRIES:
                raise
            return None
        self._lists[address] = lists
        called, inside, withdrawn = lists
        heights = {row.height for row in called}
        heights |= {row.height for row in inside} | {row.height for row in withdrawn}
        blocks = await blocks_at(sorted(heights))
        found = explain_past(address.lower(), self._watched, lists, blocks)
        own = sum(1 for row in called if row.sender == address.lower())
        if (sum(t.net for t in found), own) != (point.balance, point.nonce):
            logger.warning(
                "what the explorer lists of %s does not add up to its balance and nonce at block "
                "%s: it is not taken",
                address,
                point.block.height,
            )
            return None
        return found

    async def _read(
        self, address: str, last: int
    ) -> tuple[list[Called], list[Inside], list[Withdrawn]]:
        return (
            await self._api.called(address, 0, last),
            await self._api.inside(address, 0, last),
            await self._api.withdrawn(address, 0, last),
        )


def explain_past(
    address: str,
    watched: Collection[str],
    lists: tuple[Iterable[Called], Iterable[Inside], Iterable[Withdrawn]],
    blocks: Mapping[int, Block],
) -> tuple[Transaction, ...]:
    """The transactions of an address (lower case), named as a search by state names them."""
    called, inside, withdrawn = lists
    found = [_called(row, address, watched, blocks[row.height]) for row in _once(called)]
    callers = {row.height for row in called if row.sender in watched}
    within: dict[int, int] = defaultdict(int)
    for row in inside:
        within[row.height] += row.units if row.recipient == address else 0
        within[row.height] -= row.units if row.sender == address else 0
    for height, units in within.items():
        gift = units > 0 and height not in callers
        name = f"{blocks[height].hash}:{'internal' if gift else 'rest'}"
        if units:
            kind = Kind.GIFT if gift else Kind.UNATTRIBUTED
            found.append(_moved(name, blocks[height], units, kind))
    found += [
        _moved(f"withdrawal {row.index}", blocks[row.height], row.units, Kind.UNATTRIBUTED)
        for row in withdrawn
        if row.units
    ]
    return tuple(t for t in found if t.ours)


def _once(called: Iterable[Called]) -> list[Called]:
    return list({row.hash: row for row in called}.values())


def _called(row: Called, address: str, watched: Collection[str], block: Block) -> Transaction:
    slot = f"{row.sender}:{row.nonce}"
    brings = row.units if row.recipient == address and row.succeeded else 0
    sent = row.sender == address
    spends = (row.units if row.succeeded else 0) + row.fee if sent else 0
    return Transaction(
        id=row.hash,
        block=block,
        consumes=frozenset({slot}),
        brings=((row.hash, brings),) if brings else (),
        spends=((slot, spends),) if spends else (),
        own=row.sender in watched,
    )


def _moved(name: str, block: Block, units: int, kind: Kind) -> Transaction:
    moved = ((name, abs(units)),)
    return Transaction(
        id=name,
        block=block,
        consumes=frozenset(),
        brings=moved if units > 0 else (),
        spends=moved if units < 0 else (),
        kind=kind,
    )
