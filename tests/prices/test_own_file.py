"""The author's own prices are read line by line, and a wrong line is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from donations.errors import ConfigError
from donations.prices.consensus import Price
from donations.prices.own_file import OwnPrices, read_own_file
from donations.prices.quote import ONE

if TYPE_CHECKING:
    from pathlib import Path

PARIS = ZoneInfo("Europe/Paris")
GOOD = "date,asset,currency,price\n2021-03-14,BTC,EUR,51234.50\n"
MIDNIGHT = 1_615_676_400  # 2021-03-14 00:00 in Paris


def read(folder: Path, text: str | bytes) -> OwnPrices:
    path = folder / "prices.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_own_file(path, currency="EUR", assets={"BTC", "USDC"}, zone=PARIS)


def test_a_price_is_of_a_whole_day_of_the_time_zone(tmp_path: Path) -> None:
    """From midnight to midnight where the author lives, and of no other day or asset."""
    own = read(tmp_path, GOOD)
    expected = Price(5_123_450 * ONE // 100, MIDNIGHT, "own file prices.csv")
    assert own.at("BTC", MIDNIGHT) == own.at("BTC", MIDNIGHT + 86_399) == expected
    assert own.at("BTC", MIDNIGHT - 1) is None
    assert own.at("BTC", MIDNIGHT + 86_400) is None
    assert own.at("USDC", MIDNIGHT) is None


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        ("2021-12-31T22:59:59+00:00", 1),
        ("2021-12-31T23:00:00+00:00", 2),  # the new year begins in Paris
        ("2021-03-27T22:59:59+00:00", 3),
        ("2021-03-27T23:00:00+00:00", 4),  # a day of 23 hours
        ("2021-03-28T21:59:59+00:00", 4),
        ("2021-03-28T22:00:00+00:00", None),
    ],
)
def test_days_begin_where_the_author_lives(tmp_path: Path, moment: str, price: int | None) -> None:
    """Around midnight, at the end of a year, and on the day the clocks are set forward."""
    days = ("2021-12-31", "2022-01-01", "2021-03-27", "2021-03-28")
    lines = [f"{day},BTC,EUR,{n}\n" for n, day in enumerate(days, start=1)]
    own = read(tmp_path, "date,asset,currency,price\n" + "".join(lines))
    found = own.at("BTC", int(datetime.fromisoformat(moment).timestamp()))
    assert (None if found is None else found.price) == (None if price is None else price * ONE)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        "# mine\n\n" + GOOD + "\n# end\n",
        'Date, Asset, Currency, Price\n"2021-03-14", BTC ,EUR,"51234.50"\n',
        GOOD + "2021-03-14,BTC,USD,60000\n",
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str | bytes) -> None:
    """A mark of byte order, both ends of line, quotes, blanks, remarks, other currencies."""
    own = read(tmp_path, text)
    assert set(own.prices.values()) == {5_123_450 * ONE // 100}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2021-03-14,BTC,EUR,51234,50", "decimal point"),
        ("2021-03-14;BTC;EUR;51234.50", "fields"),
        ("2021-03-14,BTC,EUR", "fields"),
        ("14/03/2021,BTC,EUR,1", "a day is written"),
        ("2021-02-30,BTC,EUR,1", "a day is written"),
        ("2008-12-31,BTC,EUR,1", "a day is written"),
        ("2021-03-14T10:00,BTC,EUR,1", "a day is written"),
        ("2021-03-14,XYZ,EUR,1", "no such asset"),
        ("2021-03-14,btc,EUR,1", "no such asset"),
        ("2021-03-14,BTC,eur,1", "a currency"),
        ("2021-03-14,BTC,EUR,0", "more than nothing"),
        ("2021-03-14,BTC,EUR,-1", "decimal point"),
        ("2021-03-14,BTC,EUR,1e400", "decimal point"),
        ("2021-03-14,BTC,EUR,NaN", "decimal point"),
        ("2021-03-14,BTC,EUR,", "decimal point"),
        ("2021-03-14,BTC,EUR,9999999999999999999", "nothing costs"),
        ("2021-03-13,BTC,EUR,1", "line 2 already"),
        ('2021-03-14,"BTC,EUR,1', "unexpected end"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    """File, line and what is wrong with it; nothing of the file is used."""
    text = f"date,asset,currency,price\n2021-03-13,BTC,EUR,1\n{line}\n"
    with pytest.raises(ConfigError, match=reason) as caught:
        read(tmp_path, text)
    assert caught.value.file == tmp_path / "prices.csv"
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "first line is missing"),
        ("2021-03-14,BTC,EUR,1\n", 1, "first line is date"),
        (b"date,asset,currency,price\n\xff\xfe\n", 2, "UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, text: str | bytes, line: int, reason: str
) -> None:
    """Empty, without its first line, not text."""
    with pytest.raises(ConfigError, match=reason) as caught:
        read(tmp_path, text)
    assert caught.value.line == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The configuration names it, so it has to be there."""
    with pytest.raises(ConfigError, match=r"nowhere\.csv: cannot be read"):
        read_own_file(tmp_path / "nowhere.csv", currency="EUR", assets={"BTC"}, zone=UTC)
