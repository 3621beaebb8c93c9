"""``donations totals``: what came in, per address, per asset and together.

Read from the database without a running service; amounts are exact decimal text.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from donations.amounts import format_amount
from donations.ledger import Bucket
from donations.store import Store
from donations.summary import read_balances, read_known, shown

if TYPE_CHECKING:
    from donations.config import Config
    from donations.snapshot import AsOf, Known, Shown

_IN_BLOCKS = tuple(b for b in Bucket if b not in (Bucket.PENDING, Bucket.OWN_PENDING))
_WORDS = {
    Bucket.FINAL: "final",
    Bucket.CONFIRMED: "confirmed, not final",
    Bucket.PENDING: "pending",
    Bucket.IMMATURE: "mined, not mature",
    Bucket.OWN: "own transfers",
    Bucket.OWN_PENDING: "own transfers, pending",
    Bucket.UNATTRIBUTED: "unattributed",
    Bucket.OPENING: "there before the watch",
}


def read_totals(config: Config) -> dict[str, Any]:
    """All numbers, for programs. Raises StoreError."""
    store = Store(config.database, config.timezone)
    try:
        store.open_readonly()
        known = read_known(config, store, ())
        balances = read_balances(store)
    finally:
        store.close()
    entries = [
        _entry(one, symbol, known, balances) for one in shown(config) for symbol in one.decimals
    ]
    return {"addresses": entries, "together": _together(config, known)}


def _entry(
    one: Shown, symbol: str, known: dict[Any, Known], balances: dict[Any, Any]
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
    }
    if facts.as_of is None:
        return entry
    sums = {bucket: facts.sums.get(bucket, (0, 0))[0] for bucket in Bucket}
    counts = {bucket: facts.sums.get(bucket, (0, 0))[1] for bucket in Bucket}
    entry["received"] = format_amount(sums[Bucket.FINAL] + sums[Bucket.CONFIRMED], decimals)
    entry["gifts"] = counts[Bucket.FINAL] + counts[Bucket.CONFIRMED]
    entry.update({b.value.replace(" ", "_"): format_amount(sums[b], decimals) for b in Bucket})
    balance = balances.get(key)
    if balance is not None:
        rest = balance - sum(sums[bucket] for bucket in _IN_BLOCKS)
        entry["balance"] = format_amount(balance, decimals)
        entry["unexplained"] = format_amount(rest, decimals)
    return entry


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
            amount = entry[bucket.value.replace(" ", "_")]
            if amount != "0":
                text.append(f"      {words}: {amount}")
        if entry.get("unexplained", "0") != "0":
            text.append(f"      balance {entry['balance']}, not explained: {entry['unexplained']}")
        as_of = entry["as_of"]
        when = datetime.fromtimestamp(as_of["observed"], config.timezone)
        age = int(time.time()) - as_of["observed"]
        text.append(
            f"    as of block {as_of['height']}, {when:%Y-%m-%d %H:%M} ({age // 60} min ago)"
        )
        text.append("")
    together = ", ".join(
        f"{'not known yet' if amount is None else amount} {symbol}"
        for symbol, amount in totals["together"].items()
    )
    return [*text, f"together: {together}"]
