"""What a list is asked for: the fields of its form <-> a filter, and the place to go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from donations.books import Filter
from donations.ledger import Kind, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from donations.books import Place
    from donations.ledger import Key

N = TypeVar("N", bound=StrEnum)

FIELDS = ("q", "asset", "widget", "state", "kind", "from", "to", "valued", "excluded")
_LONGEST = 200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,11}", re.ASCII)
_BETWEEN = "~"  # stands in no address and no name of a transaction
_CHOICES = {"yes": True, "no": False}


class BadSearch(ValueError):
    """A field holds what it cannot hold; ``field`` is its name."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Search:
    """The fields as they were given, those left empty left out, and what they mean."""

    fields: Mapping[str, str]
    wanted: Filter
    before: Place | None

    def query(self, **more: str) -> str:
        """The same search as an address has it."""
        return urlencode({**self.fields, **more})


def parse_search(
    given: Mapping[str, str],
    keys: Collection[Key],
    widgets: Iterable[tuple[str, str, Collection[Key]]],
    zone: tzinfo,
) -> Search:
    """Read the fields of a query. Raises BadSearch."""
    fields = {name: given[name].strip() for name in FIELDS if given.get(name, "").strip()}
    if any(len(text) > _LONGEST for text in fields.values()):
        raise BadSearch(next(name for name, text in fields.items() if len(text) > _LONGEST))
    asked = frozenset(keys)
    if "asset" in fields:
        asked = frozenset(key for key in asked if key.asset == fields["asset"])
        _must(bool(asked), "asset")
    if "widget" in fields:
        found = [frozenset(its) for slug, _, its in widgets if slug == fields["widget"]]
        _must(bool(found), "widget")
        asked &= found[0]
    since, until = (_day(fields, name, zone) for name in ("from", "to"))
    wanted = Filter(
        keys=asked,
        states=_named(fields, "state", State),
        kinds=_named(fields, "kind", Kind),
        since=None if since is None else int(since.timestamp()),
        until=None if until is None else int((until + timedelta(days=1)).timestamp()),
        excluded=_choice(fields, "excluded"),
        valued=_choice(fields, "valued"),
        text=fields.get("q", ""),
    )
    return Search(fields, wanted, parse_place(given["before"]) if "before" in given else None)


def _must(good: bool, field: str) -> None:
    if not good:
        raise BadSearch(field)


def _named(fields: Mapping[str, str], name: str, known: type[N]) -> frozenset[N] | None:
    if name not in fields:
        return None
    _must(fields[name] in list(known), name)
    return frozenset({known(fields[name])})


def _choice(fields: Mapping[str, str], name: str) -> bool | None:
    if name not in fields:
        return None
    _must(fields[name] in _CHOICES, name)
    return _CHOICES[fields[name]]


def _day(fields: Mapping[str, str], name: str, zone: tzinfo) -> datetime | None:
    return day_of(fields[name], name, zone) if name in fields else None


def day_of(text: str, name: str, zone: tzinfo) -> datetime:
    """The beginning of a day ("2026-11-24") in a time zone. Raises BadSearch of field ``name``."""
    try:
        _must(_DAY.fullmatch(text) is not None, name)
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        raise BadSearch(name) from None
    _must(1970 < day.year < 9999, name)
    return day


def write_place(place: Place) -> str:
    """A place in the order, as an address has it."""
    return _BETWEEN.join(map(str, place))


def parse_place(text: str) -> Place:
    """The opposite. Raises BadSearch."""
    parts = text.split(_BETWEEN)
    _must(len(parts) == 5 and len(text) <= 2 * _LONGEST, "before")
    at, chain, address, asset, identity = parts
    _must(_TIME.fullmatch(at) is not None, "before")
    return int(at), chain, address, asset, identity
