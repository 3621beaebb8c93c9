"""One channel: in order, at least once, ten attempts over three days, and no storm of messages."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from donations import outbox
from donations.announcements import Announcement, Type
from donations.config_notify import ChannelSettings, Way
from donations.errors import NotDelivered
from donations.notify.courier import Courier
from donations.notify.mail import write
from donations.store import Store
from tests.notify.receiver import ALL, webhook
from tests.running import scene, until
from tests.saver import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from donations.notify.message import Message
    from tests.measured import Table

HOUR, DAY = 3_600, 86_400
MAIL = ChannelSettings("mail", Way.EMAIL, ALL, "en", sender="a@b.example", recipient="c@d.example")


class Killed(BaseException):
    """The end of the process: the message may have been taken, and nobody noted it."""


@dataclass
class Told:
    """A channel that remembers what it took, and refuses as it is told."""

    refuses: list[NotDelivered] = field(default_factory=list)
    always: NotDelivered | None = None
    took: list[Message] = field(default_factory=list)
    tried: list[Message] = field(default_factory=list)
    clock: Time | None = None
    dies: bool = False
    at: list[float] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        """Take it, or raise what is next."""
        self.tried.append(message)
        if self.dies:
            raise Killed
        if self.always is not None:
            raise self.always
        if self.refuses:
            raise self.refuses.pop(0)
        self.took.append(message)
        self.at.append(self.clock() if self.clock else 0.0)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Time:
    """A clock that stands until it is moved."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database without gifts."""
    with closing(Store(tmp_path / "d.sqlite", UTC)) as made:
        made.open(NETWORKS)
        yield made


def happen(store: Store, number: int, time: Time, kind: Type = Type.SILENT) -> None:
    """So many events, each of a subject of its own."""
    began = store.events(None, 1)[0][0].sequence if store.events(None, 1) else 0
    named = (f"operator {began + n + 1}" for n in range(number))
    told = [Announcement(kind, name, int(time()), {"operator": name}) for name in named]
    store.remember("test", "", told)


async def courier_of(
    store: Store, channel: Told, time: Time, settings: ChannelSettings | None = None
) -> Courier:
    """The courier of a channel, as after a start of the service."""
    settings = settings or webhook("http://127.0.0.1:1/")
    kept = await store.transact(outbox.open_channels, {settings.name: settings.mark})
    return Courier(settings, channel, store, kept[settings.name], title="Blog", clock=time)


async def work(courier: Courier, time: Time, seconds: float) -> None:
    """Let it do what it does in so many seconds."""
    end = time.now + seconds
    while True:
        pause = await courier.step()
        if pause is None or time.now + pause > end:
            time.now = end
            return
        time.now += pause


def operators(messages: list[Message]) -> list[str]:
    """Which events the messages tell, in order; a digest names those of its lines."""
    lines = [line for m in messages for line in f"{m.title}\n{m.text}".splitlines()]
    return [
        line.split("(")[0].split("operator ")[1].strip() for line in lines if "operator " in line
    ]


@scene
async def test_ten_attempts_over_three_days(store: Store) -> None:
    """Then an event is given up and the next has its own, and a restart forgets no attempt."""
    time, channel = Time(), Told(always=NotDelivered("no connection"))
    courier = await courier_of(store, channel, time)
    await store.run(happen, store, 2, time)
    began, at = time.now, list[float]()
    for _ in range(60):
        if len({message.id for message in channel.tried}) == 2:
            break
        pause = await courier.step()
        assert pause is not None
        at += (len(channel.tried) - len(at)) * [time.now - began]
        time.now += pause
        courier = await courier_of(store, channel, time)
    attempts = at[: [m.id for m in channel.tried].count(channel.tried[0].id)]
    assert len(attempts) == 10
    assert 60 * HOUR < attempts[-1] < 91 * HOUR
    assert all(later > earlier for earlier, later in pairwise(attempts))
    ((_, (fared,)), *_) = (await store.run(store.events, None, 5))[::-1]
    assert (fared.attempts, fared.error) == (10, "no connection")


@scene
async def test_what_fails_is_sent_again_before_what_follows(store: Store) -> None:
    """In order, and each attempt with the same bytes."""
    time, channel = Time(), Told()
    courier = await courier_of(store, channel, time)
    channel.refuses = [NotDelivered("HTTP 500") for _ in range(4)]
    await store.run(happen, store, 5, time)
    await work(courier, time, DAY)
    assert operators(channel.took) == ["1", "2", "3", "4", "5"]
    assert channel.tried[:5] == 5 * [channel.tried[0]]


@scene
async def test_a_pause_that_is_asked_for_is_kept(store: Store) -> None:
    """By a receiver that is busy, also across a restart."""
    time, channel = Time(), Told(refuses=[NotDelivered("HTTP 429", retry_after=1_000.0)])
    courier = await courier_of(store, channel, time)
    await store.run(happen, store, 1, time)
    assert await courier.step() == 0
    courier = await courier_of(store, channel, time)
    await work(courier, time, 990)
    assert len(channel.tried) == 1
    await work(courier, time, 20)
    assert len(channel.took) == 1


@scene
async def test_a_clock_that_was_set_back_does_not_stop_it(store: Store) -> None:
    """The next attempt is never further away than the longest pause."""
    time, channel = Time(), Told(refuses=[NotDelivered("no connection")])
    courier = await courier_of(store, channel, time)
    await store.run(happen, store, 1, time)
    await courier.step()
    time.now -= 300 * DAY
    pause = await courier.step()
    assert pause is not None
    assert pause <= 1.2 * DAY + 1


@scene
async def test_who_wants_nothing_any_more_gets_nothing(store: Store) -> None:
    """Until its settings change: then it is told what comes, and nothing of what it refused."""
    time, channel = Time(), Told(refuses=[NotDelivered("HTTP 410", gone=True)])
    courier = await courier_of(store, channel, time)
    await store.run(happen, store, 2, time)
    await work(courier, time, 9 * DAY)
    courier = await courier_of(store, channel, time)
    await work(courier, time, 9 * DAY)
    assert len(channel.tried) == 1
    assert courier.progress.error is not None
    courier = await courier_of(store, channel, time, webhook("http://127.0.0.1:2/"))
    await store.run(happen, store, 1, time)
    await work(courier, time, HOUR)
    assert operators(channel.took) == ["3"]


@scene
async def test_a_new_channel_is_not_told_the_past(store: Store) -> None:
    """Also one that was taken out and comes back; one that stays misses nothing."""
    time, channel = Time(), Told()
    await store.run(happen, store, 3, time)
    courier = await courier_of(store, channel, time)
    await work(courier, time, HOUR)
    assert channel.tried == []
    await store.run(happen, store, 1, time)
    courier = await courier_of(store, channel, time)
    await work(courier, time, HOUR)
    await store.transact(outbox.open_channels, {})
    await store.run(happen, store, 1, time)
    courier = await courier_of(store, channel, time)
    await store.run(happen, store, 1, time)
    await work(courier, time, HOUR)
    assert operators(channel.took) == ["4", "6"]


@scene
async def test_one_that_hangs_holds_up_no_other(store: Store) -> None:
    """Each channel has a courier of its own, and the store is free between its steps."""

    class Hanging(Told):
        async def send(self, message: Message) -> None:
            self.tried.append(message)
            await asyncio.Event().wait()

    time, stuck, free = Time(), Hanging(), Told()
    first, second = (
        webhook("http://127.0.0.1:1/", "first"),
        webhook("http://127.0.0.1:2/", "second"),
    )
    kept = await store.transact(outbox.open_channels, {"first": first.mark, "second": second.mark})
    pair = [
        Courier(each, channel, store, kept[each.name], title="", clock=time)
        for each, channel in ((first, stuck), (second, free))
    ]
    running = [asyncio.create_task(courier.run()) for courier in pair]
    await store.run(happen, store, 50, time)
    for courier in pair:
        courier.wake()
    await until(lambda: len(free.took) == 50)
    assert len(stuck.tried) == 1
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@scene
async def test_a_storm_becomes_a_digest(store: Store, seed: int, long: bool, table: Table) -> None:
    """Thousands of events are at most 20 mails in any hour, and each of them is told of once."""
    dice, time = random.Random(seed), Time()
    channel = Told(clock=time)
    courier = await courier_of(store, channel, time, MAIL)
    for _ in range(100 if long else 30):
        await store.run(happen, store, dice.randint(1, 199), time)
        await work(courier, time, dice.randint(1, 240))
    await work(courier, time, DAY)
    last = (await store.run(store.events, None, 1))[0][0].sequence
    assert last > 1_000
    hours = [sum(a <= b < a + HOUR for b in channel.at) for a in channel.at]
    table.gate(f"mails in the fullest hour of a storm of {last:,} events", max(hours), 20)
    with_fates = await store.run(store.events, None, last + 1)
    assert all(len(fates) == 1 and fates[0].error is None for _, fates in with_fates)
    assert {fates[0].message for _, fates in with_fates} == {message.id for message in channel.took}
    assert courier.progress.cursor == last


@scene
async def test_few_events_are_single_mails(store: Store) -> None:
    """Three gifts in a minute are three mails, each with its own words."""
    time, channel = Time(), Told()
    courier = await courier_of(store, channel, time, MAIL)
    await store.run(happen, store, 3, time)
    await work(courier, time, HOUR)
    assert [message.title for message in channel.took] == [
        f"Blog: no word from operator {n} ($chain)" for n in (1, 2, 3)
    ]


@scene
async def test_a_digest_that_failed_is_sent_again_as_it_was(store: Store) -> None:
    """After a kill too, and whatever came meanwhile: the same events, id and words."""
    time, channel = Time(), Told(refuses=[NotDelivered("451") for _ in range(3)])
    courier = await courier_of(store, channel, time, MAIL)
    await store.run(happen, store, 30, time)
    channel.dies = True
    with pytest.raises(Killed):
        await courier.step()
    channel.dies = False
    await store.run(happen, store, 7, time)
    courier = await courier_of(store, channel, time, MAIL)
    for _ in range(3):
        await work(courier, time, 3 * HOUR)
        await store.run(happen, store, 7, time)
        courier = await courier_of(store, channel, time, MAIL)
    await work(courier, time, DAY)
    digest = channel.tried[0]
    assert channel.tried[:5] == 5 * [digest]
    assert operators([digest]) == [str(n) for n in range(1, 31)]
    mails = [write(message, "a@b.example", "c@d.example") for message in channel.tried[:4]]
    assert len({bytes(mail) for mail in mails}) == 1
    rest = {n for m in channel.took[1:] for n in operators([m])}
    assert rest == {str(n) for n in range(31, 59)}


@scene
async def test_each_takes_what_it_asked_for(store: Store) -> None:
    """What is for others is passed over, however much it is, and passed over once."""
    time, channel = Time(), Told()
    only = replace(webhook("http://127.0.0.1:1/"), events=frozenset({Type.FINE}))
    courier = await courier_of(store, channel, time, only)
    await store.run(happen, store, 1_200, time)
    await store.run(happen, store, 1, time, Type.FINE)
    await work(courier, time, HOUR)
    assert len(channel.took) == 1
    mail = await courier_of(store, channel, time, replace(MAIL, events=frozenset({Type.FINE})))
    await store.run(happen, store, 1_200, time)
    await store.run(happen, store, 1, time, Type.FINE)
    await work(mail, time, HOUR)
    assert len(channel.took) == 2
