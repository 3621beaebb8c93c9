"""PURE: running sums -> what the author sees first: this month, those before, by coin, by widget.

A sum in the author's currency always says of how many gifts nobody knows the worth: it is not zero.
Own transfers, what is excluded and what is pending are in no sum of what was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.books import RECEIVED, Figure
from donations.ledger import Bucket, Key
from donations.valuation import worth

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from donations.books import Annotation, Figures

_PENDING = (Bucket.PENDING, Bucket.IMMATURE)
# Months in the picture.
SHOWN_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Worth:
    """Minor units at receipt, of ``gifts``; of ``unvalued`` of them nobody knows the worth."""

    minor: int = 0
    gifts: int = 0
    unvalued: int = 0

    def __add__(self, other: Worth) -> Worth:
        return Worth(
            self.minor + other.minor, self.gifts + other.gifts, self.unvalued + other.unvalued
        )

    @property
    def known(self) -> bool:
        """Whether the sum says anything: some gift has a worth, or there is none."""
        return self.unvalued < self.gifts or not self.gifts


@dataclass(frozen=True, slots=True)
class Price:
    """What one whole unit costs now: decimal text, and of when (Unix seconds) and where."""

    price: str
    at: int
    source: str


@dataclass(frozen=True, slots=True)
class CoinLine:
    """What came of one asset in all; ``today`` in minor units, None without a price of today."""

    asset: str
    decimals: int
    received: Figure
    pending: Figure
    today: int | None


@dataclass(frozen=True, slots=True)
class WidgetLine:
    """What came to the addresses of one widget; ``title`` "" for the usual one."""

    slug: str
    title: str
    worth: Worth


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sums are made for.

    ``decimals`` are those of each configured key; ``widgets`` are (slug, title, keys). ``month`` is
    the present one ("2026-11") in the configured time zone, ``digits`` those of ``currency``.
    ``unread`` are keys whose history is not known to its end.
    """

    currency: str
    digits: int
    month: str
    decimals: Mapping[Key, int]
    widgets: Sequence[tuple[str, str, Collection[Key]]]
    unread: Collection[Key] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. ``months`` and ``years`` follow each other without a gap, the newest last.

    ``today`` is what all that was received would be worth now, and ``today_at`` the oldest price in
    it; None where an asset has no price. ``by_hand`` are gifts that came another way, in no sum.
    """

    asked: Asked
    months: tuple[tuple[str, Worth], ...]
    years: tuple[tuple[str, Worth], ...]
    coins: tuple[CoinLine, ...]
    widgets: tuple[WidgetLine, ...]
    pending: Worth
    excluded: int
    today: int | None
    today_at: int | None
    by_hand: tuple[Annotation, ...]

    @property
    def this_month(self) -> Worth:
        return dict(self.months)[self.asked.month]

    @property
    def last_month(self) -> Worth:
        return dict(self.months)[before(self.asked.month)]

    @property
    def this_year(self) -> Worth:
        return dict(self.years)[self.asked.month[:4]]

    @property
    def in_all(self) -> Worth:
        return sum((worth for _, worth in self.years), Worth())


def take(
    months: Figures,
    asked: Asked,
    prices: Mapping[str, Price],
    by_hand: Iterable[Annotation] = (),
) -> Overview:
    """Make the overview of running sums by month; ``prices`` are today's, by asset."""
    by_month: dict[str, Worth] = {}
    received: dict[Key, Figure] = {}
    pending: dict[Key, Figure] = {}
    excluded = 0
    for (key, month, bucket), figure in months.items():
        if key not in asked.decimals:
            continue  # no longer watched
        if bucket in RECEIVED:
            received[key] = received.get(key, Figure()) + figure
            by_month[month] = by_month.get(month, Worth()) + _worth(figure)
        elif bucket in _PENDING:
            pending[key] = pending.get(key, Figure()) + figure
        elif bucket is Bucket.EXCLUDED:
            excluded += figure.transfers
    series = tuple((month, by_month.get(month, Worth())) for month in _months(by_month, asked))
    coins = tuple(_coins(asked, received, pending, prices))
    todays = [coin.today for coin in coins]
    return Overview(
        asked=asked,
        months=series,
        years=tuple(_years(series)),
        coins=coins,
        widgets=tuple(
            WidgetLine(
                slug,
                title,
                sum((_worth(received[key]) for key in set(keys) & set(received)), Worth()),
            )
            for slug, title, keys in asked.widgets
        ),
        pending=sum((_worth(figure) for figure in pending.values()), Worth()),
        excluded=excluded,
        today=sum(each for each in todays if each is not None) if None not in todays else None,
        today_at=min((prices[c.asset].at for c in coins if c.asset in prices), default=None),
        by_hand=tuple(by_hand),
    )


def before(month: str) -> str:
    """The month before "2026-11"."""
    year, number = map(int, month.split("-"))
    return f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"


def _worth(figure: Figure) -> Worth:
    return Worth(figure.minor, figure.transfers, figure.unvalued)


def _months(given: Collection[str], asked: Asked) -> Iterator[str]:
    """From the first month with a gift, and the one before the present at the latest."""
    # A block's clock may be ahead of ours: what is dated later than now still counts.
    last = max([asked.month, *given])
    at = min([before(asked.month), *given])
    while at <= last:
        yield at
        year, month = map(int, at.split("-"))
        at = f"{year}-{month + 1:02}" if month < 12 else f"{year + 1}-01"


def _years(months: Iterable[tuple[str, Worth]]) -> Iterator[tuple[str, Worth]]:
    years: dict[str, Worth] = {}
    for month, its in months:
        years[month[:4]] = years.get(month[:4], Worth()) + its
    yield from years.items()


def _coins(
    asked: Asked,
    received: Mapping[Key, Figure],
    pending: Mapping[Key, Figure],
    prices: Mapping[str, Price],
) -> Iterator[CoinLine]:
    """One line for each asset that is watched, in the order of the configuration."""
    for asset, decimals in {(key.asset, number): None for key, number in asked.decimals.items()}:
        keys = [key for key in asked.decimals if key.asset == asset]
        got = sum((received.get(key, Figure()) for key in keys), Figure())
        price = prices.get(asset)
        today = None
        if price is not None:
            today = worth(got.units, decimals, price.price, asked.digits)
        elif not got.units:
            today = 0  # of nothing, at any price
        waits = sum((pending.get(key, Figure()) for key in keys), Figure())
        yield CoinLine(asset, decimals, got, waits, today)
