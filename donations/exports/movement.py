"""A line as double entry: what plain-text accounting of every dialect is told.

    received gift      Assets:Donations:COIN:ADDRESS     ->  Income:Donations:COIN, at cost
    own transfer       Assets:Donations:COIN:ADDRESS    <->  Equity:Donations:Own-Transfers
    unattributed       Assets:Donations:COIN:ADDRESS    <->  Equity:Donations:Unattributed
    there before       Assets:Donations:COIN:ADDRESS     ->  Equity:Donations:Opening-Balances
    not a gift         Assets:Donations:COIN:ADDRESS     ->  Equity:Donations:Not-Gifts
    manual gift        Assets:Donations:Elsewhere        ->  Income:Donations:Elsewhere

Fees of own transfers stay in Own-Transfers: what left one watched address less what came to
another, which the author divides between spending and fees as he knows best. What is pending,
immature or gone is not booked: it may never be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.exports.line import Class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.exports.line import Frame, Line

INCOME = "Income:Donations:{coin}"
_AGAINST = {
    Class.GIFT: INCOME,
    Class.OWN: "Equity:Donations:Own-Transfers",
    Class.UNATTRIBUTED: "Equity:Donations:Unattributed",
    Class.OPENING: "Equity:Donations:Opening-Balances",
    Class.NOT_A_GIFT: "Equity:Donations:Not-Gifts",
    Class.MANUAL: "Income:Donations:Elsewhere",
}
ELSEWHERE = "Assets:Donations:Elsewhere"
# What of a name an account of every dialect may hold.
_OTHER = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Movement:
    """``line.units`` of ``coin`` come to ``account`` from ``against``.

    ``cost`` is in minor units, None where there is none or nobody knows it. ``doubtful`` says that
    the author has to look: the value is unknown, or nobody knows from where it came. ``remarks``
    are pairs of a key and a text that holds whatever somebody wrote.
    """

    date: str
    words: str
    account: str
    against: str
    line: Line
    coin: str
    cost: int | None
    doubtful: bool
    remarks: tuple[tuple[str, str], ...]


def movement_of(line: Line, frame: Frame, coins: Mapping[str, str]) -> Movement | None:
    """What a line does to the accounts; None when it does nothing. ``coins`` as `coins_of`."""
    against = _AGAINST.get(line.what)
    if against is None or line.units == 0:
        return None
    money = line.key is None and line.asset == frame.currency
    coin = frame.currency if money else coins[line.asset]
    valued = line.what in (Class.GIFT, Class.MANUAL) and not money
    return Movement(
        date=f"{frame.moment(line.received_at):%Y-%m-%d}",
        words=line.what.value.capitalize(),
        account=ELSEWHERE if line.key is None else account_of(coin, line.key.address),
        against=against.format(coin=account_part(coin)),
        line=line,
        coin=coin,
        cost=line.minor if valued else None,
        doubtful=(valued and line.minor is None) or line.what is Class.UNATTRIBUTED,
        remarks=tuple((key, text) for key, text in _remarks(line, frame) if text),
    )


def _remarks(line: Line, frame: Frame) -> Iterable[tuple[str, str]]:
    yield "received", frame.moment(line.received_at).isoformat()
    yield "transaction", line.id
    if line.what is Class.GIFT and line.minor is None:
        yield "value", "unknown"
    if line.value:
        yield "price", f"{line.value.price} {frame.currency}, {line.value.source}"
    yield "state", line.state if line.state == "confirmed" else ""
    yield "note", line.note
    yield "thanks", line.thanks
    yield "not-a-gift", line.reason


def account_of(coin: str, address: str) -> str:
    """The account of an address; its last part begins with a letter as beancount wants."""
    return f"Assets:Donations:{account_part(coin)}:At-{_OTHER.sub('-', address)}"


def account_part(coin: str) -> str:
    """A commodity as a part of an account's name."""
    part = _OTHER.sub("-", coin).strip("-")
    return part[:1].upper() + part[1:]


def coins_of(assets: Iterable[str], currency: str) -> dict[str, str]:
    """A commodity for each asset that all dialects take; no two share one, nor the currency's.

    Source: beancount's lexer, CURRENCY: capitals, digits and ' . _ -, at most 24, a capital first,
    a capital or digit last, two at least.
    """
    coins: dict[str, str] = {}
    taken = {account_part(currency)}
    for asset in sorted(set(assets)):
        plain = re.sub(r"[^A-Z0-9.]+", "-", asset.upper()).strip("-.")[:20].strip("-.")
        plain = plain if plain[:1].isalpha() else f"X{plain}"
        name, number = plain if len(plain) > 1 else f"{plain}X", 1
        while account_part(name) in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(account_part(name))
        coins[asset] = name
    return coins
