"""A snapshot -> its totals, by address and by asset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.web.document import amount_form, coin_form, goal_form

if TYPE_CHECKING:
    from donations.snapshot import Snapshot, Sum
    from donations.web.api.forms import AmountForm
    from donations.web.api.public_forms import AssetForm, TotalsForm


def totals_form(snapshot: Snapshot) -> TotalsForm:
    """What came in: nothing of an asset is told while an address that holds it is not known."""
    sums: dict[str, list[Sum]] = {coin.symbol: [] for coin in snapshot.coins}
    for coin in snapshot.coins:
        for each in coin.sums or ():
            sums.setdefault(each.symbol, []).append(each)
    decimals = {coin.symbol: coin.decimals for coin in snapshot.coins}
    return {
        "addresses": [coin_form(coin) for coin in snapshot.coins],
        "assets": [
            _asset(symbol, each, decimals.get(symbol), _unknown(snapshot, symbol))
            for symbol, each in sums.items()
        ],
        "goal": goal_form(snapshot.goal) if snapshot.goal else None,
    }


def _unknown(snapshot: Snapshot, symbol: str) -> int:
    """How many addresses may hold the asset without our knowing; a token's chain is not told."""
    of_coin = [coin for coin in snapshot.coins if coin.symbol == symbol]
    return sum(coin.sums is None for coin in of_coin or snapshot.coins)


def _asset(symbol: str, sums: list[Sum], decimals: int | None, unknown: int) -> AssetForm:
    digits = sums[0].decimals if decimals is None else decimals

    def known(units: int) -> AmountForm | None:
        return None if unknown else amount_form(units, digits)

    return {
        "symbol": symbol,
        "decimals": digits,
        "received": known(sum(each.received for each in sums)),
        "final": known(sum(each.final for each in sums)),
        "confirmed": known(sum(each.confirmed for each in sums)),
        "pending": known(sum(each.pending for each in sums)),
        "unknown": unknown,
    }
