"""The overview against sums made anew from every single transfer, outside of the program."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from donations.books import Figure
from donations.ledger import Bucket, Key
from donations.overview import Asked, Price, Worth, take
from tests.author.client import NOW, author_pages
from tests.web.waiting import run

if TYPE_CHECKING:
    from donations.books import Figures
    from donations.config import Config

BTC, ETH = Key("btc", "1", "BTC"), Key("eth", "0x", "ETH")
PARIS = ZoneInfo("Europe/Paris")


def asked(month: str = "2026-03", widgets: int = 2) -> Asked:
    both = [("one", "One", {BTC}), ("two", "", {BTC, ETH})]
    return Asked("EUR", 2, month, {BTC: 8, ETH: 18}, both[:widgets])


def figures(*lines: tuple[Key, str, Bucket, int, int, int, int]) -> Figures:
    return {(key, month, bucket): Figure(*numbers) for key, month, bucket, *numbers in lines}


def test_sums_follow_the_months_of_the_year() -> None:
    """This month, the one before across the turn of the year, the year, and all."""
    found = take(
        figures(
            (BTC, "2026-01", Bucket.FINAL, 10, 1, 300, 1),
            (BTC, "2025-12", Bucket.FINAL, 10, 2, 500, 1),
            (ETH, "2025-12", Bucket.CONFIRMED, 10, 1, 70, 1),
            (BTC, "2025-10", Bucket.FINAL, 10, 1, 9, 1),
        ),
        asked("2026-01"),
        {},
    )
    assert found.this_month == Worth(300, 1, 0)
    assert found.last_month == Worth(570, 3, 1)
    assert found.this_year == Worth(300, 1, 0)
    assert found.in_all == Worth(879, 5, 1)
    assert [month for month, _ in found.months] == ["2025-10", "2025-11", "2025-12", "2026-01"]
    assert [year for year, _ in found.years] == ["2025", "2026"]


def test_what_does_not_count_is_in_no_sum() -> None:
    """Pending, own, excluded, other income, and what is no longer watched stay apart."""
    gone = Key("btc", "old", "BTC")
    found = take(
        figures(
            (BTC, "2026-03", Bucket.PENDING, 5, 1, 5, 1),
            (BTC, "2026-03", Bucket.IMMATURE, 7, 1, 0, 0),
            (BTC, "2026-03", Bucket.OWN, 9, 1, 900, 1),
            (BTC, "2026-03", Bucket.EXCLUDED, 9, 2, 900, 2),
            (BTC, "2026-03", Bucket.UNATTRIBUTED, 9, 1, 900, 1),
            (BTC, "2026-03", Bucket.OPENING, 9, 1, 900, 1),
            (gone, "2026-03", Bucket.FINAL, 9, 1, 900, 1),
        ),
        asked(),
        {},
    )
    assert found.in_all == Worth()
    assert found.pending == Worth(5, 2, 1)
    assert found.excluded == 2
    assert found.coins[0].pending.units == 12


def test_nothing_unknown_is_told_as_zero() -> None:
    """A sum of which no part is known says so, and so does today's value without a price."""
    found = take(figures((BTC, "2026-03", Bucket.FINAL, 10**8, 1, 0, 0)), asked(), {})
    assert not found.this_month.known
    assert found.last_month.known
    assert found.today is None
    price = {"BTC": Price("50000.005", 99, "k")}
    priced = take(figures((BTC, "2026-03", Bucket.FINAL, 10**8, 1, 0, 0)), asked(), price)
    assert (priced.today, priced.today_at) == (5_000_000, 99)  # half to even; no ether, no price
    assert not priced.this_month.known


def test_a_shared_address_counts_in_each_widget_and_once_in_all() -> None:
    """Widgets only refer to addresses."""
    lines = (
        (BTC, "2026-03", Bucket.FINAL, 1, 1, 100, 1),
        (ETH, "2026-03", Bucket.FINAL, 1, 1, 7, 1),
    )
    found = take(figures(*lines), asked(), {})
    assert [line.worth.minor for line in found.widgets] == [100, 107]
    assert found.in_all.minor == 107


def test_a_clock_that_is_ahead_loses_no_gift() -> None:
    """A block of next month, by its miner's clock, still counts in all."""
    found = take(figures((BTC, "2026-04", Bucket.CONFIRMED, 1, 1, 100, 1)), asked(), {})
    assert found.in_all.minor == 100
    assert found.this_month == Worth()
    assert found.months[-1][0] == "2026-04"


def test_random_sums_are_those_of_a_plain_loop(seed: int) -> None:
    """A thousand random tables of sums, added up in another way."""
    lot = random.Random(seed)
    for _ in range(1000):
        months: Figures = {}
        for _ in range(lot.randint(0, 30)):
            month = f"{lot.randint(2024, 2026)}-{lot.randint(1, 12):02}"
            count = lot.randint(0, 9)
            place = (lot.choice((BTC, ETH)), month, lot.choice(list(Bucket)))
            valued = lot.randint(0, count)
            months[place] = Figure(lot.randrange(10**9), count, lot.randrange(10**6), valued)
        now = f"2026-{lot.randint(1, 12):02}"
        found = take(months, asked(now), {})
        got = {k: f for k, f in months.items() if k[2] in (Bucket.FINAL, Bucket.CONFIRMED)}
        whole = sum(f.minor for f in got.values())
        assert found.in_all.minor == whole
        assert sum(worth.minor for _, worth in found.months) == whole
        assert sum(coin.received.minor for coin in found.coins) == whole
        assert found.in_all.unvalued == sum(f.transfers - f.valued for f in got.values())
        assert found.this_month.minor == sum(f.minor for k, f in got.items() if k[1] == now)
        names = [month for month, _ in found.months]
        assert names == sorted(set(names))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split()).replace("\u202f", " ")


def test_the_page_shows_the_sums_of_the_database(few: Config) -> None:
    """This month, the month before, the year and all, to the cent, in both languages."""
    sums: dict[str, int] = defaultdict(int)
    with sqlite3.connect(few.database) as connection:
        rows = connection.execute(
            "SELECT received_at, minor FROM transfers JOIN valuations "
            "USING (chain, address, asset, id) "
            "WHERE kind = 'gift' AND state IN ('confirmed', 'final')"
        )
        for at, minor in rows:
            day = datetime.fromtimestamp(at, PARIS)
            for name in (f"{day:%Y-%m}", f"{day:%Y}", "all"):
                sums[name] += int(minor)

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in()
            english = text_of(await browser.page("/author?lang=en"))
            french = text_of(await browser.page("/author?lang=fr"))
        assert datetime.fromtimestamp(NOW, PARIS).strftime("%Y-%m") == "2026-11"
        for name in ("2026-11", "2026-10", "2026", "all"):
            whole, cents = divmod(sums[name], 100)
            assert f"€{whole:,}.{cents:02}" in english, name
            assert f"{whole:,}".replace(",", " ") + f",{cents:02} €" in french.replace("\xa0", " ")
        assert "November 2026" in english
        assert "novembre 2026" in french.lower()

    run(law())
