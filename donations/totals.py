"""``donations totals``: what came in, per address, per asset and together.

Read from the database without a running service; amounts are exact decimal text.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.ledger import PENDING, Bucket
from donations.quarantine import read_convicted
from donations.store import Store
from donations.summary import Doubts, read_balances, read_doubts, read_known, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.config import Config
    from donations.snapshot import AsOf, Known, Shown

_IN_BLOCKS = tuple(b for b in Bucket if b not in PENDING)
_WORDS = {
    Bucket.FINAL: "final",
    Bucket.CONFIRMED: "confirmed, not final",
    Bucket.PENDING: "pending",
    Bucket.IMMATURE: "mined, not mature",
    Bucket.OWN: "own transfers",
    Bucket.OWN_PENDING: "own transfers, pending",
    Bucket.UNATTRIBUTED: "unattributed",
    Bucket.OPENING: "there before the watch",
    Bucket.EXCLUDED: "not gifts, as you said",
    Bucket.EXCLUDED_PENDING: "not gifts, as you said, pending",
}


def read_totals(config: Config) -> dict[str, Any]:
    """All numbers, for programs. Raises StoreError."""
    store = Store(config.database, config.timezone, config.currency)
    try:
        store.open_readonly()
        known = read_known(config, store, ())
        balances = read_balances(store)
        doubts = read_doubts(config, store)
        upstreams = {name: settings.upstreams for name, settings in config.chains.items()}
        convicted = read_convicted(store, upstreams, time.time())
    finally:
        store.close()
    entries = [
        _entry(one, symbol, known, balances, doubts)
        for one in shown(config)
        for symbol in one.decimals
    ]
    return {
        "addresses": entries,
        "together": _together(config, known),
        "out_of_the_vote": [asdict(each) for each in convicted],
    }


def _entry(
    one: Shown, symbol: str, known: dict[Any, Known], balances: dict[Any, Any], doubts: Doubts
) -> dict[str, Any]:
    (key,) = [
        k for k in known if (k.chain, k.address, k.asset) == (one.chain.name, one.address, symbol)
    ]
    facts, decimals = known[key], one.decimals[symbol]
    entry: dict[str, Any] = {
        "chain": one.chain.name,
        "address": one.address,
        "asset": symbol,
        "as_of": _as_of(facts.as_of),
        "received": None,
        "disagree_since": doubts.disagree.get(key),
        "claimed": [
            {
                "id": claim.id,
                "amount": format_amount(claim.units, decimals),
                "operators": list(claim.operators),
                "height": claim.place[0] if claim.place else None,
                "since": claim.since,
            }
            for claim in doubts.claims.get(key, ())
        ],
        "omitted": [
            {"operator": operator, "id": identity, "since": since}
            for operator, identity, since in doubts.omissions.get(key, ())
        ],
    }
    if facts.as_of is None:
        return entry
    sums = {bucket: facts.sums.get(bucket, (0, 0))[0] for bucket in Bucket}
    counts = {bucket: facts.sums.get(bucket, (0, 0))[1] for bucket in Bucket}
    entry["received"] = format_amount(sums[Bucket.FINAL] + sums[Bucket.CONFIRMED], decimals)
    entry["gifts"] = counts[Bucket.FINAL] + counts[Bucket.CONFIRMED]
    entry.update({_name(b): format_amount(sums[b], decimals) for b in Bucket})
    balance = balances.get(key)
    if balance is not None:
        waiting = doubts.waiting[key]
        rest = balance - sum(sums[bucket] for bucket in _IN_BLOCKS) - waiting.units
        entry["proof_under_way"] = format_amount(waiting.units, decimals)
        entry["balance"] = format_amount(balance, decimals)
        entry["unexplained"] = format_amount(rest, decimals)
    return entry


def _name(bucket: Bucket) -> str:
    return bucket.value.replace(",", "").replace(" ", "_")


def _doubts(config: Config, entry: dict[str, Any]) -> Iterator[str]:
    """What the operators do not tell alike."""
    if entry["disagree_since"] is not None:
        yield f"      sources disagree since {_moment(config, entry['disagree_since'])}"
    for claim in entry["claimed"]:
        names, where = claim["operators"], claim["height"]
        who = "one operator" if len(names) == 1 else f"{len(names)} operators"
        place = "unconfirmed" if where is None else f"block {where}"
        yield (
            f"      claimed by {who}, not counted: {claim['amount']} "
            f"({', '.join(names)}; {place}; {claim['id']})"
        )
    for omitted in entry["omitted"]:
        yield f"      not told by {omitted['operator']}, by others: {omitted['id']}"


def _moment(config: Config, at: int) -> str:
    return f"{datetime.fromtimestamp(at, config.timezone):%Y-%m-%d %H:%M}"


def _together(config: Config, known: dict[Any, Known]) -> dict[str, Any]:
    """Each asset over all addresses; None while one of them is not known."""
    received: dict[str, int | None] = defaultdict(int)
    decimals = {}
    for one in shown(config):
        for symbol, digits in one.decimals.items():
            decimals[symbol] = digits
            for key, facts in known.items():
                if (key.chain, key.address, key.asset) != (one.chain.name, one.address, symbol):
                    continue
                before = received[symbol]
                if facts.as_of is None or before is None:
                    received[symbol] = None
                    continue
                parts = (facts.sums.get(b, (0, 0))[0] for b in (Bucket.FINAL, Bucket.CONFIRMED))
                received[symbol] = before + sum(parts)
    return {
        symbol: None if units is None else format_amount(units, decimals[symbol])
        for symbol, units in received.items()
    }


def _as_of(as_of: AsOf | None) -> dict[str, Any] | None:
    if as_of is None:
        return None
    return {"height": as_of.height, "block": as_of.hash, "observed": as_of.observed}


def lines(config: Config, totals: dict[str, Any]) -> list[str]:
    """The numbers for people."""
    text = []
    for entry in totals["addresses"]:
        text.append(f"{entry['asset']}  {entry['address']}")
        if entry["received"] is None:
            text += ["    not known yet", ""]
            continue
        count = f"{entry['gifts']} gift{'' if entry['gifts'] == 1 else 's'}"
        text.append(f"    received  {entry['received']} {entry['asset']} in {count}")
        for bucket, words in _WORDS.items():
            amount = entry[_name(bucket)]
            if amount != "0":
                text.append(f"      {words}: {amount}")
        if entry.get("proof_under_way", "0") != "0":
            text.append(
                f"      of what is pending, in blocks: {entry['proof_under_way']}"
                " (the proof is under way)"
            )
        text += _doubts(config, entry)
        if entry.get("unexplained", "0") != "0":
            text.append(f"      balance {entry['balance']}, not explained: {entry['unexplained']}")
        as_of = entry["as_of"]
        when = _moment(config, as_of["observed"])
        age = int(time.time()) - as_of["observed"]
        text.append(f"    as of block {as_of['height']}, {when} ({age // 60} min ago)")
        text.append("")
    together = ", ".join(
        f"{'not known yet' if amount is None else amount} {symbol}"
        for symbol, amount in totals["together"].items()
    )
    liars = [
        f"{each['chain']}: {each['operator']} is out of the vote until "
        f"{_moment(config, each['until'])}: {each['reason']} ({each['evidence']})"
        for each in totals["out_of_the_vote"]
    ]
    return [*text, f"together: {together}", *liars]
