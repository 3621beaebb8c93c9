"""The SQL of quotes that sources told, kept so that none is asked for twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from donations.rows import put
from donations.schema import QUOTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class KeptQuote:
    """What ``source`` told of one whole unit of ``asset`` for the slot of ``step`` seconds.

    ``price`` is decimal text of ``currency``, ``start`` and ``time`` are Unix seconds.
    """

    source: str
    asset: str
    currency: str
    step: int
    start: int
    price: str
    time: int


def put_quotes(connection: Connection, quotes: Sequence[KeptQuote]) -> None:
    if quotes:
        put(connection, QUOTES, [asdict(quote) for quote in quotes])


def read_quotes(
    connection: Connection, asset: str, currency: str, slots: Iterable[tuple[int, int]]
) -> list[KeptQuote]:
    """The quotes of a pair for (step, start) of slots."""
    starts: dict[int, set[int]] = {}
    for step, start in slots:
        starts.setdefault(step, set()).add(start)
    found = []
    for step, wanted in starts.items():
        query = select(QUOTES).where(
            QUOTES.c.asset == asset,
            QUOTES.c.currency == currency,
            QUOTES.c.step == step,
            QUOTES.c.start.between(min(wanted), max(wanted)),
        )
        rows = (row for row in connection.execute(query) if row.start in wanted)
        found += [KeptQuote(**row._asdict()) for row in rows]
    return found
