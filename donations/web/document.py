"""Snapshot -> the public JSON document. Amounts are strings: a float would lose base units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from donations.amounts import format_amount

if TYPE_CHECKING:
    from donations.signed import Signed
    from donations.snapshot import AsOf, Coin, Gift, Goal, Snapshot, Sum

Json = str | int | None | list["Json"] | dict[str, "Json"]


def write_document(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON. null is "not known", never zero."""
    gifts: list[Json] = [_gift(gift) for gift in snapshot.gifts]
    coins: list[Json] = [_coin(coin) for coin in snapshot.coins]
    document: dict[str, Json] = {
        "slug": snapshot.slug,
        "title": snapshot.title,
        "language": snapshot.language,
        "coins": coins,
        "goal": _goal(snapshot.goal) if snapshot.goal else None,
        "gifts": gifts,
        "signed": _signed(snapshot.signed) if snapshot.signed else None,
    }
    # ASCII only: no lone surrogate and no line separator can break a reader.
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def _amount(units: int | None, decimals: int) -> Json:
    if units is None:
        return None
    return {"units": str(units), "text": format_amount(units, decimals)}


def _sum(total: Sum) -> Json:
    parts = {
        "received": total.received,
        "final": total.final,
        "confirmed": total.confirmed,
        "pending": total.pending,
    }
    amounts: dict[str, Json] = {key: _amount(n, total.decimals) for key, n in parts.items()}
    return {"symbol": total.symbol, "decimals": total.decimals, **amounts}


def _coin(coin: Coin) -> Json:
    return {
        "chain": coin.chain,
        "title": coin.title,
        "symbol": coin.symbol,
        "decimals": coin.decimals,
        "network": coin.network,
        "address": coin.address,
        "payment": coin.payment,
        "link": coin.link,
        "state": coin.freshness.value,
        "as_of": _as_of(coin.as_of) if coin.as_of else None,
        "sums": None if coin.sums is None else [_sum(total) for total in coin.sums],
        "gifts": None if coin.sums is None else coin.gifts,
        "opening": None if coin.sums is None else _amount(coin.opening, coin.decimals),
        "sources": coin.sources,
        "required": coin.required,
    }


def _as_of(as_of: AsOf) -> Json:
    return {
        "height": as_of.height,
        "hash": as_of.hash,
        "block_time": as_of.block_time,
        "observed": as_of.observed,
    }


def _gift(gift: Gift) -> Json:
    return {
        "chain": gift.chain,
        "symbol": gift.symbol,
        "decimals": gift.decimals,
        "amount": _amount(gift.units, gift.decimals),
        "stage": gift.stage.value,
        "time": gift.time,
    }


def _signed(signed: Signed) -> Json:
    by: list[Json] = [*signed.by]
    return {"date": signed.day, "by": by, "statement": ".well-known/donations.txt"}


def _goal(goal: Goal) -> Json:
    return {
        "symbol": goal.symbol,
        "decimals": goal.decimals,
        "target": _amount(goal.target, goal.decimals),
        "received": _amount(goal.received, goal.decimals),
        "pending": _amount(goal.pending, goal.decimals),
    }
