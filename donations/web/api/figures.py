"""Running sums -> totals by month, year, coin or widget. Integers of base and minor units alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.books import RECEIVED, Figure
from donations.ledger import Bucket, Key
from donations.web.api.author_forms import By
from donations.web.document import amount_form

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from donations.books import Figures
    from donations.web.api.author_forms import (
        AssetSumForm,
        GroupForm,
        MoneyForm,
        WorthForm,
    )

_PENDING = (Bucket.PENDING, Bucket.IMMATURE)
# The sums of one key: what was received, and what is on its way.
Pair = tuple[Figure, Figure]


class Currency:
    """The author's currency, and how its minor units are written."""

    def __init__(self, name: str, digits: int) -> None:
        self.name, self.digits = name, digits

    def money(self, minor: int) -> MoneyForm:
        """So many minor units."""
        text = format_amount(minor, self.digits)
        return {"currency": self.name, "minor": str(minor), "text": text}

    def worth(self, figure: Figure) -> WorthForm:
        """What is known of the worth; of nothing it is nothing."""
        unknown = figure.transfers > 0 and figure.valued == 0
        return {
            "transfers": figure.transfers,
            "valued": figure.valued,
            "unvalued": figure.unvalued,
            "value": None if unknown else self.money(figure.minor),
        }


def group_by(
    by: By,
    months: Figures,
    decimals: Mapping[Key, int],
    widgets: Sequence[tuple[str, str, Collection[Key]]],
    currency: Currency,
) -> tuple[list[GroupForm], GroupForm]:
    """The groups, in order, and the sum of everything with each key once."""
    named: dict[str, dict[Key, Pair]] = defaultdict(dict)
    total: dict[Key, Pair] = {}
    if by is By.WIDGET:
        named |= {slug: {} for slug, _, _ in widgets}
    for (key, month, bucket), figure in months.items():
        if key not in decimals or bucket not in (*RECEIVED, *_PENDING):
            continue
        pair = (figure, Figure()) if bucket in RECEIVED else (Figure(), figure)
        _add(total, key, pair)
        for name in _names(by, key, month, widgets):
            _add(named[name], key, pair)
    order = sorted(named) if by in (By.MONTH, By.YEAR) else named
    groups = [_group(name, named[name], decimals, currency) for name in order]
    return groups, _group("total", total, decimals, currency)


def _names(
    by: By, key: Key, month: str, widgets: Sequence[tuple[str, str, Collection[Key]]]
) -> Iterable[str]:
    if by is By.WIDGET:
        return (slug for slug, _, keys in widgets if key in keys)
    return ({By.MONTH: month, By.YEAR: month[:4], By.COIN: key.asset}[by],)


def _add(sums: dict[Key, Pair], key: Key, pair: Pair) -> None:
    received, pending = sums.get(key, (Figure(), Figure()))
    sums[key] = received + pair[0], pending + pair[1]


def _group(
    name: str, sums: Mapping[Key, Pair], decimals: Mapping[Key, int], currency: Currency
) -> GroupForm:
    assets: dict[tuple[str, int], Pair] = {}
    for key, pair in sums.items():
        asset = key.asset, decimals[key]
        received, pending = assets.get(asset, (Figure(), Figure()))
        assets[asset] = received + pair[0], pending + pair[1]
    return {
        "name": name,
        "received": currency.worth(sum((pair[0] for pair in assets.values()), Figure())),
        "pending": currency.worth(sum((pair[1] for pair in assets.values()), Figure())),
        "assets": [
            _asset(symbol, digits, pair, currency)
            for (symbol, digits), pair in sorted(assets.items())
        ],
    }


def _asset(symbol: str, decimals: int, pair: Pair, currency: Currency) -> AssetSumForm:
    received, pending = pair
    return {
        "asset": symbol,
        "decimals": decimals,
        "received": amount_form(received.units, decimals),
        "received_worth": currency.worth(received),
        "pending": amount_form(pending.units, decimals),
        "pending_worth": currency.worth(pending),
    }
