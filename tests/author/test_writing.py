"""What the author writes: kept, shown, undone, and never lost between two who write at once."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.author.client import TOKENS, author_pages, made
from tests.author.test_overview import text_of
from tests.web.waiting import run

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config
    from tests.author.client import Browser

SECRET = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A database of this test alone."""
    return made(tmp_path, 60)


async def a_gift(browser: Browser) -> str:
    """The path of one final gift."""
    page = await browser.page("/author/gifts?state=final&kind=gift")
    found = re.search(r'class="sum" href="\.\./(author/gift\?[^"]+)"', page)
    assert found is not None
    return "/" + found[1].replace("&amp;", "&")


def expects(page: str) -> str:
    """The last entry that this page has seen."""
    found = re.search(r'name="expects" value="(\d+)"', page)
    assert found is not None
    return found[1]


async def write(browser: Browser, path: str, writing: str, text: str, seen: str) -> tuple[int, str]:
    return await browser.send(path, {"writing": writing, "text": text, "expects": seen})


def test_each_thing_written_is_shown_and_can_be_undone(config: Config) -> None:
    """A note, a thank-you and "not a gift", each its own entry, each taken back by another."""

    async def law() -> None:
        async with author_pages(config) as browser:
            await browser.log_in()
            path = await a_gift(browser)
            before = text_of(await browser.page("/author"))
            for writing, text in (
                ("note", "from <b>Ana</b> & co"), ("thanks", "Merci !"), ("not a gift", "a test"),
            ):  # fmt: skip
                page = await browser.page(path)
                status, _ = await write(browser, path, writing, text, expects(page))
                assert status == 303
            page = await browser.page(path)
            assert "from &lt;b&gt;Ana&lt;/b&gt; &amp; co" in page
            assert "<b>Ana" not in page
            assert "Merci !" in page
            assert "not a gift" in text_of(page)
            after = text_of(await browser.page("/author"))
            assert after != before
            assert "One transfer is marked as not a gift" in after
            numbers = sorted(set(re.findall(r'name="undoes" value="(\d+)"', page)))
            assert len(numbers) == 3
            for number in numbers:
                seen = expects(await browser.page(path))
                status, _ = await browser.send(path, {"undoes": number, "expects": seen})
                assert status == 303
            page = await browser.page(path)
            assert "Undone by Claire" in page
            assert text_of(await browser.page("/author")) == before

    run(law())
    with sqlite3.connect(config.database) as connection:
        assert connection.execute("SELECT count(*) FROM annotations").fetchone() == (6,)


def test_the_second_of_two_at_once_is_told_and_loses_nothing(config: Config) -> None:
    """Both load, both write: the second sees what came between, and its own text again."""

    async def law() -> None:
        async with author_pages(config) as claire:
            bob = claire.another()
            await claire.log_in()
            await bob.log_in(TOKENS["Bob"])
            path = await a_gift(claire)
            seen = expects(await claire.page(path))
            assert (await write(claire, path, "note", "of Claire", seen))[0] == 303
            status, page = await write(bob, path, "note", "of Bob", seen)
            assert status == 409
            assert "Claire" in text_of(page)
            assert "of Claire" in page
            assert 'value="of Bob"' in page
            status, _ = await write(bob, path, "note", "of Bob", expects(page))
            assert status == 303
            page = await claire.page(path)
            assert "of Bob" in page
            assert "of Claire" in page

    run(law())


@pytest.mark.parametrize(
    "text",
    [
        "a\u202eb",
        "a\u2066b\u2069",
        "a\x00b",
        "a\x1b[2J",
        "two\nlines",
        "x" * 501,
        SECRET,
        "\u200fx",
    ],
)
def test_what_hides_something_is_refused_at_the_door(config: Config, text: str) -> None:
    """Control and direction characters, secrets and what is too long: not kept, not repeated."""

    async def law() -> None:
        async with author_pages(config) as browser:
            await browser.log_in()
            path = await a_gift(browser)
            seen = expects(await browser.page(path))
            for writing in ("note", "thanks", "not a gift"):
                status, page = await write(browser, path, writing, text, seen)
                assert status == 400
                assert "Nothing was kept" in page
                assert text not in page

    run(law())
    with sqlite3.connect(config.database) as connection:
        assert connection.execute("SELECT count(*) FROM annotations").fetchone() == (0,)


def test_a_broken_form_changes_nothing(config: Config) -> None:
    """Unknown words, numbers that are none, and entries of another transfer."""

    async def law() -> None:
        async with author_pages(config) as browser:
            await browser.log_in()
            path = await a_gift(browser)
            for fields in (
                {},
                {"writing": "rich", "text": "x", "expects": "0"},
                {"writing": "note", "text": "x", "expects": "-1"},
                {"writing": "note", "text": "x"},
                {"writing": "note", "text": "x", "expects": "9" * 40},
                {"undoes": "1", "expects": "0"},
                {"undoes": "x", "expects": "0"},
            ):
                status, _ = await browser.send(path, fields)
                assert status in (400, 404), fields

    run(law())
    with sqlite3.connect(config.database) as connection:
        assert connection.execute("SELECT count(*) FROM annotations").fetchone() == (0,)


GIFT = {"amount": "50.00", "unit": "EUR", "day": "2026-11-20", "widget": "", "text": "Ana, cash"}


def test_a_gift_by_hand_is_kept_apart_and_can_be_undone(config: Config) -> None:
    """It is listed with its day, is in no sum of the chains, and is taken back by another entry."""

    async def law() -> None:
        async with author_pages(config) as browser:
            await browser.log_in()
            before = text_of(await browser.page("/author"))
            assert (await browser.send("/author/by-hand", GIFT))[0] == 303
            page = await browser.page("/author/by-hand")
            assert "50\xa0EUR" in page
            assert "Ana, cash" in page
            after = text_of(await browser.page("/author"))
            assert "came another way: 1 gift" in after
            assert re.findall(r"€[\d,.]+", after) == re.findall(r"€[\d,.]+", before)
            number = re.search(r'name="undoes" value="(\d+)"', page)
            assert number is not None
            status, _ = await browser.send("/author/by-hand", {"undoes": number[1]})
            assert status == 303
            assert "50\xa0EUR" not in await browser.page("/author/by-hand")
            status, _ = await browser.send("/author/by-hand", {"undoes": number[1]})
            assert status == 409

    run(law())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": "0"}, "more than nothing"),
        ({"amount": "-5"}, "decimal point"),
        ({"amount": "1e3"}, "decimal point"),
        ({"amount": "1.234"}, "decimals"),
        ({"amount": ""}, "decimal point"),
        ({"unit": "<b>"}, "a unit is"),
        ({"day": "2026-13-01"}, "Day"),
        ({"day": "2027-01-01"}, "Day"),
        ({"day": ""}, "Day"),
        ({"widget": "nope"}, "Widget"),
        ({"text": "a\u202eb"}, "one line"),
    ],
)
def test_a_gift_by_hand_that_makes_no_sense_is_refused(
    config: Config, change: dict[str, str], told: str
) -> None:
    """The field or the rule is named, what was typed stays, and nothing is kept."""

    async def law() -> None:
        async with author_pages(config) as browser:
            await browser.log_in()
            status, page = await browser.send("/author/by-hand", GIFT | change)
            assert status == 400
            assert told in text_of(page)
            if "amount" not in change:
                assert 'value="50.00"' in page
            assert "No gift was entered" in page

    run(law())


def test_a_gift_without_a_value_says_why(config: Config) -> None:
    """The reason stands beside it, as text; one that has a value gives none."""

    async def law() -> None:
        async with author_pages(config, doubt="only <kraken> has a price") as browser:
            await browser.log_in()
            path = await a_gift(browser)
            assert "kraken" not in await browser.page(path)
            with sqlite3.connect(config.database) as database:
                database.execute("DELETE FROM valuations")
            page = await browser.page(path)
            assert "not valued yet" in page
            assert "only &lt;kraken&gt; has a price" in page

    run(law())
