"""The European Central Bank: what one euro is worth in about thirty currencies, each working day.

Source: ecb.europa.eu, "Euro foreign exchange reference rates": the last 90 days as XML, all since
1999 as CSV in a ZIP file. Free to use with the source named; for information only. No key.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from donations.chains.base import server
from donations.errors import UpstreamMalformed
from donations.prices.quote import ONE, parse_price
from donations.reasons import Reason
from donations.sources.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

URL: Final = "https://www.ecb.europa.eu/stats/eurofxref"
_PAUSE = 1
# Over Christmas and Easter no rate is made for five days; some currencies came to an end.
_LONGEST_SILENCE = 8
_RECENT_DAYS = 80
_MOST_BYTES = 16 * 1024 * 1024
_NAME = "eurofxref-hist.csv"
_CODE = re.compile(r"[A-Z]{3}")
_TAG = re.compile(r"<(/?)([A-Za-z:]+)([^<>]*)>")
_TIME = re.compile(r"""\s+time=(["'])(\d{4}-\d\d-\d\d)\1\s*""")
_RATE = re.compile(r"""\s+currency=(["'])([A-Z]{3})\1\s+rate=(["'])([0-9.]{1,40})\3\s*/""")

Rates = dict[date, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one euro was worth on ``day``: ``price`` as in `quote`."""

    price: int
    day: date

    @property
    def source(self) -> str:
        return f"ECB {self.day.isoformat()}"


class Ecb:
    """Our side of the bank's files, of which the rates of the ``wanted`` currencies are read."""

    name = "ecb"

    def __init__(self, wanted: Iterable[str], url: str = URL) -> None:
        self._wanted = frozenset(wanted)
        self.server = server(url)
        self._rest = Rest(url, _PAUSE)

    async def recent(self, now: int) -> Rates:
        """The rates of about the last 90 days; one request. Raises UpstreamError."""
        body = await self._rest.body("/eurofxref-hist-90d.xml", "text/xml", "application/xml")
        return await asyncio.to_thread(parse_xml, body, now, self._wanted)

    async def all(self, now: int) -> Rates:
        """The rates of all days since 1999; one request. Raises UpstreamError."""
        kinds = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
        body = await self._rest.body("/eurofxref-hist.zip", *kinds)
        # Seven thousand days: readers of the service must not wait for them.
        return await asyncio.to_thread(parse_zip, body, now, self._wanted)

    async def close(self) -> None:
        await self._rest.close()


def is_recent(moment: int, now: int) -> bool:
    """Whether the short list holds the rate of a moment."""
    return now - moment < _RECENT_DAYS * 86_400


def rate_at(rates: Rates, currency: str, moment: int) -> Rate | None:
    """The rate of a moment's day, or of the last working day before it.

    None also for one that is half as much again as the one before, or that much less: nobody else
    can be asked.
    """
    day = datetime.fromtimestamp(moment, UTC).date()
    if currency == "EUR":
        return Rate(ONE, day)
    rate = _last(rates, currency, day)
    if rate is None:
        return None
    before = _last(rates, currency, rate.day - timedelta(days=1))
    if before is not None and not _is_believable(rate.price, before.price):
        return None
    return rate


def _last(rates: Rates, currency: str, day: date) -> Rate | None:
    for silent in range(_LONGEST_SILENCE + 1):
        then = day - timedelta(days=silent)
        price = rates.get(then, {}).get(currency)
        if price is not None:
            return Rate(price, then)
    return None


def _is_believable(price: int, before: int) -> bool:
    """Whether a currency may have moved so much from one working day to the next."""
    return max(price, before) * 2 <= min(price, before) * 3


def parse_xml(body: bytes, now: int, wanted: Collection[str]) -> Rates:
    """The rates of ``wanted`` currencies in an XML file. Raises UpstreamMalformed.

    It is read tag by tag: a parser of all of XML would unpack entities that are meant to hurt.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UpstreamMalformed("not XML", why=Reason.MALFORMED) from None
    if "<!" in text or not text.rstrip().endswith("</gesmes:Envelope>"):
        raise UpstreamMalformed("not the file of reference rates, or not all of it")
    rates: Rates = {}
    day: dict[str, int] | None = None
    for closing, name, rest in _TAG.findall(text):
        if name != "Cube" or closing or not rest.strip():
            continue
        if (match := _TIME.fullmatch(rest)) is not None:
            day = _new_day(rates, match.group(2), now)
        elif (match := _RATE.fullmatch(rest)) is not None and day is not None:
            if match.group(2) in wanted:
                _add(day, match.group(2), match.group(4))
        else:
            raise UpstreamMalformed("a line of another form in the file of rates")
    return _some(rates)


def parse_zip(body: bytes, now: int, wanted: Collection[str]) -> Rates:
    """The rates of ``wanted`` currencies in a ZIP file with one CSV. Raises UpstreamMalformed."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed, packed.open(_NAME) as file:
            data = file.read(_MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, RuntimeError,
            NotImplementedError, ValueError):  # fmt: skip
        raise UpstreamMalformed("not the ZIP file of rates", why=Reason.COMPRESSED) from None
    if len(data) > _MOST_BYTES:
        raise UpstreamMalformed("a ZIP file that unpacks to too much", why=Reason.TOO_LARGE)
    if not data.isascii():
        raise UpstreamMalformed("a file of rates that is no plain text")
    try:
        return _parse_csv(csv.reader(io.StringIO(data.decode())), now, wanted)
    except csv.Error:
        raise UpstreamMalformed("a file of rates that is no CSV") from None


def _parse_csv(lines: Iterable[list[str]], now: int, wanted: Collection[str]) -> Rates:
    rows = iter(lines)
    header = [name.strip() for name in next(rows, [])]
    while header and not header[-1]:
        header.pop()
    codes = header[1:]
    if header[:1] != ["Date"] or len(set(codes)) != len(codes) or not codes:
        raise UpstreamMalformed("a file of rates with another first line")
    if not all(_CODE.fullmatch(code) for code in codes):
        raise UpstreamMalformed("a file of rates with another first line")
    places = [(place, code) for place, code in enumerate(codes, start=1) if code in wanted]
    rates: Rates = {}
    for row in rows:
        if not row:
            continue
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
            raise UpstreamMalformed("a line of another length in the file of rates")
        day = _new_day(rates, row[0].strip(), now)
        for place, code in places:
            if row[place].strip() not in ("N/A", ""):
                _add(day, code, row[place].strip())
    return _some(rates)


def _new_day(rates: Rates, text: str, now: int) -> dict[str, int]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UpstreamMalformed("a day that is none in the file of rates") from None
    if day > datetime.fromtimestamp(now + 86_400, UTC).date():
        raise UpstreamMalformed("rates of the future", why=Reason.IMPOSSIBLE)
    if day in rates:
        raise UpstreamMalformed("a day twice in the file of rates")
    return rates.setdefault(day, {})


def _add(day: dict[str, int], code: str, text: str) -> None:
    if code in day or code == "EUR":
        raise UpstreamMalformed(f"{code} twice on a day in the file of rates")
    try:
        day[code] = parse_price(text)
    except ValueError as error:
        raise UpstreamMalformed(str(error)) from None


def _some(rates: Rates) -> Rates:
    if not rates:
        raise UpstreamMalformed("a file of rates without a day")
    return rates
