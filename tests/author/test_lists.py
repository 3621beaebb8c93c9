"""The list of transfers: what a search lets through, against a plain look at every row."""

from __future__ import annotations

import random
import re
import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest

from tests.author.client import author_pages
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.config import Config
    from tests.author.client import Browser

PARIS = ZoneInfo("Europe/Paris")


def rows_of(config: Config) -> list[dict[str, Any]]:
    """Every transfer with what is kept of it, the newest first."""
    with sqlite3.connect(config.database) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "SELECT t.*, v.minor FROM transfers t LEFT JOIN valuations v USING (chain, address, "
            "asset, id) ORDER BY t.received_at DESC, chain DESC, address DESC, asset DESC, id DESC"
        )
        return [dict(row) for row in rows]


def lets_through(row: dict[str, Any], fields: dict[str, str]) -> bool:
    """Whether a search of these fields means the row, in other words than the program's."""
    at = datetime.fromtimestamp(row["received_at"], PARIS)
    day = f"{at:%Y-%m-%d}"
    standing = row["state"] not in ("dropped", "replaced")
    tests: dict[str, Callable[[str], bool]] = {
        "asset": lambda v: row["asset"] == v,
        "widget": lambda v: True,
        "state": lambda v: row["state"] == v,
        "kind": lambda v: row["kind"] == v,
        "from": lambda v: day >= v,
        "to": lambda v: day <= v,
        "valued": lambda v: (
            row["minor"] is not None if v == "yes" else row["minor"] is None and standing
        ),
        "excluded": lambda v: bool(row["excluded"]) == (v == "yes"),
        "q": lambda v: row["id"].startswith(v.lower()),
    }
    return all(tests[name](value) for name, value in fields.items())


async def all_pages(browser: Browser, fields: dict[str, str]) -> list[str]:
    """The ids of all pages of a search, in their order."""
    query, found = urlencode(fields), []
    while True:
        page = await browser.page(f"/author/gifts?{query}")
        links = re.findall(r'class="sum" href="[^"]*gift\?([^"]+)"', page)
        found += [parse_qs(link.replace("&amp;", "&"))["id"][0] for link in links]
        older = re.search(r'href="gifts\?([^"]+)" rel="next"', page)
        if older is None:
            return found
        query = older[1].replace("&amp;", "&")


def random_fields(rows: list[dict[str, Any]], lot: random.Random) -> dict[str, str]:
    one = lot.choice(rows)
    day = datetime.fromtimestamp(one["received_at"], PARIS)
    possible = {
        "asset": one["asset"],
        "widget": "default",
        "state": lot.choice(("seen", "confirmed", "final", "dropped", "replaced")),
        "kind": lot.choice(("gift", "own", "opening", "unattributed")),
        "from": f"{day:%Y-%m-%d}",
        "to": f"{day + timedelta(days=lot.randint(0, 300)):%Y-%m-%d}",
        "valued": lot.choice(("yes", "no")),
        "excluded": lot.choice(("yes", "no")),
        "q": one["id"][: lot.randint(1, 12)],
    }
    return {name: possible[name] for name in lot.sample(sorted(possible), lot.randint(0, 4))}


def test_a_search_finds_all_of_it_and_nothing_else(few: Config, seed: int) -> None:
    """Eighty random searches, page by page, in order, without a gap or a double."""
    rows, lot = rows_of(few), random.Random(seed)

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in()
            for _ in range(80):
                fields = random_fields(rows, lot)
                expected = [row["id"] for row in rows if lets_through(row, fields)]
                assert await all_pages(browser, fields) == expected, fields
            assert len(await all_pages(browser, {})) == len(rows)

    run(law(), seconds=120)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("asset=DOGE", "Coin"),
        ("widget=nope", "Widget"),
        ("state=happy", "Where it stands"),
        ("kind=gift'--", "Kind"),
        ("from=2026-02-30", "From"),
        ("from=24.11.2026", "From"),
        ("to=0001-01-01", "To"),
        ("to=9999-12-31", "To"),
        ("valued=maybe", "Worth known"),
        ("excluded=1", "Marked as not a gift"),
        ("q=" + "a" * 201, "Search"),
        ("before=x", "Older"),
        ("before=1~btc~a~BTC", "Older"),
        ("before=-1~btc~a~BTC~id", "Older"),
        ("before=" + "9" * 30 + "~btc~a~BTC~id", "Older"),
    ],
)
def test_a_search_that_makes_no_sense_names_its_field(few: Config, query: str, field: str) -> None:
    """Refused with the field's name; the form stays as it was, and is escaped."""

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in()
            status, _, page = await browser.ask("GET", f"/author/gifts?{query}&lang=en")
            assert status == 400
            alarm = re.search(r'role="alert">(.*?)</p>', page)
            assert alarm is not None
            assert field in alarm[1]
            assert "gift'--" not in page

    run(law())


def test_each_line_leads_to_the_whole_of_it(few: Config) -> None:
    """Every link of the first page answers; one of another address or chain does not."""

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in()
            page = await browser.page("/author/gifts")
            links = re.findall(r'class="sum" href="\.\./(author/gift\?[^"]+)"', page)
            assert len(links) == 50
            for link in links[::7]:
                whole = await browser.page(f"/{link.replace('&amp;', '&')}")
                named = parse_qs(urlsplit(link.replace("&amp;", "&")).query)
                assert named["id"][0] in whole
                assert named["address"][0] in whole
            for wrong in (
                "",
                "?chain=btc&address=x&asset=BTC&id=y",
                links[0][11:].replace("btc", "x"),
            ):
                status, _, _ = await browser.ask("GET", f"/author/gift{wrong}")
                assert status == 404

    run(law())
