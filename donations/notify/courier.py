"""One channel: its events one after the other, each until it is taken or given up.

At least once: an event is marked when it was taken, so a kill between the two sends it again, with
the same id and the same bytes. In order: the next one waits for the one before.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from donations import outbox
from donations.announcements import depends_on_told, is_wanted
from donations.config_notify import Way
from donations.errors import NotDelivered, StoreError
from donations.notify.message import of_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.announcements import Type
    from donations.config_notify import ChannelSettings
    from donations.notify.message import Channel, Message
    from donations.outbox import Event, Progress
    from donations.store import Store

logger = logging.getLogger(__name__)

# Standard Webhooks: the seconds between ten attempts, over 75 hours and a half.
GAPS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER = 0.2
_PORTION = 200
_STORE_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``messages`` in any ``seconds``. More news than may be sent go as one digest."""

    messages: int
    seconds: int

    def wait(self, sent: Sequence[int], now: int) -> int:
        """Seconds until the next message: half of them at once, then evenly spread."""
        recent = [at for at in sent if now - self.seconds < at <= now]
        if len(recent) < self.messages // 2:
            return 0
        spread = recent[-1] + self.seconds // self.messages - now
        full = recent[-self.messages] + self.seconds - now if len(recent) >= self.messages else 0
        return max(spread, full, 0)

    def room(self, sent: Sequence[int], now: int) -> int:
        """How many messages may be sent at once now."""
        recent = sum(now - self.seconds < at <= now for at in sent)
        return max(1, self.messages // 2 - recent)


# Programs are told each event. People are not buried under a storm of dust.
LIMITS = {Way.EMAIL: Limit(20, 3600), Way.APPRISE: Limit(20, 600)}


class Courier:
    """Brings the events of the store to one channel."""

    def __init__(
        self,
        settings: ChannelSettings,
        channel: Channel,
        store: Store,
        progress: Progress,
        *,
        title: str,
        gaps: Sequence[float] = GAPS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings, self.progress = settings, progress
        self.failing = False
        self._channel, self._store = channel, store
        self._title, self._gaps, self._clock = title, gaps, clock
        self._limit = LIMITS.get(settings.way)
        self._read: deque[Event] = deque()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be new events."""
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                pause = await self.step()
            except StoreError as error:
                logger.error("%s: what to send cannot be read: %s", self.settings.name, error)
                pause = _STORE_PAUSE
            if pause is None:
                await self._news.wait()
                self._news.clear()
            elif pause > 0:
                await asyncio.sleep(pause)

    async def close(self) -> None:
        await self._channel.close()

    async def step(self) -> float | None:
        """Make at most one attempt; the seconds until the next, None: when there are news."""
        if self.progress.stopped_at is not None:
            return None
        now = int(self._clock())
        longest = int(self._gaps[-1] * (1 + _JITTER)) + 1
        wait = min(self.progress.due - now, longest)  # a clock that was set back
        if wait > 0:
            return wait
        events = await self._next(now)
        if isinstance(events, int):
            return events
        if not events:
            return None
        message = of_events(events, self.settings.language, self._title)
        try:
            await self._channel.send(message)
        except NotDelivered as error:
            await self._failed(events, message, error)
        else:
            await self._taken(events, message)
        return 0

    # -- what comes next

    async def _next(self, now: int) -> list[Event] | int:
        """The events of the next message; or the seconds until it may be sent."""
        if self._limit is None:
            return await self._next_single()
        if self.progress.planned <= self.progress.cursor:
            since = now - self._limit.seconds
            sent = await self._store.transact(outbox.read_sent, self.settings.name, since)
            events = await self._wanted(1_000)
            if not events:
                return []
            wait = self._limit.wait(sent, now)
            if wait:
                return wait
            if len(events) <= self._limit.room(sent, now):
                events = events[:1]
            # Kept first, so that a second attempt after a kill tells the same.
            await self._keep(replace(self.progress, planned=events[-1].sequence))
        planned = self.progress.planned
        return [e for e in await self._wanted(1_000) if e.sequence <= planned]

    async def _next_single(self) -> list[Event]:
        while True:
            if not self._read:
                self._news.clear()
                after = self.progress.cursor
                self._read.extend(await self._store.transact(outbox.read_events, after, _PORTION))
                if not self._read:
                    return []
            event = self._read[0]
            if await self._is_wanted(event, ()):
                return [event]
            self._pass(self._read.popleft())

    async def _wanted(self, limit: int) -> list[Event]:
        self._news.clear()
        wanted: list[Event] = []
        read = await self._store.transact(outbox.read_events, self.progress.cursor, limit)
        for event in read:
            if await self._is_wanted(event, wanted):
                wanted.append(event)
            elif not wanted:
                self._pass(event)
        # All that was read is for others: there may be more behind.
        return wanted if wanted or len(read) < limit else await self._wanted(limit)

    async def _is_wanted(self, event: Event, before: Sequence[Event]) -> bool:
        told: list[Type] = []
        if depends_on_told(event.type, self.settings.events):
            told = await self._store.transact(outbox.read_told, self.settings.name, event.subject)
            told += [each.type for each in before if each.subject == event.subject]
        return is_wanted(event.type, self.settings.events, told)

    def _pass(self, event: Event) -> None:
        """This one is for others. Kept with the next step: to pass it twice does no harm."""
        self.progress = replace(self.progress, cursor=event.sequence)

    # -- how it went

    async def _taken(self, events: Sequence[Event], message: Message) -> None:
        if self.failing:
            logger.info("%s: taken again", self.settings.name)
        self.failing = False
        await self._mark(events, message, None)

    async def _failed(self, events: Sequence[Event], message: Message, error: NotDelivered) -> None:
        name, attempts = self.settings.name, self.progress.attempts + 1
        now = int(self._clock())
        if not self.failing:
            logger.warning("%s: not taken: %s", name, error)
        self.failing = True
        if error.gone:
            logger.warning("%s: stopped until its settings are changed", name)
            await self._keep(replace(self.progress, error=str(error), stopped_at=now))
        elif attempts > len(self._gaps):
            logger.error("%s: %s given up after %s attempts: %s", name, message.id, attempts, error)
            await self._mark(events, message, str(error))
        else:
            gap = self._gaps[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
            due = now + int(max(gap, error.retry_after or 0))
            await self._keep(replace(self.progress, attempts=attempts, due=due, error=str(error)))

    async def _mark(self, events: Sequence[Event], message: Message, error: str | None) -> None:
        """Note it, and go on. What was taken is not sent again because a disk is full."""
        now, attempts = int(self._clock()), self.progress.attempts + 1
        name = self.settings.name
        deliveries = [
            outbox.Delivery(name, e.sequence, message.id, attempts, now, error) for e in events
        ]
        last = events[-1].sequence
        progress = replace(self.progress, cursor=last, planned=last, attempts=0, due=0, error=error)
        while True:
            try:
                await self._store.transact(outbox.put_deliveries, deliveries, progress)
                break
            except StoreError as problem:
                logger.error("%s: what was sent cannot be noted: %s", name, problem)
                await asyncio.sleep(_STORE_PAUSE)
        self.progress = progress
        if self._read and self._read[0].sequence == last:
            self._read.popleft()

    async def _keep(self, progress: Progress) -> None:
        await self._store.transact(outbox.put_progress, progress)
        self.progress = progress
