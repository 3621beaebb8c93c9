"""Crosses prices from one currency to another by the reference rates, asked for when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.errors import UpstreamError
from donations.prices.consensus import Doubt, Price, Unknown, cross
from donations.prices.ecb import Rates, is_recent, rate_at

if TYPE_CHECKING:
    from donations.prices.asked import Asked
    from donations.prices.ecb import Ecb

# New rates come once on a working day, in the afternoon.
_RECENT_SECONDS = 3 * 3_600
_ALL_SECONDS = 7 * 86_400


class Crossing:
    """To ``currency``, through euros."""

    def __init__(self, ecb: Asked[Ecb], currency: str) -> None:
        self.ecb, self.currency = ecb, currency
        self._recent: Rates = {}
        self._all: Rates = {}
        self._recent_at = self._all_at = 0

    async def across(self, price: Price, currency: str, moment: int, now: int) -> Price | Unknown:
        """A price in ``currency``, in the author's, by the rates of the moment's day."""
        try:
            rates = await self._rates(moment, now)
        except UpstreamError as error:
            return Unknown(
                Doubt.NO_RATE, f"no rate of {currency} to {self.currency} (ecb: {error})"
            )
        base, rate = rate_at(rates, currency, moment), rate_at(rates, self.currency, moment)
        if base is None or rate is None:
            lacking = currency if base is None else self.currency
            return Unknown(
                Doubt.NO_RATE,
                f"the European Central Bank has no rate of {lacking} for that day, or one that "
                "cannot be",
            )
        told = rate if currency == "EUR" else base
        return cross(price, base.price, rate.price, told.source)

    async def _rates(self, moment: int, now: int) -> Rates:
        if is_recent(moment, now):
            if not 0 <= now - self._recent_at < _RECENT_SECONDS:
                self._recent = await self.ecb.ask(self.ecb.source.recent(now))
                self._recent_at = now
            return self._recent
        if not 0 <= now - self._all_at < _ALL_SECONDS:
            self._all = await self.ecb.ask(self.ecb.source.all(now))
            self._all_at = now
        return self._all

    def quotes(self, currency: str) -> bool | None:
        """Whether a rate of a currency is told at all; None while no rates are known."""
        if currency == "EUR":
            return True
        known = [rates for rates in (self._recent, self._all) if rates]
        if not known:
            return None
        return any(currency in day for rates in known for day in rates.values())

    async def close(self) -> None:
        await self.ecb.source.close()
