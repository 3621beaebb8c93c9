"""Pauses, back-off, breaker and budget of one operator, to the second."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from donations.demo import faults
from donations.demo.story import ETH_ADDRESS
from donations.demo.world import World
from donations.errors import UpstreamMalformed, UpstreamUnavailable
from donations.operators import Operator
from donations.reasons import Reason
from donations.sources.base import Failure
from tests.running import agrees, scene, service_on, until
from tests.skipping import at_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from donations.ledger import Observation
    from donations.sources.base import Ask, Probe

DOWN = UpstreamUnavailable("down", why=Reason.TIMEOUT)


class Upstream:
    """A source at rest; ``pushes``: it says at every moment that something moved."""

    def __init__(self, url: str = "tcp://a.example:1", *, pushes: bool = False) -> None:
        self.url, self.operator, self._pushes = url, "somebody", pushes

    async def probe(self) -> Probe:
        raise DOWN

    async def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        for ask in asks:
            yield Failure(ask.key, DOWN)

    async def wait(self) -> None:
        await (asyncio.sleep(0) if self._pushes else asyncio.Event().wait())

    async def close(self) -> None:
        return


def operator(*sources: Upstream) -> Operator:
    return Operator("somebody", sources or (Upstream(),), asyncio.get_running_loop().time)


async def turn(asked: Operator) -> float:
    """Seconds until it may be asked, with a poll waiting all the time."""
    clock = asyncio.get_running_loop().time
    asked.due.set()
    start = clock()
    await asked.next_turn()
    return clock() - start


async def is_left_alone(asked: Operator, seconds: float) -> bool:
    """Whether without a poll it is not asked for so long."""
    try:
        await asyncio.wait_for(asked.next_turn(), seconds)
    except TimeoutError:
        return True
    return False


def skipping(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        at_once(test())

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


@skipping
async def test_pauses_grow_and_are_drawn_by_lot() -> None:
    """After one failure a second passes, after two in a row two; a quarter more or less, so that
    many services do not come back at the same moment."""
    firsts, seconds = set(), set()
    for _ in range(40):
        asked = operator()
        asked.failed(DOWN)
        firsts.add(await turn(asked))
        asked.failed(DOWN)
        seconds.add(await turn(asked))
    assert 0.75 <= min(firsts) < max(firsts) <= 1.25
    assert 1.5 <= min(seconds) < max(seconds) <= 2.5
    assert len(firsts) > 10


@skipping
async def test_a_pause_that_was_asked_for_is_kept_to_the_second() -> None:
    """Whatever is due, and also once the breaker is open, nothing is asked before its time."""
    asked = operator()
    for _ in range(5):
        asked.failed(UpstreamUnavailable("429", why=Reason.RATE_LIMITED, retry_after=3_000))
        assert asked.paused
        assert await turn(asked) == pytest.approx(3_000)
    assert asked.open
    asked.answered()
    assert not asked.paused
    assert await turn(asked) == 0
    asked.heed([DOWN, UpstreamUnavailable("429", retry_after=70), DOWN])
    assert await turn(asked) == pytest.approx(70)


@skipping
async def test_the_breaker_opens_after_three_failures_and_closes_with_an_answer() -> None:
    """Open, it is asked at polls alone, however much its server pushes; one answer closes it."""
    asked = operator(Upstream(pushes=True))
    for failures in range(1, 4):
        assert not asked.open
        asked.failed(DOWN)
        assert asked.open == (failures == 3)
    assert await is_left_alone(asked, 7 * 86_400)
    assert await turn(asked) == 0
    asked.failed(DOWN)
    assert await is_left_alone(asked, 7 * 86_400)
    asked.answered()
    assert not asked.open
    assert not await is_left_alone(asked, 1)


@skipping
async def test_each_host_of_an_operator_has_its_turn_before_the_breaker_opens() -> None:
    """Who runs three servers is tried twice at each of them, one after the other."""
    urls = [f"tcp://{name}.example:1" for name in "abc"]
    asked = operator(*map(Upstream, urls))
    tried = []
    while not asked.open:
        tried.append(asked.source.url)
        asked.failed(DOWN)
    assert tried == [*urls, *urls]


@skipping
async def test_no_push_exceeds_the_budget() -> None:
    """A server that pushes at every moment is looked at 600 times, then 1,800 times an hour."""
    asked, clock = operator(Upstream(pushes=True)), asyncio.get_running_loop().time
    looks: list[float] = []
    while clock() < 3 * 3_600 and len(looks) < 10_000:
        await asked.next_turn()
        looks.append(clock())
    for hour in range(3):
        within = sum(1 for at in looks if hour * 3_600 <= at < (hour + 1) * 3_600)
        assert within == pytest.approx(1_800 + (600 if hour == 0 else 0), abs=2)


@skipping
async def test_what_was_not_used_is_kept_for_600_looks() -> None:
    """A day of rest allows 600 looks at once, and not one more."""
    asked = operator(Upstream(pushes=True))
    await asyncio.sleep(86_400)
    for _ in range(600):
        assert await turn(asked) == 0
    assert await turn(asked) == pytest.approx(2)


@skipping
async def test_a_failure_is_news_once() -> None:
    """Each reason of each host is news once until it has answered; that it did is said once."""
    asked = operator(Upstream("tcp://a.example:1"), Upstream("tcp://b.example:1"))
    malformed = UpstreamMalformed("x", why=Reason.NOT_JSON)
    told = []
    for error in (DOWN, DOWN, malformed, malformed, DOWN, malformed):
        told.append(asked.is_news(error))
        asked.failed(error)
    assert told == [True, True, True, True, False, False]
    assert asked.recovered()
    assert not asked.recovered()
    assert asked.is_news(DOWN)


@scene
async def test_what_fails_for_long_is_logged_once_and_asked_little(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten polls of an endpoint that is down leave one line, and one small request each; that it
    answers again is one line more, and the number is right."""
    caplog.set_level(logging.INFO, "donations")
    async with (
        World(21, operators=1) as world,
        service_on(world, tmp_path, only=("eth",)) as service,
    ):
        await until(lambda: agrees(service, world))
        (tracker,) = service.trackers
        (asked,), (server,) = tracker.operators, world.eth_servers
        server.fault = faults.http_status(503)
        await until(lambda: asked.open)
        blocks, failed = server.requests["eth_getBlockByNumber"], asked._failures
        while asked._failures < failed + 10:
            tracker.poll()
            await asyncio.sleep(0.01)
        assert server.requests["eth_getBlockByNumber"] == blocks, "one cheap question comes first"
        server.fault = None
        world.eth.pay(ETH_ADDRESS, 5_000)
        world.eth.mine()
        await until(lambda: agrees(service, world) and asked.error is None)
        await until(lambda: "answers again" in caplog.text)
    told = [record.message for record in caplog.records if asked.name in record.message]
    assert len(told) == 2, told
    assert "503" in told[0]
    assert "answers again" in told[1]
