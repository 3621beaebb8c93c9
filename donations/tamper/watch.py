"""Reads the author's pages every few hours, and says once when something on them changed."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from donations.errors import ConfigError, StoreError, UpstreamError
from donations.fetch import Ways, fetch_page
from donations.public_web import public_sockets
from donations.tamper.inspect import inspect
from donations.tamper.state import (
    PageState,
    after_failure,
    after_reading,
    announcements,
    fact,
    from_facts,
    news,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from donations.config import PageWatch
    from donations.store import Store
    from donations.tamper.expectation import Expectation

logger = logging.getLogger(__name__)

# Seconds after the start until a page that is due is read: the network may come up late.
_FIRST = (20.0, 120.0)
_JITTER = 0.1  # of the interval, either way
_AGAIN_SECONDS = 900.0  # after a failure


def safe_ways(url: str) -> Ways:
    """Public addresses only, and the one that the configuration itself spells out."""
    return Ways(public_sockets(url))


class Watch:
    """Holds the state of each page. `tick` is called once a minute and never waits."""

    def __init__(
        self,
        settings: PageWatch,
        expectation: Expectation,
        store: Store,
        ways: Callable[[str], Ways] = safe_ways,
    ) -> None:
        self._settings, self._expectation, self._store = settings, expectation, store
        self._ways = ways
        self._due: dict[str, float] = {}
        self._reading: asyncio.Task[None] | None = None
        self._states: dict[str, PageState] = {}

    @property
    def states(self) -> tuple[PageState, ...]:
        """What is known, in the order of the configuration."""
        return tuple(self._states[url] for url in self._settings.pages if url in self._states)

    @property
    def alarmed(self) -> bool:
        """Whether a page, as last read, may lead gifts astray."""
        return any(state.alarms for state in self._states.values())

    async def load(self) -> None:
        """Take up the states of before, and plan. Raises StoreError."""
        facts = await self._store.run(self._store.facts)
        self._states = from_facts(facts, self._settings.pages)
        now, wall = time.monotonic(), int(time.time())
        for url in self._settings.pages:
            state = self._states.get(url)
            # A clock that was set back must not put off the next look for ever.
            age = max(0, wall - state.tried_at) if state else self._interval
            self._due[url] = now + max(random.uniform(*_FIRST), self._interval - age)  # noqa: S311

    def tick(self) -> None:
        """Begin to read what is due, unless reading is under way."""
        now = time.monotonic()
        due = [url for url, at in self._due.items() if at <= now]
        if due and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self.read(due))
            self._reading.add_done_callback(_report)

    async def read(self, urls: Iterable[str] | None = None) -> None:
        """Read these pages now, one after the other; all of them by default."""
        for url in self._settings.pages if urls is None else urls:
            before = self._states.get(url)
            self._due[url] = time.monotonic() + _AGAIN_SECONDS  # also after an error of ours
            after = await look(url, self._expectation, before, self._ways(url))
            self._states[url] = after
            wait = self._interval if after.error is None else min(self._interval, _AGAIN_SECONDS)
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
            self._due[url] = time.monotonic() + wait * jitter
            _tell(before, after)
            try:
                told = announcements(before, after)
                await self._store.run(self._store.remember, *fact(after), told)
            except StoreError as error:
                logger.error("what %s shows cannot be remembered: %s", url, error)

    async def close(self) -> None:
        """Give up what is being read."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    @property
    def _interval(self) -> float:
        return 3600.0 * self._settings.hours


async def look(
    url: str, expectation: Expectation, before: PageState | None, ways: Ways
) -> PageState:
    """Read one page now. What fails is part of the state."""
    try:
        source = await fetch_page(url, ways)
    except (UpstreamError, ConfigError) as error:
        return after_failure(before, url, str(error), int(time.time()))
    # Two megabytes of the worst page take seconds: readers of the service must not wait.
    findings = await asyncio.to_thread(inspect, source, url, expectation)
    return after_reading(before, url, findings, int(time.time()))


def _report(reading: asyncio.Task[None]) -> None:
    if not reading.cancelled() and reading.exception() is not None:
        logger.error("the watch over the pages failed", exc_info=reading.exception())


def _tell(before: PageState | None, after: PageState) -> None:
    """One line in the log for each change."""
    if after.error is not None:
        if before is None or before.error != after.error:
            logger.info("the page %s cannot be read: %s", after.url, after.error)
        return
    came, went = news(before, after)
    for finding in came:
        level = logging.WARNING if finding.is_alarm else logging.INFO
        logger.log(level, "the page %s: %s", after.url, finding)
    for finding in went:
        logger.info("the page %s is right again: %s", after.url, finding)
