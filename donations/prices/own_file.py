"""The author's own prices: a CSV file that wins over every source.

    date,asset,currency,price
    2021-03-14,BTC,EUR,51234.50

A line is the price of ONE whole unit for a whole day of the configured time zone. Lines in another
currency than the configured one are read, and not used. Empty lines and lines that begin with "#"
are left out. See RFC 4180 for the rest.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Final

from donations.errors import ConfigError
from donations.prices.consensus import Price
from donations.prices.quote import parse_price

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import tzinfo
    from pathlib import Path

_COLUMNS: Final = ["date", "asset", "currency", "price"]
_MOST_BYTES: Final = 16 * 1024 * 1024
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class OwnPrices:
    """What the file says in the configured currency, by asset and day."""

    prices: Mapping[tuple[str, date], int]
    zone: tzinfo
    name: str

    def at(self, asset: str, moment: int) -> Price | None:
        """The price of a moment's day, as of the beginning of that day."""
        day = datetime.fromtimestamp(moment, self.zone).date()
        price = self.prices.get((asset, day))
        if price is None:
            return None
        began = int(datetime.combine(day, time(), self.zone).timestamp())
        return Price(price, began, f"own file {self.name}")


def read_own_file(path: Path, *, currency: str, assets: Collection[str], zone: tzinfo) -> OwnPrices:
    """Read the file; ``assets`` are the symbols that are watched.

    Raises ConfigError that names file and line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"more than {_MOST_BYTES} bytes", file=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError("not UTF-8 text", file=path, line=line) from None
    return OwnPrices(_parse(text, path, currency, assets), zone, path.name)


def _parse(
    text: str, path: Path, currency: str, assets: Collection[str]
) -> dict[tuple[str, date], int]:
    prices: dict[tuple[str, date], int] = {}
    places: dict[tuple[str, str, date], int] = {}
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    titled = False
    try:
        for row in lines:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not titled:
                titled = True
                _check_title(cells)
                continue
            asset, of, day, price = _read(cells, assets)
            first = places.setdefault((asset, of, day), lines.line_num)
            if first != lines.line_num:
                raise ValueError(f"{asset} has its price of {day} in line {first} already")
            if of == currency:
                prices[asset, day] = price
    except (ValueError, csv.Error) as error:
        reason = str(error)
    else:
        if titled:
            return prices
        reason = f"the first line is missing: {','.join(_COLUMNS)}"
    raise ConfigError(reason, file=path, line=max(1, lines.line_num))


def _check_title(cells: list[str]) -> None:
    if [cell.lower() for cell in cells] != _COLUMNS:
        raise ValueError(f"the first line is {','.join(_COLUMNS)}, with commas between")


def _read(cells: list[str], assets: Collection[str]) -> tuple[str, str, date, int]:
    if len(cells) != len(_COLUMNS):
        raise ValueError(
            f"{len(cells)} fields instead of {len(_COLUMNS)}: {','.join(_COLUMNS)}; "
            "a price has a decimal point, no comma"
        )
    asset, currency = cells[1], cells[2]
    try:
        day = date.fromisoformat(cells[0]) if _DAY.fullmatch(cells[0]) else None
    except ValueError:
        day = None
    if day is None or not date(2009, 1, 3) <= day:
        raise ValueError("a day is written like 2021-03-14, and is not before Bitcoin")
    if asset not in assets:
        raise ValueError(f"no such asset is watched; watched: {', '.join(sorted(assets))}")
    if _CURRENCY.fullmatch(currency) is None:
        raise ValueError("a currency is written like EUR")
    return asset, currency, day, parse_price(cells[3])
