"""Keeps the listing of all transfers up to date, over a connection of its own that cannot write.

It reads when something changed, never because somebody asks; the writer is not kept waiting.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from donations.errors import StoreError
from donations.ledger import Key, Level
from donations.listing import Listing, Place, place_of
from donations.snapshot import Established
from donations.store import Store
from donations.summary import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from donations.config import Config
    from donations.ledger import Transfer
    from donations.snapshot import Shown

logger = logging.getLogger(__name__)


class _BrokenOff(Exception):
    """The service is being stopped, and nobody waits for what was being read."""


class Lister:
    """The listing of some addresses, by default of all. Used from one event loop."""

    def __init__(self, config: Config, addresses: Sequence[Shown] | None = None) -> None:
        addresses = shown(config) if addresses is None else addresses
        self._store = Store(config.database, config.timezone, config.currency)
        # Names are looked up while transfers stream over the other one.
        self._names = Store(config.database, config.timezone, config.currency)
        self._opened = False
        self._closing = False
        self._moved: set[Place] = set()
        self._thanks: Mapping[tuple[Key, str], str] = {}
        self._due = asyncio.Event()
        self._keys = frozenset(
            Key(one.chain.name, one.address, symbol) for one in addresses for symbol in one.decimals
        )
        self.listing = Listing(addresses)

    def note(self, transfers: Iterable[Transfer | None]) -> None:
        """Something was committed: transfers as they were, and as they are now.

        A first history is read as a whole when its end is reached, so nothing of it is noted.
        """
        listed = self.listing.keys
        self._moved |= {place_of(t) for t in transfers if t is not None and t.key in listed}

    def wake(self) -> None:
        """There may be something new."""
        self._due.set()

    async def follow(self, publish: Callable[[Listing], None]) -> None:
        """Hand on the listing, at once and after each `wake`, until cancelled."""
        while True:
            self._due.clear()
            try:
                publish(await self.renew())
            except StoreError as error:
                logger.error("the list of transfers cannot be renewed: %s", error)
            await self._due.wait()

    async def renew(self) -> Listing:
        """The listing as of now. Raises StoreError; what changed is then still to be read."""
        # What changes once more while it is read is noted once more, and read again.
        moved, self._moved = frozenset(self._moved), set()
        try:
            self.listing = await self._store.run(self._read, self.listing, moved)
        except StoreError:
            self._moved |= moved
            raise
        return self.listing

    def _read(self, listing: Listing, moved: frozenset[Place]) -> Listing:
        if not self._opened:
            self._store.open_readonly()
            self._names.open_readonly()
            self._opened = True
        known = self._store.standings().items()
        whole = [key for key, standing in known if standing.complete and key in self._keys]
        self._thanks = self._names.thanks()
        try:
            return listing.renew(whole, moved, self._in_order, self._inside, self._thanks_for)
        except _BrokenOff:
            return listing

    def _thanks_for(self, transfer: Transfer) -> str:
        return self._thanks.get((transfer.key, transfer.id), "")

    def _in_order(self, keys: Sequence[Key], since: int) -> Iterator[Transfer]:
        for transfer in self._store.in_order(keys, since):
            if self._closing:
                raise _BrokenOff
            yield transfer

    def _inside(self, transfer: Transfer) -> tuple[str, ...]:
        """The transactions that income from inside contract calls came with, where known."""
        if not transfer.id.endswith(":internal"):
            return ()
        named = self._names.attributions(transfer.key, [transfer.id])
        return tuple(txid for txid, _ in named.get(transfer.id, ()))

    def close(self) -> None:
        """Give the connection back; a long reading under way is broken off, and changes nothing."""
        self._closing = True
        self._store.close()
        self._names.close()


def count_established(listing: Listing) -> Established:
    """How many gifts stand in blocks, and how many of them are proven."""
    sums = listing.sums.items()
    return Established(
        gifts=sum(gifts for _, (_, gifts) in sums),
        proven=sum(gifts for (_, level), (_, gifts) in sums if level is Level.PROVEN),
    )
