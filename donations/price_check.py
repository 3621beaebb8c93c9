"""``donations check``, the part about prices: each source asked once for what things cost now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from donations.prices.consensus import Price
from donations.prices.memory import Memory
from donations.prices.own_prices import own_prices
from donations.prices.quote import price_text, slot_of
from donations.prices.setup import assets_of, make_market
from donations.prices.today import BEHIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.config import Config
    from donations.errors import UpstreamError
    from donations.prices.market import Verdict
    from donations.prices.quote import Pair, Quote, Slot


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source, of whose URL ``server`` is told; ``told`` are decimal texts by pair."""

    name: str
    server: str
    told: Mapping[str, str]
    error: UpstreamError | None


@dataclass(frozen=True, slots=True)
class PriceReport:
    """What a check of prices found. ``own`` is how many prices the author's file has, if any."""

    enabled: bool
    currency: str
    needed: int = 0
    sources: tuple[SourceRow, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    own: int | None = None
    quoted: bool = True


class _Seen(Memory):
    """Forgets nothing of what one check was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, dict[str, str]] = {}

    async def save(self, name: str, pair: Pair, quotes: Mapping[Slot, Quote]) -> None:
        for quote in quotes.values():
            self.told.setdefault(name, {})[str(pair)] = price_text(quote.price)


async def check_prices(config: Config) -> PriceReport:
    """Ask for the price of each asset once. Raises ConfigError for the file of own prices."""
    own = own_prices(config)
    if not config.prices.enabled:
        return PriceReport(False, config.currency)
    assets = assets_of(config).values()
    market, seen, now = make_market(config), _Seen(), int(time.time())
    slot = slot_of(now - BEHIND, now)
    verdicts = {}
    try:
        for symbol in dict.fromkeys(a.symbol for a in assets if a.no_market is None):
            verdicts[symbol] = (await market.look(symbol, [slot], now, seen))[slot]
    finally:
        await market.close()
    asked = market.asked
    answered = [each for each in asked if each.error is None and each.answered_at is not None]
    direct = any(
        pair.endswith(f"/{config.currency}") for told in seen.told.values() for pair in told
    )
    return PriceReport(
        enabled=True,
        currency=config.currency,
        needed=market.needed,
        sources=tuple(
            SourceRow(each.name, each.source.server, seen.told.get(each.name, {}), each.error)
            for each in asked
            if each in answered or each.error is not None
        ),
        verdicts=verdicts,
        without=tuple(dict.fromkeys(a.no_market for a in assets if a.no_market is not None)),
        own=None if own is None else len(own.prices),
        quoted=direct or market.crossing.quotes(config.currency) is not False,
    )


def lines(report: PriceReport) -> list[str]:
    """The report for people."""
    if not report.enabled:
        return ["prices: switched off; what gifts were worth stays unknown"]
    text = []
    for row in report.sources:
        if row.error is not None:
            text += [
                f"prices  {row.name}  FAILS",
                f"      {row.server}: {row.error}",
                f"      {row.error.why.value}: {row.error.why.meaning}",
            ]
        else:
            told = ", ".join(f"{pair} {price}" for pair, price in row.told.items())
            text.append(f"prices  {row.name}  {told or 'answers'}")
    for symbol, verdict in report.verdicts.items():
        if isinstance(verdict, Price):
            when = f"{datetime.fromtimestamp(verdict.time, UTC):%H:%M} UTC"
            text.append(f"1 {symbol} = {verdict.text} {report.currency} ({verdict.source}, {when})")
        else:
            text.append(f"1 {symbol} = unknown: {verdict.text}")
    if not report.quoted:
        text.append(
            f"NOBODY QUOTES {report.currency}: what gifts were worth stays unknown; choose another "
            "currency, or write your own prices into a file: [prices] file"
        )
    text += [f"{reason}: what they were worth stays unknown" for reason in report.without]
    if report.own is not None:
        text.append(f"own prices: {report.own} in {report.currency}")
    return text


def as_json(report: PriceReport) -> dict[str, Any]:
    """The same for programs; the value of "prices"."""
    if not report.enabled:
        return {"prices": {"enabled": False}}
    return {
        "prices": {
            "enabled": True,
            "currency": report.currency,
            "quoted": report.quoted,
            "must_agree": report.needed,
            "own": report.own,
            "sources": [
                {
                    "name": row.name,
                    "url": row.server,
                    "told": dict(row.told),
                    "error": None if row.error is None else str(row.error),
                    "reason": None if row.error is None else row.error.why.value,
                }
                for row in report.sources
            ],
            "now": {
                symbol: {"price": verdict.text, "time": verdict.time, "source": verdict.source}
                if isinstance(verdict, Price)
                else {"price": None, "doubt": verdict.doubt.value, "why": verdict.text}
                for symbol, verdict in report.verdicts.items()
            },
            "without_market": list(report.without),
        }
    }
