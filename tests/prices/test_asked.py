"""A source is asked one question at a time, within its budget, and left alone when it fails."""

from __future__ import annotations

import asyncio

import pytest

from donations.errors import UpstreamMalformed, UpstreamUnavailable
from donations.prices.asked import Asked, Resting
from donations.prices.quote import Pair, Slot
from donations.prices.source import Lacking
from donations.reasons import Reason
from tests.prices.markets import Clock
from tests.running import scene

PAIR = Pair("BTC", "EUR")
SLOT = Slot(0, 60)


async def answers(text: str = "yes") -> str:
    return text


async def fails(error: Exception) -> str:
    raise error


def source(clock: Clock) -> Asked[None]:
    return Asked("kraken", None, clock)


@scene
async def test_one_question_at_a_time() -> None:
    """Whoever asks meanwhile waits for the answer of the first."""
    asked = source(Clock())
    under_way, most = 0, 0

    async def question() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    await asyncio.gather(*(asked.ask(question()) for _ in range(20)))
    assert most == 1


@scene
async def test_pauses_grow_with_failures_and_end_with_an_answer() -> None:
    """From about fifteen seconds to about half an hour, and no longer."""
    clock = Clock()
    asked = source(clock)
    pauses = []
    for _ in range(12):
        with pytest.raises(UpstreamMalformed):
            await asked.ask(fails(UpstreamMalformed("nonsense")))
        began = clock.seconds
        while asked.resting:
            clock.seconds += 1
        pauses.append(clock.seconds - began)
    meant = [min(15 * 2**n, 1_800) for n in range(12)]
    assert all(0.75 * m <= p <= 1.25 * m + 1 for m, p in zip(meant, pauses, strict=True))
    assert await asked.ask(answers()) == "yes"
    assert asked.error is None
    with pytest.raises(UpstreamMalformed):
        await asked.ask(fails(UpstreamMalformed("nonsense")))
    clock.seconds += 20
    assert not asked.resting


@scene
async def test_a_pause_that_is_wished_for_is_kept() -> None:
    """Neither shorter nor longer; a question meanwhile is not put, and hears the reason."""
    clock = Clock()
    asked = source(clock)
    error = UpstreamUnavailable("HTTP 429", why=Reason.RATE_LIMITED, retry_after=77.0)
    with pytest.raises(UpstreamUnavailable):
        await asked.ask(fails(error))
    clock.seconds += 76
    with pytest.raises(Resting, match="HTTP 429") as caught:
        await asked.ask(answers())
    assert caught.value.why is Reason.RATE_LIMITED
    clock.seconds += 2
    assert await asked.ask(answers()) == "yes"


@scene
async def test_no_source_is_asked_more_than_its_budget() -> None:
    """Four hundred questions at once, then twelve hundred an hour, whatever there is to ask."""
    clock = Clock()
    asked = source(clock)
    put = 0
    for _ in range(3_600):
        for _ in range(5):
            try:
                await asked.ask(answers())
            except Resting:
                break
            put += 1
        clock.seconds += 1
    assert 1_590 <= put <= 1_601


@scene
async def test_what_it_lacks_is_remembered_for_a_day() -> None:
    """A pair it does not quote is no failure, and keeps no other question back."""
    clock = Clock()
    asked = source(clock)
    with pytest.raises(Lacking):
        await asked.ask(fails(Lacking("no such pair")), PAIR)
    assert asked.lacks(PAIR)
    assert not asked.lacks(Pair("BTC", "USD"))
    assert not asked.resting
    assert asked.error is None
    clock.seconds += 86_401
    assert not asked.lacks(PAIR)


@scene
async def test_a_slot_without_a_price_is_asked_for_more_and_more_rarely() -> None:
    """A minute first, a day at last."""
    clock = Clock()
    asked = source(clock)
    pauses = []
    for _ in range(8):
        asked.put_off(PAIR, [SLOT])
        began = clock.seconds
        while asked.waits(PAIR, SLOT):
            clock.seconds += 10
        pauses.append(clock.seconds - began)
    assert pauses == [60, 300, 1_800, 10_800, 43_200, 86_400, 86_400, 86_400]
    assert not asked.waits(PAIR, Slot(60, 60))


@scene
async def test_a_question_that_is_given_up_leaves_the_next_in_peace() -> None:
    """Who waits for his turn and is cancelled has asked nothing; nor has he left anything open."""
    asked = source(Clock())
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    first = asyncio.create_task(asked.ask(slow()))
    await asyncio.sleep(0)
    second = asyncio.create_task(asked.ask(answers("second")))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert await asked.ask(answers("third")) == "third"
