"""Which transactions a payment from inside contract calls came with: learned later, and only shown.

State tells that such a payment came, in which block and how much. An explorer, asked with the
operator's own key, names the transactions around it. Names are kept beside the transfer when they
add up to it; its amount and its place in the ledger never change by them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from donations.errors import StoreError, UpstreamError, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from donations.ledger import Transfer
    from donations.sources.etherscan import EtherscanApi
    from donations.sources.etherscan_answers import Inside
    from donations.store import Store

logger = logging.getLogger(__name__)

POLL_SECONDS = 300
# At a poll; a free key has a hundred thousand requests a day.
_AT_ONCE = 20
_AGAIN_SECONDS = 6 * 3600


def attribute(transfer: Transfer, rows: Iterable[Inside]) -> tuple[tuple[str, int], ...] | None:
    """(transaction, base units) that a transfer is made of; None where they do not add up to it."""
    address = transfer.key.address.lower()
    if transfer.block is None:
        return None
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.height == transfer.block.height:
            found[row.hash] += row.units * ((row.recipient == address) - (row.sender == address))
    parts = tuple((txid, units) for txid, units in found.items() if units)
    adds_up = sum(units for _, units in parts) == transfer.amount
    return parts if parts and adds_up and all(units > 0 for _, units in parts) else None


class Attribution:
    """Asks for the payments of one chain, a few at a time. ``due`` is set by a timer, ``named``
    hears of each that got its names."""

    def __init__(
        self, chain: str, api: EtherscanApi, store: Store, named: Callable[[Transfer], None]
    ) -> None:
        self.chain, self._api, self._store, self._named = chain, api, store, named
        self.due = asyncio.Event()
        self.error: UpstreamError | None = None
        self._asked: dict[str, int] = {}
        self._resume_at = 0

    async def run(self) -> None:
        """Ask whenever it is ``due``, until cancelled."""
        while True:
            await self.due.wait()
            self.due.clear()
            await self.poll()

    async def poll(self) -> None:
        """Name what is final and has no name yet."""
        now = int(time.monotonic())
        if now < self._resume_at:
            return
        self._asked = {name: at for name, at in self._asked.items() if at > now - _AGAIN_SECONDS}
        try:
            waiting = await self._store.run(self._store.unattributed, self.chain)
            fresh = [transfer for transfer in waiting if _name(transfer) not in self._asked]
            for transfer in fresh[:_AT_ONCE]:
                await self._ask(transfer, now)
                self.error = None
        except UpstreamError as error:
            pause = error.retry_after if isinstance(error, UpstreamUnavailable) else None
            self._resume_at = now + int(pause or POLL_SECONDS)
            if self.error is None or self.error.why is not error.why:
                logger.warning("%s, %s: %s", self.chain, self._api.name, error)
            self.error = error
        except StoreError as error:
            logger.error("payments cannot be named: %s", error)

    async def _ask(self, transfer: Transfer, now: int) -> None:
        if transfer.block is None:
            return
        height = transfer.block.height
        rows = await self._api.inside(transfer.key.address, height, height)
        self._asked[_name(transfer)] = now
        parts = attribute(transfer, rows)
        if parts is None:
            logger.warning(
                "%s: what %s lists in block %s does not add up to the payment found there",
                self.chain,
                self._api.name,
                height,
            )
            return
        await self._store.run(self._store.attribute, transfer.key, transfer.id, parts)
        self._named(transfer)

    async def close(self) -> None:
        await self._api.close()


def _name(transfer: Transfer) -> str:
    return f"{transfer.key.address} {transfer.id}"
