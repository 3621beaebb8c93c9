"""All that brings news to the author, beside the service and never in its way."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from donations import outbox
from donations.config_notify import Way
from donations.errors import ConfigError, StoreError
from donations.notify.apprise import Apprise
from donations.notify.courier import GAPS, Courier
from donations.notify.feed import read_entries
from donations.notify.goals import Goals
from donations.notify.mail import Mail
from donations.notify.silence import Silence
from donations.notify.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.config import Config
    from donations.config_notify import ChannelSettings
    from donations.notify.message import Channel, Message
    from donations.snapshot import Snapshot
    from donations.store import Store
    from donations.tracker import Tracker

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 20.0


def make_channel(settings: ChannelSettings) -> Channel:
    """The channel of these settings; a feed is none, it is fetched."""
    match settings.way:
        case Way.WEBHOOK:
            return Webhook(settings)
        case Way.EMAIL:
            return Mail(settings)
        case Way.APPRISE:
            return Apprise(settings)
        case Way.ATOM:
            raise ConfigError("a feed is fetched, nothing is sent to it", key=settings.name)


class Notifier:
    """Brings what is in the outbox to everyone who is to be told.

    ``publish`` takes the entries of a feed whenever there are new ones.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        trackers: Sequence[Tracker],
        publish: Callable[[ChannelSettings, Sequence[Message]], None],
        *,
        gaps: Sequence[float] = GAPS,
    ) -> None:
        self.couriers: list[Courier] = []
        self._title, self._store, self._gaps = config.title, store, gaps
        self._sent = [each for each in config.notify if each.way is not Way.ATOM]
        self._fetched = [each for each in config.notify if each.way is Way.ATOM]
        self._publish = publish
        self._silence = Silence(trackers, store, 60.0 * config.silent_minutes)
        self._goals = Goals(store)
        self._news = asyncio.Event()

    @property
    def alarmed(self) -> bool:
        """Whether a channel is stopped, or did not take the last message."""
        return any(courier.progress.error is not None for courier in self.couriers)

    async def load(self) -> None:
        """Take up where each channel was. Raises StoreError."""
        marks = {each.name: each.mark for each in self._sent}
        kept = await self._store.transact(outbox.open_channels, marks)
        self.couriers = [
            Courier(
                each,
                make_channel(each),
                self._store,
                kept[each.name],
                title=self._title,
                gaps=self._gaps,
            )
            for each in self._sent
        ]
        await self._silence.load()

    def wake(self) -> None:
        """There may be new events. Never waits."""
        self._news.set()
        for courier in self.couriers:
            courier.wake()

    async def look_at(self, snapshot: Snapshot) -> None:
        """Is a goal reached? Raises StoreError."""
        if await self._goals.look(snapshot, int(time.time())):
            self.wake()

    async def run(self) -> None:
        """Deliver until cancelled. An error in one channel, a bug, ends none of the others."""
        works = [self._look(), *(courier.run() for courier in self.couriers)]
        if self._fetched:
            works.append(self._renew())
        tasks = [asyncio.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(_report)
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        for courier in self.couriers:
            await courier.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._silence.look()
            self.wake()

    async def _renew(self) -> None:
        """Keep the feeds as the outbox is."""
        while True:
            self._news.clear()
            try:
                for each in self._fetched:
                    self._publish(each, await read_entries(each, self._store, self._title))
            except StoreError as error:
                logger.error("the feeds cannot be renewed: %s", error)
            await self._news.wait()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("a channel ended by an error", exc_info=task.exception())
