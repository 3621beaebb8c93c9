"""PURE: which addresses belong together, and what they brought to a goal.

Widgets, sites and posts only refer to addresses. What several of them share belongs to each, and is
counted once in whatever holds it: a group is a set of keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.books import RECEIVED, Figure
from donations.goals import Elsewhere, Fed, measure
from donations.ledger import Bucket, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import date, tzinfo

    from donations.books import ManualGift
    from donations.config import Config, Widget
    from donations.goals import Goal, Period, Terms


class By(StrEnum):
    """What totals may be told by."""

    WIDGET = "widget"
    SITE = "site"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Group:
    """Some widgets, by a name of theirs: a slug, a site, or the URL of a post.

    ``shared`` are the keys that another group of the same kind has, too: what came in there is
    told by both, so groups may add up to more than all together.
    """

    name: str
    slugs: tuple[str, ...]
    keys: frozenset[Key]
    shared: frozenset[Key] = frozenset()


def keys_of(config: Config, widget: Widget | None = None) -> frozenset[Key]:
    """Every asset of the widget's addresses; without one, of all that is watched."""
    return frozenset(
        Key(each.chain, each.address, asset)
        for each in config.watched
        if widget is None or each in widget.addresses
        for asset in assets_of(config, each.chain)
    )


def assets_of(config: Config, chain: str) -> dict[str, int]:
    """The decimals of each asset that is counted on a chain, its own first."""
    settings = config.chains[chain]
    return {
        settings.chain.symbol: settings.chain.decimals,
        **{token.symbol: token.decimals for token in settings.tokens},
    }


def groups(config: Config, by: By) -> tuple[Group, ...]:
    """The groups of one kind, in the order of the file; widgets without such a name are in none."""
    names: dict[str, list[Widget]] = {}
    for widget in config.widgets:
        name = {By.WIDGET: widget.slug, By.SITE: widget.site, By.POST: widget.post}[by]
        if name:
            names.setdefault(name, []).append(widget)
    keys = {
        name: frozenset[Key]().union(*(keys_of(config, each) for each in widgets))
        for name, widgets in names.items()
    }
    return tuple(
        Group(
            name,
            tuple(each.slug for each in widgets),
            keys[name],
            keys[name]
            & frozenset[Key]().union(*(held for other, held in keys.items() if other != name)),
        )
        for name, widgets in names.items()
    )


def add_up(
    figures: Mapping[tuple[Key, str, Bucket], Figure],
    keys: AbstractSet[Key],
    buckets: Iterable[Bucket] = RECEIVED,
) -> Figure:
    """The sum over some keys, each once. Its ``units`` mean nothing where assets differ."""
    wanted = frozenset(buckets)
    total = Figure()
    for (key, _, bucket), figure in figures.items():
        if key in keys and bucket in wanted:
            total += figure
    return total


def feeding(terms: Terms, keys: Iterable[Key]) -> frozenset[Key]:
    """Which of a widget's keys feed its goal: all of them, or those of the goal's asset."""
    return frozenset(key for key in keys if terms.fiat or key.asset == terms.symbol)


def goal_of(
    terms: Terms,
    keys: AbstractSet[Key],
    today: date,
    known: AbstractSet[Key],
    figures: Mapping[tuple[Key, str, Bucket], Figure],
    manual: Iterable[ManualGift] = (),
) -> Goal:
    """How far the goal is, of a widget that shows ``keys``.

    ``known`` are the keys whose first history was read to its end: while one is missing nobody
    knows how far the goal is. ``figures`` are those of the goal's period, ``manual`` what the
    author entered for this widget and period.
    """
    wanted, gifts = feeding(terms, keys), [*manual]
    same = sum(each.amount for each in gifts if _is_of(terms, each))
    other = (Elsewhere("", same),) if same else ()
    if not wanted <= known:
        return measure(terms, today, None, None, other)
    received, pending = (
        _fed(terms, add_up(figures, wanted, buckets)) for buckets in (RECEIVED, (Bucket.PENDING,))
    )
    goal = measure(terms, today, received, pending, other)
    if not terms.fiat:
        return goal
    return replace(goal, unvalued=goal.unvalued + sum(not _is_of(terms, each) for each in gifts))


def _fed(terms: Terms, figure: Figure) -> Fed:
    return Fed(figure.minor, figure.unvalued) if terms.fiat else Fed(figure.units)


def _is_of(terms: Terms, gift: ManualGift) -> bool:
    return (gift.unit, gift.decimals) == (terms.symbol, terms.decimals)


def manual_of(
    gifts: Iterable[ManualGift], slug: str, period: Period, zone: tzinfo
) -> tuple[ManualGift, ...]:
    """What was entered for a widget, or for all, and came within a period."""
    return tuple(
        gift
        for gift in gifts
        if gift.widget in ("", slug)
        and datetime.fromtimestamp(gift.received_at, zone).date() in period
    )
