"""All channels of the configuration, each told by a courier of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from donations import outbox
from donations.config_notify import Way
from donations.errors import ConfigError
from donations.notify.apprise import Apprise
from donations.notify.courier import GAPS, Courier
from donations.notify.mail import Mail
from donations.notify.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.config_notify import ChannelSettings
    from donations.notify.message import Channel
    from donations.store import Store


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
    """Brings what is in the outbox to everyone who is to be told. ``title`` is the widget's."""

    def __init__(
        self,
        channels: Sequence[ChannelSettings],
        store: Store,
        *,
        title: str,
        gaps: Sequence[float] = GAPS,
    ) -> None:
        self._settings = [each for each in channels if each.way is not Way.ATOM]
        self._store, self._title, self._gaps = store, title, gaps
        self.couriers: list[Courier] = []

    @property
    def alarmed(self) -> bool:
        """Whether a channel is stopped, or fails again and again."""
        return any(
            courier.progress.stopped_at is not None or courier.progress.error is not None
            for courier in self.couriers
        )

    async def load(self) -> None:
        """Take up where each channel was. Raises StoreError."""
        marks = {each.name: each.mark for each in self._settings}
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
            for each in self._settings
        ]

    def wake(self) -> None:
        """There may be new events. Never waits."""
        for courier in self.couriers:
            courier.wake()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for courier in self.couriers:
                group.create_task(courier.run())

    async def close(self) -> None:
        for courier in self.couriers:
            await courier.close()
