"""CSV (RFC 4180): one line a transfer, CRLF, UTF-8 without a mark, every text quoted.

No cell of text is taken for a formula by a spreadsheet: one that could be begins with an
apostrophe. Numbers stay numbers, also those below zero.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from donations.exports.line import fixed, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.exports.line import Frame, Line

COLUMNS = (
    "received", "year", "month", "class", "counted", "chain", "asset", "amount", "value",
    "currency", "value_known", "price", "price_time", "price_source", "state", "level", "kind",
    "address", "id", "txid", "block_height", "block_hash", "block_time", "first_seen", "units",
    "decimals", "widgets", "note", "thanks", "not_a_gift",
)  # fmt: skip

# What spreadsheets begin a formula with (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@|%")


def csv_form(lines: Iterable[Line], frame: Frame) -> Iterator[str]:
    """The header, then a line for each of ``lines``."""
    yield row(COLUMNS)
    for line in lines:
        yield row(_cells(line, frame))


def _cells(line: Line, frame: Frame) -> tuple[str | int | None, ...]:
    received, block, value = frame.moment(line.received_at), line.block, line.value
    known = line.minor is not None
    return (
        received.isoformat(),
        received.year,
        f"{received:%Y-%m}",
        line.what.value,
        "yes" if line.counts else "no",
        line.key.chain if line.key else "",
        line.asset,
        Number(line.amount),
        None if line.minor is None else Number(fixed(line.minor, frame.digits)),
        frame.currency,
        "yes" if known else "no",
        Number(value.price) if value else None,
        frame.moment(value.price_time).isoformat() if value else "",
        value.source if value else "",
        line.state,
        line.level,
        line.kind,
        line.key.address if line.key else "",
        line.id,
        line.txid,
        block[0] if block else None,
        block[1] if block else "",
        frame.moment(block[2]).isoformat() if block else "",
        "" if line.first_seen is None else frame.moment(line.first_seen).isoformat(),
        line.units,
        line.decimals,
        " ".join(line.widgets),
        line.note,
        line.thanks,
        line.reason,
    )


class Number(str):
    """Decimal text that is a number to a spreadsheet, sign and all."""

    __slots__ = ()


def row(cells: Iterable[str | int | None]) -> str:
    """One line; None is an empty cell."""
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(cell: str | int | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int | Number):
        return str(cell)
    return '"' + harmless(cell).replace('"', '""') + '"'


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, with nothing hidden in it.

    What it begins with is judged as it would be read: full-width signs are signs, and what cannot
    be seen is not there.
    """
    text = visible(text)
    if text.isascii():
        return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
    begins = unicodedata.normalize("NFKC", text).replace("\u200c", "").replace("\u200d", "")
    return f"'{text}" if begins.lstrip().startswith(_FORMULA) else text
