"""The goal of a widget: ``goal = { amount = "500", currency = "EUR", every = "month" }``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.amounts import parse_amount
from donations.config_words import read_line
from donations.goals import Elsewhere, Every, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.config_file import Table

_KEYS = ("amount", "currency", "asset", "every", "from", "until", "milestones", "offset")
_MOST_MILESTONES = 20
_LABEL = 60


def read_goal(widget: Table, currency: str, assets: Mapping[str, int]) -> Terms | None:
    """None where the widget has none. ``assets`` are the decimals of what it shows, by symbol.

    Raises ConfigError.
    """
    if "goal" not in widget:
        return None
    table = widget.table("goal", _KEYS)
    if "amount" not in table or ("asset" in table) == ("currency" in table):
        raise table.error(
            f'a goal is written {{ amount = "500", currency = "{currency}" }} '
            'or { amount = "0.5", asset = "BTC" }'
        )
    symbol, decimals = _unit(table, currency, assets)
    since, until = table.optional_date("from"), table.optional_date("until")
    if since is not None and until is not None and until < since:
        raise table.error(f"the goal would end before it begins, on {since}", "until")
    return Terms(
        symbol=symbol,
        decimals=decimals,
        target=_amount(table, "amount", decimals),
        fiat="currency" in table,
        every=_every(table),
        since=since,
        until=until,
        milestones=_milestones(table, decimals),
        offset=_offset(table, decimals),
    )


def _unit(table: Table, currency: str, assets: Mapping[str, int]) -> tuple[str, int]:
    """Symbol and decimals."""
    if "asset" in table:
        symbol = table.text("asset", "")
        if symbol in assets:
            return symbol, assets[symbol]
        hint = f'; a currency is written currency = "{symbol}"' if symbol == currency else ""
        raise table.error(f"no such asset is watched; watched: {', '.join(assets)}{hint}", "asset")
    symbol = table.text("currency", "")
    if symbol in assets:
        raise table.error(f'this is an asset: write asset = "{symbol}"', "currency")
    if symbol != currency:
        raise table.error(
            f'gifts are valued in {currency}: write currency = "{currency}" here, '
            "or choose another currency for all at the top of the file",
            "currency",
        )
    # CLDR's tables are loaded for those who need them.
    from donations.valuation import minor_digits

    return symbol, minor_digits(symbol)


def _every(table: Table) -> Every | None:
    text = table.optional_text("every")
    if text is None:
        return None
    if text not in [*Every]:
        raise table.error('a goal begins anew every = "month" or "year", or never', "every")
    return Every(text)


def _amount(table: Table, key: str, decimals: int) -> int:
    return _positive(table, table.text(key, ""), decimals, key)


def _positive(table: Table, text: str, decimals: int, *place: str | int) -> int:
    try:
        units = parse_amount(text, decimals)
    except ValueError as error:
        reason = str(error)
    else:
        if units > 0:
            return units
        reason = "the goal is more than nothing" if place == ("amount",) else "more than nothing"
    raise table.error(reason, *place)


def _milestones(table: Table, decimals: int) -> tuple[int, ...]:
    texts = table.texts("milestones")
    if len(texts) > _MOST_MILESTONES:
        raise table.error(f"at most {_MOST_MILESTONES} milestones are shown", "milestones")
    found: list[int] = []
    for index, text in enumerate(texts):
        units = _positive(table, text, decimals, "milestones", index)
        if found and units <= found[-1]:
            raise table.error("milestones are written from the lowest up", "milestones", index)
        found.append(units)
    return tuple(found)


def _offset(table: Table, decimals: int) -> Elsewhere | None:
    if "offset" not in table:
        return None
    offset = table.table("offset", ("amount", "label"))
    for key in ("amount", "label"):
        if key not in offset:
            raise offset.error('an offset is written { amount = "120", label = "bank transfer" }')
    return Elsewhere(
        label=read_line(offset, "label", "", most=_LABEL),
        units=_amount(offset, "amount", decimals),
    )
