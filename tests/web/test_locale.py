"""Languages: complete words, CLDR's plurals and formats, exact amounts, and not much memory."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC

import pytest

from donations.web.assets import load_assets

LOCALES = load_assets().locales
NOON = 1_790_000_000  # 21 September 2026, 14:13:20 UTC


def test_the_languages_are_those_promised() -> None:
    """Nine languages, one of them written from right to left."""
    assert sorted(LOCALES) == ["ar", "de", "en", "es", "fr", "it", "nl", "pl", "pt"]
    assert [tag for tag, each in LOCALES.items() if each.direction == "rtl"] == ["ar"]


@pytest.mark.parametrize(
    ("tag", "count", "text"),
    [
        ("fr", 0, "0 don"),
        ("fr", 1, "1 don"),
        ("fr", 2, "2 dons"),
        ("en", 0, "0 gifts"),
        ("pl", 1, "1 wpłata"),
        ("pl", 3, "3 wpłaty"),
        ("pl", 5, "5 wpłat"),
        ("pl", 22, "22 wpłaty"),
        ("pl", 112, "112 wpłat"),
        ("ar", 2, "تبرعان"),
        ("ar", 7, "7 تبرعات"),
        ("ar", 11, "11 تبرعًا"),
        ("ar", 100, "100 تبرع"),
        ("pt", 0, "0 doação"),
        ("de", 1_000_000, "1.000.000 Spenden"),
        ("es", 1_000_000, "1.000.000 donaciones"),
    ],
)
def test_plurals_are_those_of_cldr(tag: str, count: int, text: str) -> None:
    """The form of a counted word follows the language's own rule, zero and hundreds included."""
    assert LOCALES[tag].count("gifts", count) == text


@pytest.mark.parametrize(
    ("tag", "amount", "date"),
    [
        ("fr", "1\u202f234\u202f567,5\u00a0BTC", "21 sept. 2026"),
        ("en", "1,234,567.5\u00a0BTC", "Sep 21, 2026"),
        ("de", "1.234.567,5\u00a0BTC", "21.09.2026"),
        ("nl", "1.234.567,5\u00a0BTC", "21 sep 2026"),
        ("pl", "1\u00a0234\u00a0567,5\u00a0BTC", "21 wrz 2026"),
        ("ar", "\u20661,234,567.5\u00a0BTC\u2069", "21/09/2026"),
    ],
)
def test_numbers_and_dates_are_written_as_in_the_language(tag: str, amount: str, date: str) -> None:
    """Separators and order are the language's; from right to left an amount is isolated."""
    locale = LOCALES[tag]
    assert locale.amount(123_456_750_000_000, 8, "BTC") == amount
    assert locale.date(NOON, UTC) == date


def aged(tag: str, seconds: int) -> str:
    """An age as the widget's script words it."""
    unit, said = 1, ""
    for each in LOCALES[tag].ages.split("|"):
        *other, count, text = each.split(":")
        unit = int(other[0]) if other else unit
        if seconds >= int(count) * unit:
            said = text.replace("#", str(seconds // unit))
    return said


MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("tag", "seconds", "text"),
    [
        ("fr", 0, "à l’instant"),
        ("fr", MINUTE, "il y a 1 minute"),
        ("fr", 59 * MINUTE + 59, "il y a 59 minutes"),
        ("fr", HOUR, "il y a 1 heure"),
        ("fr", 30 * DAY - 1, "il y a 29 jours"),
        ("en", 2 * DAY, "2 days ago"),
        ("de", DAY, "vor 1 Tag"),
        ("de", 5 * DAY, "vor 5 Tagen"),
        ("es", 3 * HOUR, "hace 3 horas"),
        ("it", HOUR, "1 ora fa"),
        ("pt", 2 * DAY, "há 2 dias"),
        ("nl", 5 * HOUR, "5 uur geleden"),
        ("pl", 2 * MINUTE, "2 minuty temu"),
        ("pl", 12 * MINUTE, "12 minut temu"),
        ("pl", 22 * MINUTE, "22 minuty temu"),
        ("pl", 25 * DAY, "25 dni temu"),
        ("ar", HOUR, "قبل ساعة واحدة"),
        ("ar", 2 * HOUR, "قبل ساعتين"),
        ("ar", 3 * HOUR, "قبل 3 ساعات"),
        ("ar", 11 * MINUTE, "قبل 11 دقيقة"),
    ],
)
def test_an_age_is_worded_in_the_language(tag: str, seconds: int, text: str) -> None:
    """Whole units, never more than passed, in the plural that CLDR asks for."""
    assert aged(tag, seconds) == text


@pytest.mark.parametrize("tag", sorted(LOCALES))
def test_every_age_below_a_month_has_words(tag: str) -> None:
    """From a clock that is slow by minutes to the thirtieth day; before and after, the date."""
    lengths = (*range(0, HOUR, MINUTE), *range(HOUR, DAY, HOUR), *range(DAY, 30 * DAY, DAY))
    said = [aged(tag, seconds) for seconds in (-300, *lengths)]
    assert "" not in said
    assert len(set(said)) == len(lengths), "each has words of its own, a slow clock those of now"
    assert {aged(tag, seconds) for seconds in (-301, 30 * DAY, 999 * DAY)} == {""}


@pytest.mark.parametrize("tag", sorted(LOCALES))
def test_no_digit_of_an_amount_is_lost(tag: str) -> None:
    """The largest amount a token can report has all its 78 digits in every language."""
    units = 2**256 - 1
    text = LOCALES[tag].amount(units, 0, "X")
    assert "".join(filter(str.isdecimal, text)) == str(units)


def test_nine_languages_fit_in_memory() -> None:
    """Writing in all of them costs less than 24 MiB, and loading their words next to nothing."""
    program = """
import resource
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() // 2**20
from datetime import UTC
from donations.web.assets import load_assets
import sys
locales = load_assets().locales
assert not any(name.split(".")[0] == "babel" for name in sys.modules), "babel is loaded too early"
before = resident()
for locale in locales.values():
    locale.moment(0, UTC); locale.whole(10**6); locale.count("gifts", 3)
print(resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 24
