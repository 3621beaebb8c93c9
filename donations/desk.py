"""What the author's pages read, over a connection of its own that cannot write.

One thread reads, so pages wait for each other, and neither the event loop nor the writer for them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from donations import outbox, overview
from donations.author_facts import (
    Asset,
    ChannelLine,
    ClaimLine,
    Delivered,
    Doubts,
    Full,
    Notice,
    OmissionLine,
    Step,
)
from donations.gathering import keys_of
from donations.ledger import Key
from donations.overview import Asked
from donations.store import Store
from donations.summary import read_doubts, shown
from donations.valuation import minor_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.books import Annotation, Entry, Figures, Filter, Place
    from donations.config import Config
    from donations.overview import Overview, Price


class Desk:
    """Reads for the author. Used from one event loop; every method raises StoreError."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._store = Store(config.database, config.timezone, config.currency)
        self._opened = False
        self.currency = config.currency
        self.digits = minor_digits(config.currency)
        self.assets: dict[Key, Asset] = {
            Key(one.chain.name, one.address, symbol): Asset(decimals, one.network, one.required)
            for one in shown(config)
            for symbol, decimals in one.decimals.items()
        }
        self.widgets: tuple[tuple[str, str, frozenset[Key]], ...] = tuple(
            (widget.slug, widget.title, keys_of(config, widget)) for widget in config.widgets
        )

    async def months(self) -> tuple[Figures, int]:
        """Sums by month, and of how many addresses the history is not read to its end."""
        return await self._store.run(self._months)

    def _months(self) -> tuple[Figures, int]:
        store = self._open()
        known = {key for key, standing in store.standings().items() if standing.complete}
        unread = {(key.chain, key.address) for key in self.assets if key not in known}
        return store.months(), len(unread)

    async def overview(self, now: int, prices: Mapping[str, Price]) -> Overview:
        """The overview as of ``now`` (Unix seconds), at today's ``prices`` by asset."""
        return await self._store.run(self._overview, now, prices)

    def _overview(self, now: int, prices: Mapping[str, Price]) -> Overview:
        store = self._open()
        known = {key for key, standing in store.standings().items() if standing.complete}
        asked = Asked(
            currency=self.currency,
            digits=self.digits,
            month=datetime.fromtimestamp(now, self._config.timezone).strftime("%Y-%m"),
            decimals={key: asset.decimals for key, asset in self.assets.items()},
            widgets=self.widgets,
            unread=frozenset(self.assets) - known,
        )
        return overview.take(store.months(), asked, prices, store.manual_gifts())

    async def entries(self, wanted: Filter, before: Place | None, limit: int) -> list[Entry]:
        """Transfers of the configured keys that ``wanted`` lets through, the newest first."""
        return await self._store.run(self._entries, wanted, before, limit)

    def _entries(self, wanted: Filter, before: Place | None, limit: int) -> list[Entry]:
        return self._open().entries(wanted, before, limit)

    async def full(self, key: Key, identity: str) -> Full | None:
        """All that is known of one transfer; None for one that is not known, or not of ours."""
        return await self._store.run(self._full, key, identity)

    def _full(self, key: Key, identity: str) -> Full | None:
        asset, store = self.assets.get(key), self._open()
        entry = None if asset is None else store.entry(key, identity)
        if asset is None or entry is None:
            return None
        return Full(
            entry=entry,
            asset=asset,
            steps=tuple(
                Step(
                    at=told.at,
                    news=told.news,
                    before=told.before,
                    after=told.after,
                    block_hash=told.block_hash,
                    reorged=told.reorged,
                    final_reversed=told.final_reversed,
                    evidence=told.evidence,
                )
                for told in store.changes(key, identity)
            ),
            annotations=tuple(store.annotations(key, identity)),
            inside=store.attributions(key, [identity]).get(identity, ()),
        )

    async def notices(self, before: int | None, limit: int) -> list[Notice]:
        """What was announced, the newest first, and how it fared; before a sequence number."""
        return await self._store.run(self._notices, before, limit)

    def _notices(self, before: int | None, limit: int) -> list[Notice]:
        store = self._open()
        events = store.transaction(outbox.read_latest, before, limit)
        sequences = [event.sequence for event in events]
        fared = store.transaction(outbox.read_deliveries, sequences)
        return [
            Notice(
                event.sequence,
                event.id,
                event.type.value,
                event.at,
                event.payload,
                tuple(
                    Delivered(each.channel, each.message, each.attempts, each.at, each.error)
                    for each in fared
                    if each.sequence == event.sequence
                ),
            )
            for event in events
        ]

    async def channels(self) -> list[ChannelLine]:
        """How each configured channel fares."""
        return await self._store.run(self._channels)

    def _channels(self) -> list[ChannelLine]:
        kept = {each.name: each for each in self._open().transaction(outbox.read_channels)}
        lines = []
        for each in self._config.notify:
            known = kept.get(each.name)
            error = None if known is None else known.error
            stopped = known is not None and known.stopped_at is not None
            lines.append(ChannelLine(each.name, each.way.value, error, stopped))
        return lines

    async def by_hand(self) -> list[Annotation]:
        """The gifts that came another way, the oldest entry first."""
        return await self._store.run(self._by_hand)

    def _by_hand(self) -> list[Annotation]:
        return self._open().manual_gifts()

    async def doubts(self) -> Doubts:
        """What the operators do not tell alike."""
        return await self._store.run(self._doubts)

    def _doubts(self) -> Doubts:
        found = read_doubts(self._config, self._open())
        return Doubts(
            disagree=tuple(sorted(found.disagree.items())),
            claims=tuple(
                ClaimLine(
                    claim.key,
                    claim.id,
                    claim.units,
                    claim.operators,
                    claim.place[0] if claim.place else None,
                    claim.since,
                )
                for claims in found.claims.values()
                for claim in claims
                if claim.key in self.assets
            ),
            omissions=tuple(
                OmissionLine(key, identity, operator, since)
                for key, omitted in found.omissions.items()
                for operator, identity, since in omitted
            ),
            waiting=tuple(
                (key, figure.units, figure.transfers)
                for key, figure in found.waiting.items()
                if figure.transfers
            ),
        )

    def _open(self) -> Store:
        if not self._opened:
            self._store.open_readonly()
            self._opened = True
        return self._store

    def close(self) -> None:
        """Give the connection back."""
        self._store.close()
