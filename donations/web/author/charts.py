"""Sums -> pictures: bars by month, and bars by name. Vector graphics inside the page, no script.

A picture is drawn twice where one size cannot suit a phone and a desk: style shows one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.web.markup import Html, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.web.page_words import Pages


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: ``label`` under or before it, ``told`` what it says; ``value`` may be anything.

    ``mark``: a part of it has no known worth. ``strong``: the one that is asked for first.
    """

    label: str
    told: str
    value: int
    mark: bool = False
    strong: bool = False
    under: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a picture of columns, in the units of its view box."""

    name: str
    width: int
    height: int
    columns: int
    left: int  # room for the words of the scale


SIZES = (Size("wide", 720, 220, 24, 66), Size("small", 320, 210, 12, 74))
_TOP, _BOTTOM = 24, 42
_ROW, _BAR = 46, 14


def columns(
    pages: Pages, name: str, title: str, bars: Sequence[Bar], scale: Callable[[int], str]
) -> Html:
    """Bars over time, the newest at the right. ``scale`` words a value of the axis."""
    return join(_columns(pages, f"{name}-{s.name}", title, bars, scale, s) for s in SIZES)


def _columns(
    pages: Pages,
    name: str,
    title: str,
    bars: Sequence[Bar],
    scale: Callable[[int], str],
    size: Size,
) -> Html:
    shown = bars[-size.columns :]
    top = ceiling(max((bar.value for bar in shown), default=0))
    floor, room = size.height - _BOTTOM, size.height - _BOTTOM - _TOP
    slot = (size.width - size.left) * 10 // max(len(shown), 6)  # in tenths
    parts = []
    for at, value in ((floor, 0), (floor - room // 2, top // 2), (floor - room, top)):
        parts.append(
            pages.piece(
                "grid",
                x=size.width,
                left=size.left,
                y=at,
                text_x=size.left - 8,
                text_y=at + 4,
                text=Html() if not value else Html(scale(value)),
            )
        )
    for number, bar in enumerate(shown):
        tall = max(0, bar.value) * room // top if top else 0
        if bar.value > 0:
            tall = max(tall, 2)  # what is there is seen
        left = size.left * 10 + slot * number
        parts.append(
            pages.piece(
                "column",
                name="strong" if bar.strong else "bar",
                x=_tenths(left + slot * 15 // 100),
                y=floor - tall,
                width=_tenths(slot * 70 // 100),
                height=tall,
                middle=_tenths(left + slot // 2),
                hit_x=_tenths(left),
                hit_width=_tenths(slot),
                hit_y=_TOP,
                hit_height=room,
                told=f"{bar.told}",
                mark=_mark(pages, left + slot // 2, floor - tall - 5) if bar.mark else Html(),
                label=bar.label,
                label_y=floor + 17,
                under=bar.under,
                under_y=floor + 35,
            )
        )
    return pages.piece(
        "chart",
        name=name,
        kind=size.name,
        width=size.width,
        height=size.height,
        title=title,
        parts=join(parts),
    )


def _mark(pages: Pages, middle: int, y: int) -> Html:
    return pages.piece("unknown", x=_tenths(middle), y=y)


def rows(pages: Pages, name: str, title: str, bars: Sequence[Bar]) -> Html:
    """Bars one below the other, each under its name and what it says."""
    width = 320
    top = max((bar.value for bar in bars), default=0)
    parts = [
        pages.piece(
            "bar",
            y=_ROW * number + 16,
            label=bar.label,
            told=bar.told,
            right=width,
            bar_y=_ROW * number + 23,
            width=width,
            height=_BAR,
            part=max(0, bar.value) * width // top if top else 0,
        )
        for number, bar in enumerate(bars)
    ]
    return pages.piece(
        "chart",
        name=name,
        kind="rows",
        width=width,
        height=_ROW * max(1, len(bars)),
        title=title,
        parts=join(parts),
    )


def ceiling(value: int) -> int:
    """The least round number (1, 2 or 5 and zeros) that is not below ``value``; 0 for nothing."""
    if value <= 0:
        return 0
    step = int("1".ljust(len(str(value)), "0"))
    return next(step * by for by in (1, 2, 5, 10) if step * by >= value)


def _tenths(number: int) -> str:
    return f"{number // 10}.{number % 10}"
