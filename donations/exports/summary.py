"""One year of the books, for an accountant: what is added up, and what cannot be."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.books import Figure
from donations.exports.line import Class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.exports.line import Frame, Line

# So many without a value are named one by one; the others are counted, and stand in the CSV.
NAMED = 500


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in ``year`` on the author's calendar.

    ``gifts`` are by (month, asset), ``others`` by (class, asset); ``sources`` count the gifts that
    each source priced. ``unknown`` are the first gifts without a value, ``unnamed`` how many more.
    ``unsettled`` gifts are counted and in a block, but could still be undone with it.
    """

    year: int
    frame: Frame
    gifts: Mapping[tuple[int, str], Figure]
    others: Mapping[tuple[Class, str], Figure]
    decimals: Mapping[str, int]
    sources: Mapping[str, int]
    unknown: tuple[Line, ...]
    unnamed: int
    manual: tuple[Line, ...]
    unsettled: int

    @property
    def total(self) -> Figure:
        """All gifts together: what can be added up over assets is their number and their value."""
        together = sum(self.gifts.values(), Figure())
        return Figure(0, together.transfers, together.minor, together.valued)

    def of_month(self, month: int) -> Figure:
        """All gifts of a month."""
        return sum((f for (m, _), f in self.gifts.items() if m == month), Figure())

    def of_asset(self, asset: str) -> Figure:
        """All gifts of an asset."""
        return sum((f for (_, a), f in self.gifts.items() if a == asset), Figure())

    @property
    def assets(self) -> tuple[str, ...]:
        """Those of the gifts, in alphabetical order."""
        return tuple(sorted({asset for _, asset in self.gifts}))


def summarise_year(lines: Iterable[Line], frame: Frame, year: int) -> Summary:
    """Add up those of ``lines`` that are of ``year``; memory holds sums and a bounded list."""
    gifts: dict[tuple[int, str], Figure] = defaultdict(Figure)
    others: dict[tuple[Class, str], Figure] = defaultdict(Figure)
    decimals: dict[str, int] = {}
    sources: Counter[str] = Counter()
    unknown: list[Line] = []
    manual: list[Line] = []
    unnamed = unsettled = 0
    for line in lines:
        received = frame.moment(line.received_at)
        if received.year != year:
            continue
        minor, valued = (0, 0) if line.minor is None else (line.minor, 1)
        figure = Figure(line.units, 1, minor, valued)
        if line.what is Class.MANUAL:
            manual.append(line)
            continue
        decimals[line.asset] = line.decimals
        if line.what is not Class.GIFT:
            others[line.what, line.asset] += figure
            continue
        gifts[received.month, line.asset] += figure
        unsettled += line.state != "final"
        if line.value is not None:
            sources[line.value.source] += 1
        elif len(unknown) < NAMED:
            unknown.append(line)
        else:
            unnamed += 1
    return Summary(
        year, frame, gifts, others, decimals, sources, tuple(unknown), unnamed, tuple(manual),
        unsettled,
    )  # fmt: skip
