"""The books of the database as lines, and as whatever form is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from heapq import merge
from typing import TYPE_CHECKING

from donations.exports.beancount import beancount
from donations.exports.csv_form import csv_form
from donations.exports.hledger import hledger
from donations.exports.json_form import json_form
from donations.exports.line import Frame, Line, line_of, manual_line
from donations.gathering import By, groups
from donations.ledger import Key
from donations.store import Store
from donations.summary import shown
from donations.valuation import minor_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.books import Filter
    from donations.config import Config

FORMS = ("csv", "json", "beancount", "hledger")


@contextmanager
def reading(config: Config) -> Iterator[Store]:
    """The database, to be read beside a running service. Raises StoreError."""
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open_readonly()
        yield store
    finally:
        store.close()


def keys_of(config: Config, slug: str | None = None) -> tuple[Key, ...]:
    """Every asset at every address of the configuration, or of one widget. Raises ConfigError."""
    widget = None if slug is None else config.named(slug)
    return tuple(
        Key(one.chain.name, one.address, asset)
        for one in shown(config, widget)
        for asset in one.decimals
    )


def frame_of(config: Config, now: int) -> Frame:
    """What all lines have in common; ``now`` in Unix seconds."""
    return Frame(
        currency=config.currency,
        digits=minor_digits(config.currency),
        zone=config.timezone,
        decimals={
            (one.chain.name, asset): digits
            for one in shown(config)
            for asset, digits in one.decimals.items()
        },
        widgets=_slugs(config),
        made_at=now,
        title=config.title,
    )


def _slugs(config: Config) -> dict[Key, tuple[str, ...]]:
    """The widgets that each key belongs to."""
    slugs: dict[Key, tuple[str, ...]] = {}
    for group in groups(config, By.WIDGET):
        for key in group.keys:
            slugs[key] = (*slugs.get(key, ()), group.name)
    return slugs


def lines_of(store: Store, frame: Frame, wanted: Filter, *, manual: bool) -> Iterator[Line]:
    """All lines that ``wanted`` lets through, the oldest first; ``manual`` gifts among them.

    They stream: memory holds a page of them. Raises StoreError.
    """
    gifts = [manual_line(each, frame) for each in store.manual_gifts()] if manual else []
    chosen = [line for line in gifts if _in_time(line, wanted)]
    chosen.sort(key=lambda line: (line.received_at, line.sequence))
    transfers = (line_of(entry, frame) for entry in store.all_entries(wanted))
    return merge(transfers, chosen, key=lambda line: line.received_at)


def _in_time(line: Line, wanted: Filter) -> bool:
    since, until = wanted.since, wanted.until
    return (since is None or line.received_at >= since) and (
        until is None or line.received_at < until
    )


def export(
    form: str, store: Store, frame: Frame, wanted: Filter, keys: Iterable[Key], *, manual: bool
) -> Iterator[str]:
    """The books in one of `FORMS`, piece by piece. ``keys`` are all that lines may name."""
    lines = lines_of(store, frame, wanted, manual=manual)
    units = {gift.manual.unit for gift in store.manual_gifts() if gift.manual}
    others = sorted(units - {frame.currency})
    if form == "csv":
        return csv_form(lines, frame)
    if form == "json":
        return json_form(lines, frame)
    if form == "beancount":
        return beancount(lines, frame, sorted(keys), others)
    return hledger(lines, frame, others)
