"""A journal for hledger, which Ledger reads as well: gifts as income, at the cost they had.

A gift whose value is unknown is booked without cost and marked with "!". What somebody wrote stands
in comments alone, where neither program takes any of it for a date or an expression.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from donations.exports.line import Class, fixed, utc, visible
from donations.exports.movement import coins_of, movement_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.exports.line import Frame, Line
    from donations.exports.movement import Movement

# Ledger reads [2020-01-01] in a comment as a date.
_BRACKETS = str.maketrans("[]", "()")


def hledger(lines: Iterable[Line], frame: Frame, units: Iterable[str] = ()) -> Iterator[str]:
    """The journal. ``units`` are those of manual gifts."""
    coins = coins_of([*(asset for _, asset in frame.decimals), *units], frame.currency)
    decimals = {asset: digits for (_, asset), digits in frame.decimals.items()}
    yield f"; written by donations at {utc(frame.made_at)}; days are of {frame.zone}\n\n"
    yield _declared(frame.currency, frame.digits)
    for asset, coin in coins.items():
        yield _declared(coin, decimals.get(asset, 8))
    unknown = 0
    for line in lines:
        movement = movement_of(line, frame, coins)
        if movement is not None:
            unknown += movement.doubtful and line.what is not Class.UNATTRIBUTED
            yield _transaction(movement, frame)
    yield f"\n; {unknown} with an unknown value at receipt, marked with !\n"


def _declared(coin: str, digits: int) -> str:
    """That the point is no separator of thousands, as both programs could think."""
    point = "" if digits else "."
    return f"commodity {fixed(1000 * 10**digits, digits)}{point} {_commodity(coin)}\n"


def _transaction(movement: Movement, frame: Frame) -> str:
    line, coin = movement.line, _commodity(movement.coin)
    amount = fixed(line.units, line.decimals)
    text = [f"\n{movement.date} {'!' if movement.doubtful else '*'} {movement.words}"]
    text += [f"    ; {key}: {_comment(value)}" for key, value in movement.remarks]
    if movement.cost is None:
        text.append(f"    {movement.account}  {amount} {coin}")
        text.append(f"    {movement.against}  {fixed(-line.units, line.decimals)} {coin}")
    else:
        worth, less = (fixed(sign * movement.cost, frame.digits) for sign in (1, -1))
        text.append(f"    {movement.account}  {amount} {coin} @@ {worth} {frame.currency}")
        text.append(f"    {movement.against}  {less} {frame.currency}")
    return "\n".join(text) + "\n"


def _commodity(coin: str) -> str:
    return coin if re.fullmatch("[A-Z]+", coin) else f'"{coin}"'


def _comment(text: str) -> str:
    return visible(text).translate(_BRACKETS)
