"""Values each transfer once, at the moment it came; what has no price yet is asked for again.

A value that was kept is never changed. Gifts of now are valued as they come; a history goes page by
page beside them, so that it delays none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from donations.books import place_of
from donations.errors import StoreError
from donations.prices.asked import unix_now
from donations.prices.candles import LATE_SECONDS
from donations.prices.consensus import Doubt, Price, Unknown
from donations.prices.memory import Memory
from donations.prices.own_prices import OwnFile
from donations.prices.quote import Slot, slot_of
from donations.prices.setup import assets_of
from donations.reasons import Reason
from donations.valuation import Valuation, minor_digits, worth

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import Any

    from donations.books import Place
    from donations.config import Config
    from donations.ledger import Change, Key, Transfer
    from donations.prices.market import Market, Verdict
    from donations.prices.setup import Asset
    from donations.store import Store

logger = logging.getLogger(__name__)

# Seconds between looks at gifts that just came, and at all that have no value.
LIVE_SECONDS: Final = 20
SWEEP_SECONDS: Final = 600
# So many are priced together, since one question tells the prices of months, and so few are written
# at once, since nobody else writes meanwhile.
_PAGE, _WRITTEN = 1_000, 100
# So many of now are held in memory; more are found in the store.
_MOST_LIVE = 1_000
_LIVE_AGE = 3_600
_MOST_REASONS = 20_000
_MOST_PATIENCE = 36  # six hours


class Appraiser:
    """``changed`` is called when values were added."""

    def __init__(
        self,
        config: Config,
        store: Store,
        changed: Callable[[], object],
        market: Market,
        clock: Callable[[], int] = unix_now,
    ) -> None:
        self.market = market
        self.assets: Mapping[tuple[str, str], Asset] = assets_of(config)
        self.own = OwnFile(config)
        self.memory = Memory(store)
        self._currency, self._digits = config.currency, minor_digits(config.currency)
        self._store, self._changed, self._clock = store, changed, clock
        self._live: dict[tuple[Key, str], Transfer] = {}
        self._live_due, self.sweep_due = asyncio.Event(), asyncio.Event()
        self._swept = False
        self._calls, self._patience = 0, 1
        # Why transfers have no value; not of more than these.
        self.why: dict[tuple[Key, str], Unknown] = {}
        self._doubts: dict[str, Counter[Unknown]] = {"live": Counter(), "history": Counter()}

    # -- what is asked of it

    def note(self, changes: Iterable[Change]) -> None:
        """Take in what just came."""
        now = self._clock()
        for change in changes:
            transfer = change.after
            waits = self._live.pop((transfer.key, transfer.id), None) is not None
            came = change.before is None or change.before.bucket is None
            if transfer.bucket is None or not (waits or came):
                continue
            if now - transfer.received_at < _LIVE_AGE and len(self._live) < _MOST_LIVE:
                self._live[transfer.key, transfer.id] = transfer
                self._live_due.set()
            else:
                self.sweep_due.set()

    def tick(self) -> None:
        """Look again at what came of late. Called by the timer, never waits."""
        if self.own.refresh():
            self.sweep_due.set()
        self._live_due.set()

    def sweep(self) -> None:
        """Look again at all that has no value, if there is hope. Called by the timer, as above.

        After looks in vain more and more calls are left out: two hundred thousand gifts in a
        currency that nobody quotes must not be read again and again.
        """
        hopes = (unknown.doubt is not Doubt.NO_MARKET for unknown in self._doubts["history"])
        self._calls += 1
        if self._calls >= self._patience and (not self._swept or any(hopes)):
            self._calls = 0
            self.sweep_due.set()

    @property
    def doubts(self) -> list[tuple[Unknown, int]]:
        """Why transfers have no value, and how many of them, the most frequent first."""
        return (self._doubts["live"] + self._doubts["history"]).most_common()

    def causes(self) -> list[Reason]:
        """What fails, for those who ask how the service fares; none of it keeps it from being."""
        found = self.market.causes()
        if self.own.error is not None:
            found.add(Reason.PRICE_FILE)
        if any(unknown.doubt is not Doubt.NO_MARKET for unknown, _ in self.doubts):
            found.add(Reason.NO_PRICE)
        return sorted(found)

    # -- its work

    async def run(self) -> None:
        """Value what comes and what came, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(self._live_due, self._value_live))
            group.create_task(self._follow(self.sweep_due, self.value_all))
            self.sweep_due.set()

    async def _follow(
        self, due: asyncio.Event, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        while True:
            await due.wait()
            due.clear()
            try:
                await work()
            except StoreError as error:
                logger.error("gifts cannot be valued: %s", error)

    async def _value_live(self) -> None:
        now = self._clock()
        for name, transfer in list(self._live.items()):
            if now - transfer.received_at >= _LIVE_AGE:
                del self._live[name]
                self.sweep_due.set()
        held = list(self._live.values())
        unknown = await self._value(held)
        for transfer in held:
            if (transfer.key, transfer.id) not in unknown:
                self._live.pop((transfer.key, transfer.id), None)
        self._doubts["live"] = Counter(unknown.values())

    async def value_all(self) -> None:
        """Look once at each standing transfer without a value, the newest first."""
        doubts: Counter[Unknown] = Counter()
        before: Place | None = None
        self._swept = False
        valued = 0
        while page := await self._store.run(self._store.unvalued, before, _PAGE):
            before = place_of(page[-1])
            older = [each for each in page if (each.key, each.id) not in self._live]
            unknown = await self._value(older)
            doubts.update(unknown.values())
            valued += len(older) - len(unknown)
        self._tell(doubts)
        self._doubts["history"], self._swept = doubts, True
        in_vain = bool(doubts) and valued == 0
        self._patience = min(2 * self._patience, _MOST_PATIENCE) if in_vain else 1
        if any(unknown.doubt is Doubt.NOT_YET for unknown in doubts):
            self.sweep_due.set()

    async def _value(self, transfers: Sequence[Transfer]) -> dict[tuple[Key, str], Unknown]:
        """Value what has a price now, and say why the others have none."""
        now = self._clock()
        prices = await self._prices(transfers, now)
        unknown: dict[tuple[Key, str], Unknown] = {}
        valued: list[tuple[Key, str, Valuation]] = []
        for transfer, verdict in zip(transfers, prices, strict=True):
            name = transfer.key, transfer.id
            self.why.pop(name, None)
            if isinstance(verdict, Unknown):
                unknown[name] = verdict
                if len(self.why) < _MOST_REASONS:
                    self.why[name] = verdict
            else:
                value = self._frozen(transfer, verdict, now)
                valued.append((transfer.key, transfer.id, value))
        for start in range(0, len(valued), _WRITTEN):
            some = valued[start : start + _WRITTEN]
            await self._store.run(self._store.save_valuations, some)
        if valued:
            self._changed()
        return unknown

    async def _prices(self, transfers: Sequence[Transfer], now: int) -> list[Verdict]:
        settled = [self._settled(transfer, now) for transfer in transfers]
        wanted: dict[str, set[Slot]] = defaultdict(set)
        for transfer, each in zip(transfers, settled, strict=True):
            if isinstance(each, Slot):
                wanted[transfer.key.asset].add(each)
        told = {
            asset: await self.market.look(asset, slots, now, self.memory)
            for asset, slots in wanted.items()
        }
        return [
            told[transfer.key.asset][each] if isinstance(each, Slot) else each
            for transfer, each in zip(transfers, settled, strict=True)
        ]

    def _settled(self, transfer: Transfer, now: int) -> Verdict | Slot:
        """What is known of a transfer's price before any source is asked, else what to ask for."""
        key = transfer.key
        asset = self.assets.get((key.chain, key.asset))
        if asset is None:
            return Unknown(Doubt.NO_MARKET, f"{key.asset} is not watched any more")
        if transfer.received_at > now + LATE_SECONDS:
            return Unknown(Doubt.FUTURE, "it came at a time that is not here yet: see the clock")
        own = self.own.at(asset, transfer.received_at)
        if own is not None:
            return own
        if asset.no_market is not None:
            return Unknown(Doubt.NO_MARKET, asset.no_market)
        return slot_of(transfer.received_at, now)

    def _frozen(self, transfer: Transfer, price: Price, now: int) -> Valuation:
        key = transfer.key
        decimals = self.assets[key.chain, key.asset].decimals
        minor = worth(transfer.amount, decimals, price.text, self._digits)
        return Valuation(self._currency, minor, price.text, price.time, price.source, now)

    def _tell(self, doubts: Counter[Unknown]) -> None:
        """One line in the log for each reason that is new."""
        before = {unknown.doubt for unknown in self._doubts["history"]}
        for unknown, count in doubts.items():
            if unknown.doubt not in before and unknown.doubt is not Doubt.NO_MARKET:
                before.add(unknown.doubt)
                logger.warning("%s gifts have no value yet: %s", count, unknown.text)
