"""What is told besides gifts: goals, operators that are silent, and pages that were changed."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date
from typing import TYPE_CHECKING

from donations.announcements import Type
from donations.app import running
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.goals import Elsewhere, Every, Goal, Period
from donations.notify.goals import Goals, reaches
from donations.notify.silence import Silence
from donations.notify.webhook import Webhook
from donations.store import Store
from donations.tamper.finding import Finding, What
from donations.tamper.state import after_failure, after_reading, announcements
from tests.notify.receiver import receiving, webhook
from tests.running import config_on, received, scene, service_on, truth, until
from tests.saver import NETWORKS
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from donations.notify.message import Message


@scene
async def test_a_goal_is_told_once(tmp_path: Path) -> None:
    """When the gift that reaches it stands in a block; not again after a restart, nor at first."""
    async with World(1) as world, receiving() as receiver:
        world.btc.pay(BTC_SCRIPT, 20_000_000)
        world.btc.mine()
        config = config_on(world, tmp_path, only=("btc",), proofs=False)
        config = replace(config, notify=(webhook(receiver.url),))
        for satoshi in (5_000_000, 1_000_000):
            async with running(config) as (service, _):
                await until(lambda: received(service, "btc") == truth(world, "btc"))
                world.btc.pay(BTC_SCRIPT, satoshi)
                await until(lambda: received(service, "btc") == truth(world, "btc"))
                assert receiver.types.count("goal.reached") == (satoshi == 1_000_000)
                world.btc.mine()
                await until(lambda: receiver.types[-1] in ("gift.confirmed", "goal.reached"))
                await until(lambda: "goal.reached" in receiver.types)
        (goal,) = [event for event in receiver.once if event["type"] == "goal.reached"]
        assert goal["data"]["target"] == {"amount": "0.25", "unit": "BTC"}


@scene
async def test_a_goal_that_was_reached_before_is_the_past(tmp_path: Path) -> None:
    """At the first look, although what reached it may be proven only later."""
    async with World(1) as world, service_on(world, tmp_path, only=("btc",)) as service:
        world.btc.pay(BTC_SCRIPT, 30_000_000)
        await until(lambda: received(service, "btc") == truth(world, "btc"))
        snapshot = service.publisher.published
        assert snapshot is not None
        assert snapshot.goal is not None
        assert snapshot.goal.received == 0
        with closing(Store(tmp_path / "other", UTC)) as store:
            await store.run(store.open, NETWORKS)
            goals = Goals(store)
            assert not await goals.look(snapshot, 1)
            goal = replace(snapshot.goal, received=30_000_000, pending=0)
            assert not await goals.look(replace(snapshot, goal=goal), 2)
            assert not await Goals(store).look(replace(snapshot, goal=goal), 3)
            more = replace(goal, target=60_000_000)
            assert not await goals.look(replace(snapshot, goal=more), 4)
            more = replace(more, received=60_000_000)
            assert await goals.look(replace(snapshot, goal=more), 5)
            less = replace(more, received=0)
            assert not await goals.look(replace(snapshot, goal=less), 6)
            assert not await goals.look(replace(snapshot, goal=more), 7), "a reorg, and back"
            fiat = replace(more, target=90_000_000, unvalued=3)
            assert not await goals.look(replace(snapshot, goal=fiat), 8)
            fiat = replace(fiat, received=95_000_000, unvalued=0)
            assert not await goals.look(replace(snapshot, goal=fiat), 9), "the past was valued"
            assert reaches(replace(snapshot, goal=replace(more, received=None)))[0].reached is None


@scene
async def test_who_is_silent_is_told_once_and_that_he_is_back(tmp_path: Path) -> None:
    """After so long without a good answer, once for each operator, also after a restart."""
    async with World(1) as world, service_on(world, tmp_path, only=("btc",)) as service:
        await until(lambda: received(service, "btc") is not None)
        late = 0.0
        operators = service.trackers[0].operators
        await until(lambda: all(each.answered_at is not None for each in operators))

        def watch() -> Silence:
            return Silence(
                service.trackers, service.store, 900.0, monotonic=lambda: time.monotonic() + late
            )

        async def told() -> list[Type]:
            events = await service.store.run(service.store.events, None, 100)
            return [event.type for event, _ in reversed(events)]

        silence = watch()
        await silence.load()
        await silence.look()
        assert await told() == []
        late = 1_000.0
        for _ in range(2):
            await silence.look()
            assert await told() == len(operators) * [Type.SILENT]
            silence = watch()
            await silence.load()
        late = 0.0
        await silence.look()
        await silence.look()
        assert await told() == len(operators) * [Type.SILENT] + len(operators) * [Type.BACK]


def test_a_page_is_told_when_it_may_lead_gifts_astray_and_when_it_is_fine() -> None:
    """Each new alarm once; no word of what is no alarm, nor of a page that cannot be read."""
    url = "https://blog.example/"
    foreign = Finding(What.FOREIGN_ADDRESS, 3, "1Other")
    link = Finding(What.PAYMENT_LINK, 4, "bitcoin:1Other")
    hidden = Finding(What.HIDDEN, None, "display: none")
    first = after_reading(None, url, [hidden], 10)
    bad = after_reading(first, url, [hidden, foreign], 20)
    down = after_failure(bad, url, "no page", 30)
    worse = after_reading(down, url, [foreign, link], 40)
    fine = after_reading(worse, url, [hidden], 50)
    assert announcements(None, first) == []
    (told,) = announcements(first, bad)
    assert (told.type, told.data["findings"]) == (Type.TAMPERED, [str(foreign)])
    assert announcements(bad, down) == []
    (told,) = announcements(down, worse)
    assert (told.type, told.data["findings"]) == (Type.TAMPERED, [str(link)])
    assert [each.type for each in announcements(worse, fine)] == [Type.FINE]
    assert announcements(fine, after_reading(fine, url, [], 60)) == []


def test_each_milestone_of_each_period_is_news() -> None:
    """Their shares of the goal, with what came another way; the period of one that begins anew."""
    goal = Goal(
        "EUR", 2, 50_000, received=9_000, pending=16_000, fiat=True, milestones=(10_000, 25_000),
        elsewhere=(Elsewhere("virement", 1_000),), every=Every.MONTH,
        period=Period(date(2026, 11, 1), date(2026, 11, 30)),
    )  # fmt: skip
    (reach,) = reaches(replace(snapshot(), goal=goal))
    assert (reach.period, reach.amount, reach.unit) == ("2026-11-01", "500", "EUR")
    assert (reach.reached, reach.coming) == (frozenset({20}), frozenset({20, 50}))
    (reach,) = reaches(replace(snapshot(), goal=replace(goal, received=49_000)))
    assert reach.reached == frozenset({20, 50, 100})
    once = replace(goal, every=None)
    assert reaches(replace(snapshot(), goal=once))[0].period == ""


@scene
async def test_an_error_of_one_channel_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even a bug in it: the log has it, and the others go on."""
    async with World(1) as world, receiving() as receiver:
        channels = (webhook("http://127.0.0.1:1/", "broken"), webhook(receiver.url))
        config = replace(config_on(world, tmp_path, only=("btc",)), notify=channels)
        send = Webhook.send

        async def sometimes(self: Webhook, message: Message) -> None:
            if self._settings.name == "broken":
                raise ZeroDivisionError
            await send(self, message)

        monkeypatch.setattr(Webhook, "send", sometimes)
        async with running(config) as (service, _):
            await until(lambda: received(service, "btc") is not None)
            for _ in range(2):
                world.btc.pay(BTC_SCRIPT, 5_000_000)
            await until(lambda: receiver.types == 2 * ["gift.seen"])
            await until(lambda: received(service, "btc") == truth(world, "btc"))
    assert "a channel ended by an error" in caplog.text
