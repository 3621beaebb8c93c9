"""All of prices that a running service has: values of gifts, and what things cost today."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from donations.prices.appraiser import LIVE_SECONDS, SWEEP_SECONDS, Appraiser
from donations.prices.setup import make_market
from donations.prices.today import REFRESH_SECONDS, TodayPrices
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.config import Config
    from donations.ledger import Key
    from donations.prices.asked import Asked
    from donations.prices.ecb import Ecb
    from donations.prices.source import PriceSource
    from donations.store import Store

logger = logging.getLogger(__name__)


class Pricing:
    """``changed`` is called when a value or a price of today did. Raises ConfigError for the file
    of own prices.
    """

    def __init__(self, config: Config, store: Store, changed: Callable[[], object]) -> None:
        self._market = make_market(config)
        self.appraiser = Appraiser(config, store, changed, self._market)
        self.today = TodayPrices(self._market, self.appraiser.assets.values(), store, changed)
        self._today_due = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> tuple[tuple[int, Callable[[], None]], ...]:
        """What a timer has to call every so many seconds."""
        return (
            (LIVE_SECONDS, self.appraiser.tick),
            (SWEEP_SECONDS, self.appraiser.sweep),
            (REFRESH_SECONDS, self._today_due.set),
        )

    def why(self, key: Key, identity: str) -> str:
        """Why a transfer has no value, as was found last; "" where that is not known."""
        unknown = self.appraiser.why.get((key, identity))
        return "" if unknown is None else unknown.text

    def causes(self) -> list[Reason]:
        """What fails, for those who ask how the service fares; none of it keeps it from being."""
        ended = self._work is not None and self._work.done()
        return [*self.appraiser.causes(), *([Reason.UNEXPECTED] if ended else [])]

    @property
    def asked(self) -> tuple[Asked[PriceSource] | Asked[Ecb], ...]:
        """Everybody who may be asked."""
        return self._market.asked

    def start(self) -> None:
        """Begin to work, until it is closed. What goes wrong here ends nothing else."""
        self._work = asyncio.create_task(self._run())
        self._work.add_done_callback(_report)

    async def _run(self) -> None:
        await self.today.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.appraiser.run())
            group.create_task(self.today.run(self._today_due))

    async def close(self) -> None:
        """Give up what is being asked."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._market.close()


def _report(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and work.exception() is not None:
        logger.error("gifts are not valued any more", exc_info=work.exception())
