"""What the store and the trackers know -> a snapshot. The one reader of both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from donations.announcements import Asset
from donations.arrivals import LATEST, Arrivals
from donations.config import DEFAULT, Watched
from donations.differences import disagree_fact, omit_fact, read_lines
from donations.gathering import assets_of, feeding, goal_of, keys_of, manual_of
from donations.goals import Period, measure, period_of
from donations.ledger import Bucket, Key
from donations.snapshot import LATEST_GIFTS, SLUG, AsOf, Known, Part, Shown, Snapshot, take
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from donations.books import Figure
    from donations.config import Config, Widget
    from donations.evidence import KeptClaim
    from donations.goals import Goal
    from donations.records import Standing
    from donations.snapshot import Coin


def shown(config: Config, widget: Widget | None = None) -> tuple[Shown, ...]:
    """The addresses of a widget as they are shown; without one, all that are watched."""
    addresses = config.watched if widget is None else widget.addresses
    return tuple(
        Shown(
            chain=settings.chain,
            network=settings.network.name,
            address=address,
            decimals=assets_of(config, settings.chain.name),
            required=settings.agree,
            operators=len(settings.operators),
            longest_gap=settings.network.longest_gap,
        )
        for settings in config.chains.values()
        for address in settings.addresses
        if Watched(settings.chain.name, address) in addresses
    )


def announced(config: Config) -> dict[tuple[str, str], Asset]:
    """The assets of which the author is told, by chain and symbol."""
    return {
        (one.chain.name, symbol): Asset(decimals, one.chain.dust if number == 0 else 0)
        for one in shown(config)
        for number, (symbol, decimals) in enumerate(one.decimals.items())
    }


def summarise(
    config: Config, store: Store, disagreeing: Collection[Key], now: int
) -> tuple[Snapshot, ...]:
    """Read all that readers may know, of each widget in the order of the configuration.

    To be called in the store's thread. Raises StoreError.
    """
    known = read_known(config, store, disagreeing)
    goals = read_goals(config, store, known, now)
    return tuple(
        _take(config, widget, known, goal, now)
        for widget, goal in zip(config.widgets, goals, strict=True)
    )


def read_snapshot(config: Config, widget: Widget, now: int) -> Snapshot:
    """A widget's snapshot as the database has it, read without a running service.

    Before the first run there is no database, and nothing is known. Raises StoreError.
    """
    if not config.database.exists():
        return nothing_known(config, widget, now)
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open_readonly()
        return summarise(config, store, (), now)[config.widgets.index(widget)]
    finally:
        store.close()


def nothing_known(config: Config, widget: Widget, now: int) -> Snapshot:
    """The snapshot of a first start: addresses and QR codes, and no number."""
    goal = None
    if widget.goal is not None:
        goal = measure(widget.goal, _day(config, now), None, None)
    return _take(config, widget, {}, goal, now)


def all_coins(config: Config) -> tuple[Coin, ...]:
    """Every address that is watched, whether a widget shows it or not, and no number."""
    nothing = take(
        shown(config), {}, slug="", title="", language="", goal=None, now=0, poll_seconds=1
    )
    return nothing.coins


def _take(
    config: Config, widget: Widget, known: Mapping[Key, Known], goal: Goal | None, now: int
) -> Snapshot:
    parts = {Part.TOTALS: widget.totals, Part.GIFTS: widget.gifts, Part.LEDGER: widget.ledger}
    return take(
        shown(config, widget),
        known,
        slug=SLUG if widget.slug == DEFAULT else widget.slug,
        title=widget.title,
        language=widget.language,
        goal=goal,
        now=now,
        poll_seconds=config.poll_seconds,
        hidden=frozenset(part for part, is_shown in parts.items() if not is_shown),
    )


def read_goals(
    config: Config, store: Store, known: Mapping[Key, Known], now: int
) -> list[Goal | None]:
    """How far the goal of each widget is; None for one without. Raises StoreError."""
    whole = {key for key, each in known.items() if each.as_of is not None}
    today = _day(config, now)
    manual = [entry.manual for entry in store.manual_gifts() if entry.manual is not None]
    months = store.months()
    goals: list[Goal | None] = []
    for widget in config.widgets:
        if widget.goal is None:
            goals.append(None)
            continue
        keys, period = keys_of(config, widget), period_of(widget.goal, today)
        figures = months
        if period != Period():
            first, last = (
                None if day is None else day.isoformat() for day in (period.first, period.last)
            )
            figures = store.days(feeding(widget.goal, keys), first, last)
        entered = manual_of(manual, widget.slug, period, config.timezone)
        goals.append(goal_of(widget.goal, keys, today, whole, figures, entered))
    return goals


def _day(config: Config, now: int) -> date:
    return datetime.fromtimestamp(now, config.timezone).date()


def read_known(config: Config, store: Store, disagreeing: Collection[Key]) -> dict[Key, Known]:
    """What is known of every configured key. Raises StoreError."""
    standings = store.standings()
    sums: dict[Key, dict[Bucket, tuple[int, int]]] = defaultdict(dict)
    for (key, _, bucket), total in store.months().items():
        units, transfers = sums[key].get(bucket, (0, 0))
        sums[key][bucket] = (units + total.units, transfers + total.transfers)
    known = {}
    for one in shown(config):
        for symbol in one.decimals:
            key = Key(one.chain.name, one.address, symbol)
            standing = standings.get(key)
            known[key] = Known(
                key=key,
                sums=sums[key],
                as_of=_as_of(standing),
                sources=0 if standing is None else standing.sources,
                disagree=key in disagreeing,
                latest=store.latest_gifts(key, 3 * LATEST_GIFTS),
            )
    return known


def read_arrivals(config: Config, store: Store) -> Arrivals:
    """Where recent payments to the configured addresses stand. Raises StoreError."""
    keys = [
        Key(one.chain.name, one.address, symbol) for one in shown(config) for symbol in one.decimals
    ]
    latest = [transfer for key in keys for transfer in store.latest(key, LATEST)]
    watched = frozenset(keys)
    unsettled = [t for name in config.chains for t in store.unsettled(name) if t.key in watched]
    return Arrivals([*latest, *unsettled])


def read_balances(store: Store) -> dict[Key, int]:
    """The balance of each key as the operators agree on it, where they do."""
    return {
        key: standing.balance
        for key, standing in store.standings().items()
        if standing.balance is not None
    }


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the operators of each key do not tell alike, for the author.

    ``disagree``: since when (Unix seconds). ``omissions`` are (operator, id, since). ``waiting``
    is what would stand in blocks if it were proven.
    """

    disagree: Mapping[Key, int]
    claims: Mapping[Key, Sequence[KeptClaim]]
    omissions: Mapping[Key, Sequence[tuple[str, str, int]]]
    waiting: Mapping[Key, Figure]


def read_doubts(config: Config, store: Store) -> Doubts:
    """What is kept of it for the configured keys. Raises StoreError."""
    facts = store.facts()
    disagree: dict[Key, int] = {}
    claims: dict[Key, list[KeptClaim]] = defaultdict(list)
    omissions: dict[Key, list[tuple[str, str, int]]] = defaultdict(list)
    for chain in config.chains:
        for key, (since,) in read_lines(facts, disagree_fact(chain), 1):
            disagree[key] = int(since)
        for key, (operator, identity, since) in read_lines(facts, omit_fact(chain), 3):
            omissions[key].append((operator, identity, int(since)))
    for claim in store.claims():
        claims[claim.key].append(claim)
    keys = (
        Key(one.chain.name, one.address, symbol) for one in shown(config) for symbol in one.decimals
    )
    return Doubts(disagree, claims, omissions, {key: store.waiting(key) for key in keys})


def _as_of(standing: Standing | None) -> AsOf | None:
    """None while a first history is being read: a part of a total is not a total."""
    if standing is None or not standing.complete:
        return None
    tip = standing.tip
    return AsOf(tip.height, tip.hash, tip.time, standing.at)
