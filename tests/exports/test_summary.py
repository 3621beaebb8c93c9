"""The yearly summary: an accountant's figures, in two languages and three forms."""

from __future__ import annotations

import csv
import html.parser
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from donations.books import Figure
from donations.exports import summary as summary_module
from donations.exports.document import document, grouped
from donations.exports.line import Class
from donations.exports.render import FORMS
from donations.exports.summary import Summary, summarise_year
from donations.exports.words import ENGLISH, FRENCH, Words, words_of
from tests.exports.made import DECIMALS, NOW, PARIS, Made, books, is_received, received

YEAR = 2024


@pytest.fixture(scope="module")
def made(seed: int) -> Made:
    return books(seed, 4_000)


@pytest.fixture(scope="module")
def summary(made: Made) -> Summary:
    return summarise_year(made.lines, made.frame, YEAR)


def text(summary: Summary, words: Words, form: str) -> str:
    return "".join(FORMS[form](document(summary, words), words))


def test_the_sums_are_those_of_the_year(made: Made, summary: Summary) -> None:
    """Per coin and month, counted anew from the transfers: number, units, worth, unknown."""
    right = received(made, YEAR)
    assert set(summary.assets) == set(right)
    for asset, told in right.items():
        figure = summary.of_asset(asset)
        assert (figure.units, figure.transfers, figure.minor, figure.valued) == (
            told.units, told.transfers, told.minor, told.valued,
        )  # fmt: skip
    months: dict[int, list[int]] = {}
    for entry in made.entries:
        when = datetime.fromtimestamp(entry.transfer.received_at, PARIS)
        if is_received(entry.transfer) and when.year == YEAR:
            minor = entry.value and entry.value.currency == "EUR" and entry.value.minor
            sums = months.setdefault(when.month, [0, 0])
            sums[0] += 1
            sums[1] += minor or 0
    for month, (count, minor) in months.items():
        assert (summary.of_month(month).transfers, summary.of_month(month).minor) == (count, minor)
    assert summary.total.transfers == sum(count for count, _ in months.values())


def test_sources_and_the_unknown_are_named(made: Made, summary: Summary) -> None:
    """Every gift is priced by a named source or listed as unknown; both add up to all of them."""
    gifts = [
        entry for entry in made.entries
        if is_received(entry.transfer)
        and datetime.fromtimestamp(entry.transfer.received_at, PARIS).year == YEAR
    ]  # fmt: skip
    priced = [e.value.source for e in gifts if e.value and e.value.currency == "EUR"]
    assert summary.sources == Counter(priced)
    assert {line.id for line in summary.unknown} == {
        e.transfer.id for e in gifts if not e.value or e.value.currency != "EUR"
    }
    assert sum(summary.sources.values()) + len(summary.unknown) == summary.total.transfers


def test_what_is_no_gift_is_told_apart(made: Made, summary: Summary) -> None:
    """Own transfers, exclusions and manual gifts are in no sum of gifts, and are not left out."""
    others = sum(figure.transfers for figure in summary.others.values())
    of_year = [line for line in made.lines if made.frame.moment(line.received_at).year == YEAR]
    assert others + summary.total.transfers + len(summary.manual) == len(of_year)
    assert (Class.NOT_A_GIFT, "BTC") in summary.others
    assert all(what not in (Class.GIFT, Class.MANUAL) for what, _ in summary.others)


def test_a_long_list_of_unknown_ends(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not named is counted, and the document says where it stands."""
    monkeypatch.setattr(summary_module, "NAMED", 3)
    told = summarise_year(made.lines, made.frame, YEAR)
    assert len(told.unknown) == 3
    assert told.unnamed == told.total.unvalued - 3
    assert f"and {told.unnamed} more" in text(told, ENGLISH, "text")


@pytest.mark.parametrize("words", [ENGLISH, FRENCH])
def test_the_csv_adds_up(words: Words, summary: Summary) -> None:
    """The rows of the months add up to the last, to the cent, in whatever language."""
    told = text(summary, words, "csv")
    assert told.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(told[1:], newline=""), strict=True))
    start = rows.index([words.by_month]) + 2
    months, total = rows[start : start + 12], rows[start + 12]
    assert total[0] == words.total
    for column in (1, 2, 3):
        assert sum(Decimal(r[column]) for r in months if r[column]) == Decimal(total[column])
    assert Decimal(total[2]) == Decimal(summary.total.minor).scaleb(-2)
    start = rows.index([words.by_coin]) + 2
    for row in rows[start : start + len(summary.assets)]:
        digits = next(d for (_, asset), d in DECIMALS.items() if asset == row[0])
        assert Decimal(row[1]) == Decimal(summary.of_asset(row[0]).units).scaleb(-digits)


class Reader(html.parser.HTMLParser):
    """What tags there are, and what text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("words", [ENGLISH, FRENCH])
def test_the_page_holds_text_alone(words: Words, summary: Summary) -> None:
    """Whatever was written is text in it: no script, no link, no picture, no attribute of it."""
    told = text(summary, words, "html")
    reader = Reader()
    reader.feed(told)
    assert set(reader.tags) == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead",
        "tbody", "tr", "th", "td", "bdi", "div",
    }  # fmt: skip
    assert reader.attributes <= {"lang", "charset", "name", "content", "http-equiv", "class",
                                 "scope"}  # fmt: skip
    assert grouped(f"{summary.total.minor / 100:.2f}", words) in reader.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", told)
    assert "url(" not in told
    assert f'<html lang="{words.language}">' in told


def test_nothing_known_is_not_zero(made: Made) -> None:
    """A month of gifts without any value says "unknown", and one without gifts 0.00."""
    bare = Made([replace(e, value=None) for e in made.entries], [], made.frame)
    told = summarise_year(bare.lines, made.frame, YEAR)
    rows = document(told, ENGLISH).sections[0].rows
    assert all(row[2] is None for row in rows)
    assert "unknown" in text(told, ENGLISH, "text")
    empty = summarise_year([], made.frame, YEAR)
    assert all(row[1:] == (0, "0.00", 0) for row in document(empty, ENGLISH).sections[0].rows)
    assert empty.total == Figure()


def test_every_form_of_an_empty_year(made: Made) -> None:
    """A year without anything has a summary too."""
    empty = summarise_year([], made.frame, 1999)
    for words in (ENGLISH, FRENCH):
        for form in FORMS:
            assert "1999" in text(empty, words, form)


def test_new_year_is_that_of_the_author(made: Made) -> None:
    """A gift of the last second of a year in Paris is of that year, the next one of the next."""
    line = next(line for line in made.lines if line.counts and line.value)
    new_year = int(datetime(2025, 1, 1, tzinfo=PARIS).timestamp())
    for at, year, month in ((new_year - 1, 2024, 12), (new_year, 2025, 1)):
        told = summarise_year([replace(line, received_at=at)], made.frame, year)
        assert list(told.gifts) == [(month, line.asset)]
        assert summarise_year([replace(line, received_at=at)], made.frame, 4049 - year).gifts == {}


def test_numbers_are_written_as_people_do() -> None:
    """1,234,567.80 in English, 1 234 567,80 in French; signs and small numbers too."""
    for number, english, french in [
        ("1234567.80", "1,234,567.80", "1 234 567,80"),
        ("0.00000001", "0.00000001", "0,00000001"),
        ("-1000", "-1,000", "-1 000"),
        ("999", "999", "999"),
    ]:
        assert grouped(number, ENGLISH) == english
        assert grouped(number, FRENCH).replace("\u202f", " ") == french


def test_languages_are_found() -> None:
    """fr-CA is French; what is not here is English."""
    assert [words_of(code).language for code in ("fr", "fr-CA", "en", "de")] == [
        "fr", "fr", "en", "en",
    ]  # fmt: skip


def test_the_total_is_that_of_the_gifts(made: Made) -> None:
    """All years together are all that was received."""
    total = Fraction(0)
    for year in range(2017, datetime.fromtimestamp(NOW, PARIS).year + 1):
        total += summarise_year(made.lines, made.frame, year).total.minor
    assert total == sum(told.minor for told in received(made).values())
