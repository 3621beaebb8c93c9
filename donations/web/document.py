"""Snapshot -> the public JSON document. Amounts are strings: a float would lose base units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.snapshot import Part

if TYPE_CHECKING:
    from datetime import date

    from donations.goals import Goal
    from donations.signed import Signed
    from donations.snapshot import AsOf, Coin, Gift, Snapshot, Sum
    from donations.web.api.forms import (
        AmountForm,
        AsOfForm,
        CoinForm,
        GiftForm,
        GoalForm,
        SignedForm,
        SnapshotForm,
        SumForm,
    )


def write_document(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON. null is "not known", never zero; what is hidden has no key at all."""
    totals = Part.TOTALS not in snapshot.hidden
    document: SnapshotForm = {
        "slug": snapshot.slug,
        "title": snapshot.title,
        "language": snapshot.language,
        "coins": [coin_form(coin, totals=totals) for coin in snapshot.coins],
        "goal": goal_form(snapshot.goal) if snapshot.goal else None,
        "gifts": [_gift(gift) for gift in snapshot.gifts],
        "signed": _signed(snapshot.signed) if snapshot.signed else None,
    }
    if Part.GIFTS in snapshot.hidden:
        del document["gifts"]
    # ASCII only: no lone surrogate and no line separator can break a reader.
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def amount_form(units: int, decimals: int) -> AmountForm:
    """An amount of base units, twice."""
    return {"units": str(units), "text": format_amount(units, decimals)}


def _known(units: int | None, decimals: int) -> AmountForm | None:
    return None if units is None else amount_form(units, decimals)


def _sum(total: Sum) -> SumForm:
    return {
        "symbol": total.symbol,
        "decimals": total.decimals,
        "received": amount_form(total.received, total.decimals),
        "final": amount_form(total.final, total.decimals),
        "confirmed": amount_form(total.confirmed, total.decimals),
        "pending": amount_form(total.pending, total.decimals),
    }


def coin_form(coin: Coin, *, totals: bool = True) -> CoinForm:
    """One address with its sums, where they are public."""
    form: CoinForm = {
        "chain": coin.chain,
        "title": coin.title,
        "symbol": coin.symbol,
        "decimals": coin.decimals,
        "network": coin.network,
        "address": coin.address,
        "payment": coin.payment,
        "link": coin.link,
        "state": coin.freshness,
        "as_of": _as_of(coin.as_of) if coin.as_of else None,
        "sums": None if coin.sums is None else [_sum(total) for total in coin.sums],
        "gifts": None if coin.sums is None else coin.gifts,
        "opening": None if coin.sums is None else amount_form(coin.opening, coin.decimals),
        "sources": coin.sources,
        "required": coin.required,
    }
    if not totals:
        del form["sums"], form["gifts"], form["opening"]
    return form


def _as_of(as_of: AsOf) -> AsOfForm:
    return {
        "height": as_of.height,
        "hash": as_of.hash,
        "block_time": as_of.block_time,
        "observed": as_of.observed,
    }


def _gift(gift: Gift) -> GiftForm:
    return {
        "chain": gift.chain,
        "symbol": gift.symbol,
        "decimals": gift.decimals,
        "amount": amount_form(gift.units, gift.decimals),
        "stage": gift.stage,
        "time": gift.time,
    }


def _signed(signed: Signed) -> SignedForm:
    return {"date": signed.day, "by": [*signed.by], "statement": ".well-known/donations.txt"}


def goal_form(goal: Goal) -> GoalForm:
    """How far a goal is: base units of an asset, or minor units of a currency."""
    digits, period = goal.decimals, goal.period
    return {
        "symbol": goal.symbol,
        "decimals": digits,
        "fiat": goal.fiat,
        "target": amount_form(goal.target, digits),
        "received": _known(goal.received, digits),
        "pending": _known(goal.pending, digits),
        "percent": goal.percent,
        "unvalued": goal.unvalued,
        "elsewhere": [
            {"label": each.label, "amount": amount_form(each.units, digits)}
            for each in goal.elsewhere
        ],
        "milestones": [
            {"amount": amount_form(each, digits), "reached": goal.has_reached(each)}
            for each in goal.milestones
        ],
        "every": goal.every,
        "from": _day(period.first),
        "until": _day(period.last),
        "phase": goal.phase,
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
