"""A journal for beancount (2 and 3): gifts as income, at the cost they had when they came.

A gift whose value is unknown is booked without cost and flagged with "!": both sides stand in its
own commodity, so that nothing claims to know what it was worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.exports.line import Class, fixed, utc, visible
from donations.exports.movement import (
    ELSEWHERE,
    account_of,
    account_part,
    coins_of,
    movement_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from donations.exports.line import Frame, Line
    from donations.exports.movement import Movement
    from donations.ledger import Key

# Before any of the coins: an account has to be open before it is used.
_BEGIN = "1970-01-01"


def beancount(
    lines: Iterable[Line], frame: Frame, keys: Sequence[Key], units: Iterable[str] = ()
) -> Iterator[str]:
    """The journal. ``keys`` are all that ``lines`` name, ``units`` those of manual gifts."""
    coins = coins_of([*(asset for _, asset in frame.decimals), *units], frame.currency)
    yield _head(frame, keys, coins)
    unknown = 0
    for line in lines:
        movement = movement_of(line, frame, coins)
        if movement is not None:
            unknown += movement.doubtful and line.what is not Class.UNATTRIBUTED
            yield _transaction(movement, frame)
    yield f"\n; {unknown} with an unknown value at receipt, flagged with !\n"


def _head(frame: Frame, keys: Sequence[Key], coins: dict[str, str]) -> str:
    text = [
        "; -*- mode: beancount; coding: utf-8 -*-",
        f"; written by donations at {utc(frame.made_at)}; days are of {frame.zone}",
        f'option "title" {_quoted(frame.title or "Donations")}',
        f'option "operating_currency" "{frame.currency}"',
        # A cost of whole units of a currency without decimals is divided and multiplied again.
        f'option "inferred_tolerance_default" "{frame.currency}:0.000001"',
        "",
    ]
    for asset, coin in [(frame.currency, frame.currency), *coins.items()]:
        text += [f"{_BEGIN} commodity {coin}", f"  name: {_quoted(asset)}"]
    # Without a booking method of its own an account takes what has a cost and what has none.
    text += [
        f'{_BEGIN} open {account_of(coins[key.asset], key.address)} {coins[key.asset]} "NONE"'
        for key in keys
    ]
    text.append(f'{_BEGIN} open {ELSEWHERE} "NONE"')
    income = sorted({f"Income:Donations:{account_part(coins[key.asset])}" for key in keys})
    others = ("Income:Donations:Elsewhere", *(
        f"Equity:Donations:{name}"
        for name in ("Own-Transfers", "Unattributed", "Opening-Balances", "Not-Gifts")
    ))  # fmt: skip
    text += [f"{_BEGIN} open {account}" for account in (*income, *others)]
    return "\n".join(text) + "\n"


def _transaction(movement: Movement, frame: Frame) -> str:
    line, coin = movement.line, movement.coin
    flag = "!" if movement.doubtful else "*"
    text = [f'\n{movement.date} {flag} "{movement.words}"']
    text += [f"  {key}: {_quoted(value)}" for key, value in movement.remarks]
    if movement.cost is None:
        text.append(f"  {movement.account}  {line.amount} {coin}")
        text.append(f"  {movement.against}  {_negative(line.amount)} {coin}")
    else:
        worth = fixed(movement.cost, frame.digits)
        text.append(f"  {movement.account}  {line.amount} {coin} {{{{{worth} {frame.currency}}}}}")
        text.append(f"  {movement.against}  {_negative(worth)} {frame.currency}")
    return "\n".join(text) + "\n"


def _negative(number: str) -> str:
    return number[1:] if number.startswith("-") else f"-{number}"


def _quoted(text: str) -> str:
    return '"' + visible(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
