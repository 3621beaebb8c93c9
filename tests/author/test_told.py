"""The page of what was sent: each event, through which channels, and nothing that could harm."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from donations import outbox
from donations.announcements import Announcement, Type
from donations.desk import Desk
from donations.outbox import Delivery, Progress
from donations.store import Store
from donations.web.author.told_page import PAGE
from tests.author.client import NOW, author_pages, made
from tests.notify.receiver import webhook
from tests.web.waiting import run

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

EVIL = "<script>alert(1)</script>\u202e"


def keep(config: Config, *announcements: Announcement, fared: tuple[Delivery, ...] = ()) -> None:
    """Announce these in the database, and note how they fared."""
    with closing(Store(config.database, config.timezone, config.currency)) as store:
        store.open({name: settings.network.name for name, settings in config.chains.items()})
        store.transaction(outbox.put_events, announcements)
        if fared:
            store.transaction(outbox.put_deliveries, fared, Progress("hook", "", 0))


def gift(config: Config, number: int) -> Announcement:
    """One gift that is on its way."""
    desk = Desk(config)
    key, asset = next(iter(desk.assets.items()))
    desk.close()
    data = {
        "chain": key.chain, "address": key.address, "asset": key.asset, "id": f"t{number}",
        "units": "5000", "decimals": asset.decimals,
    }  # fmt: skip
    return Announcement(Type.SEEN, f"gift {number}", NOW, data)


def keep_some(config: Config) -> None:
    """Some of everything, taken, given up, and told to nobody."""
    tampered = {"url": f"https://blog.example/{EVIL}", "since": 1, "findings": [EVIL]}
    silent = {"operator": EVIL, "chain": "btc", "since": 1, "answering": 1, "required": 2}
    goal = {"target": {"amount": "500.00", "unit": "EUR"}, "percent": 50}
    keep(
        config,
        gift(config, 1),
        Announcement(Type.TAMPERED, "page", NOW, tampered),
        Announcement(Type.SILENT, "upstream", NOW, silent),
        Announcement(Type.GOAL, "goal", NOW, goal),
        fared=(
            Delivery("hook", 1, "evt_1", 1, NOW, None),
            Delivery(EVIL, 1, "evt_1", 10, NOW, "HTTP 500"),
        ),
    )


def test_what_was_sent_is_listed(tmp_path: Path) -> None:
    """The newest first, with what it is about, by which channel it went and why another gave up."""

    async def scene() -> None:
        config = made(tmp_path, 3)
        async with author_pages(config) as browser:
            await browser.log_in()
            assert "Nothing was announced" in await browser.page("/author/told")
        keep_some(config)
        async with author_pages(config) as browser:
            await browser.log_in()
            page = await browser.page("/author/told")
            french = await browser.page("/author/told?lang=fr")
        words = re.sub(r"<[^>]+>", " ", page)
        places = [words.index(word) for word in ("50 % / 500.00 EUR", "No word from",
                                                 "A page was changed", "On its way")]  # fmt: skip
        assert places == sorted(places)
        assert "given up (HTTP 500)" in words
        assert "hook: taken" in words
        assert words.count("told to nobody, or not yet") == 3
        assert "author/gift?chain=" in page
        assert "abandonné (HTTP 500)" in french
        assert "<script>alert" not in page
        assert "\u202e" not in page

    run(scene())


def test_channels_say_how_they_fare(tmp_path: Path) -> None:
    """One that works, one that fails and one that wants nothing more, each with its reason."""

    async def scene() -> None:
        config = made(tmp_path, 3)
        async with author_pages(config) as browser:
            await browser.log_in()
            assert "Nobody is told" in await browser.page("/author/told")
        names = ("fine", "slow", "gone")
        config = replace(config, notify=tuple(webhook("https://of-mine.example", n) for n in names))
        with closing(Store(config.database, config.timezone, config.currency)) as store:
            store.open({name: settings.network.name for name, settings in config.chains.items()})
            for progress in (
                Progress("slow", "", 0, attempts=2, error="no connection"),
                Progress("gone", "", 0, error="HTTP 410", stopped_at=1),
            ):
                store.transaction(outbox.put_progress, progress)
        async with author_pages(config) as browser:
            await browser.log_in()
            page = await browser.page("/author/told")
        words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
        assert "fine webhook works" in words
        assert "slow webhook does not take it no connection" in words
        assert "gone webhook wants nothing more until its settings change HTTP 410" in words
        assert "of-mine" not in page

    run(scene())


def test_a_long_list_has_pages(tmp_path: Path) -> None:
    """Each event stands on one of them, and a place that makes no sense is the beginning."""

    async def scene() -> None:
        config = made(tmp_path, 3)
        keep(config, *(gift(config, number) for number in range(2 * PAGE + 1)))
        async with author_pages(config) as browser:
            await browser.log_in()
            seen: list[str] = []
            path: str | None = "/author/told"
            pages = 0
            while path is not None:
                page = await browser.page(path)
                seen += re.findall(r"id=(t[0-9]+)", page)
                older = re.search(r'href="(told\?before=[0-9]+)" rel="next"', page)
                path = f"/author/{older[1]}" if older else None
                pages += 1
            assert pages == 3
            assert seen == [f"t{number}" for number in reversed(range(2 * PAGE + 1))]
            for wrong in ("x", "-1", "9" * 40, "%00", "٣"):
                page = await browser.page(f"/author/told?before={wrong}")
                assert f"id=t{2 * PAGE}" in page

    run(scene())
