"""Each source's answers are read as its documentation has them, and nothing else is taken."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from donations.errors import UpstreamError, UpstreamMalformed, UpstreamUnavailable
from donations.prices import bitstamp, coinbase, ecb, kraken
from donations.prices.candles import Candle, quotes_of
from donations.prices.quote import HALF_DAY, HALF_HOUR, MINUTE, ONE, Pair, Quote, Slot, parse_price
from donations.prices.source import Lacking
from donations.sources.transport import decode

EUR, USD, USDT = Pair("BTC", "EUR"), Pair("BTC", "USD"), Pair("BTC", "USDT")
NOW = 1_716_550_464
# Source: an answer of Kraken's OHLC, as it stands in ccxt's pull request 22607 (24 May 2024).
KRAKEN_OHLC = """{"error":[],"result":{"XBTUSDT":[
[1716526800,"67692.8","67692.8","67132.0","67307.3","67330.9","20.92610534",399],
[1716530400,"67307.4","67578.4","66885.3","66919.2","67267.3","21.12324464",433],
[1716548400,"67353.6","67472.3","67353.6","67426.5","67416.5","11.38174933",169]],
"last":1716544800}}"""
# Source: docs.kraken.com, "Get Recent Trades".
KRAKEN_TRADES = """{"error":[],"result":{"XXBTZUSD":[
["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],
["30243.30000","0.00376960",1688669598.2804112,"s","l","",61044953],
["30243.30000","0.01235716",1688669602.698379,"s","m","",61044956]],
"last":"1688671969993150842"}}"""
# Source: the European Central Bank's own daily file has apostrophes, its long ones quotation marks.
ECB_XML = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender>
<gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube><Cube time='2024-05-24'><Cube currency='USD' rate='1.0844'/>
<Cube currency='JPY' rate='170.33'/></Cube>
<Cube time="2024-05-23"><Cube currency="USD" rate="1.0854"/></Cube></Cube></gesmes:Envelope>
"""

WANTED = ("USD", "JPY", "EUR")


def price(text: str) -> int:
    return parse_price(text)


def test_krakens_candles() -> None:
    """Time, open, high, low, close; the pair by its old or its new name."""
    candles = kraken.parse_candles(decode(KRAKEN_OHLC), USDT, 3_600, NOW)
    assert candles[0] == Candle(1_716_526_800, price("67692.8"), price("67307.3"))
    assert len(candles) == 3


@pytest.mark.parametrize("name", ["XXBTZEUR", "XBTEUR", "BTC/EUR", "XBT/EUR"])
def test_krakens_names_of_a_pair(name: str) -> None:
    """It has called bitcoin in euros four names."""
    told = {"error": [], "result": {name: [], "last": 1}}
    assert kraken.parse_candles(told, EUR, 60, NOW) == []


@pytest.mark.parametrize("name", ["XETHZEUR", "XXBTZUSD", "XBTUSDT", "EUR", "XXBTZEU"])
def test_another_pair_is_refused(name: str) -> None:
    """A price of something else, or in another currency, is no price."""
    told = {"error": [], "result": {name: [], "last": 1}}
    with pytest.raises(UpstreamMalformed, match="about"):
        kraken.parse_candles(told, EUR, 60, NOW)


def test_krakens_trades() -> None:
    """The first trade of a day prices its first half."""
    day = 1_688_669_597 // 86_400 * 86_400
    slot = Slot(day, HALF_DAY)
    told = decode(KRAKEN_TRADES)
    assert kraken.trade_quote(told, USD, slot) is None  # this one is of the evening
    late = Slot(1_688_672_000 // 86_400 * 86_400 + 43_200, HALF_DAY)
    assert kraken.trade_quote(told, USD, late) is None
    told["result"]["XXBTZUSD"] = [["30243.4", "1", f"{day + 60}.5", "b", "m", "", 1]]
    assert kraken.trade_quote(told, USD, slot) == Quote(price("30243.4"), day + 60)
    told["result"]["XXBTZUSD"] = [
        ["1.5", "1", f"{day + 86_400 - 40}.5", "b", "m", "", 1],
        ["2.5", "1", f"{day + 86_400 - 20}.5", "b", "m", "", 2],
        ["3.5", "1", f"{day + 86_400}.5", "b", "m", "", 3],
    ]
    second = Slot(day + 43_200, HALF_DAY)
    assert kraken.trade_quote(told, USD, second) == Quote(price("2.5"), day + 86_380)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("EQuery:Unknown asset pair", Lacking),
        ("EAPI:Rate limit exceeded", UpstreamUnavailable),
        ("EGeneral:Too many requests", UpstreamUnavailable),
        ("EService:Unavailable", UpstreamUnavailable),
        ("EGeneral:Invalid arguments", UpstreamMalformed),
    ],
)
def test_krakens_refusals(error: str, kind: type[UpstreamError]) -> None:
    """An error in the envelope comes before what stands beside it."""
    with pytest.raises(kind):
        kraken.parse_candles({"error": [error], "result": {"XXBTZEUR": []}}, EUR, 60, NOW)


def test_coinbases_candles_are_exact() -> None:
    """[time, low, high, open, close, volume]: numbers, of which no digit is lost."""
    told = decode("[[1716548400,67353.61,67472.3,67353.62,67426.123456789,11.4],"
                  "[1716544800,67000,67400,67100,67353,1e-7]]")  # fmt: skip
    candles = coinbase.parse_candles(told, 3_600, NOW)
    assert candles[0] == Candle(1_716_548_400, price("67353.62"), price("67426.123456789"))
    assert candles[1].close == 67_353 * ONE


def test_bitstamps_candles() -> None:
    """Everything is text, and the pair is named."""
    row = {"timestamp": "1716548400", "open": "62000", "high": "62100.5", "low": "61900",
           "close": "62050", "volume": "3.1"}  # fmt: skip
    told = {"data": {"pair": "BTC/EUR", "ohlc": [row]}}
    assert bitstamp.parse_candles(told, EUR, 3_600, NOW) == [
        Candle(1_716_548_400, 62_000 * ONE, 62_050 * ONE)
    ]
    with pytest.raises(UpstreamMalformed, match="not about"):
        bitstamp.parse_candles(told, USD, 3_600, NOW)


ROW: list[Any] = [1_716_548_400, "9", "11", "10", "10.5", "1"]  # time, low, high, open, close


@pytest.mark.parametrize(
    "change",
    [
        {0: 1_716_548_401}, {0: "1716548400"}, {0: -3_600}, {0: True}, {0: None},
        {0: 1_716_548_400 + 36_000}, {3: "0"}, {3: "-10"}, {3: "1e1"}, {3: "NaN"}, {3: None},
        {3: "12"}, {4: "8.9"}, {1: "10.1"}, {2: "10.4"}, {4: "1e400"}, {3: [10]},
    ],
)  # fmt: skip
def test_a_candle_that_cannot_be_is_refused(change: dict[int, Any]) -> None:
    """Off the grid, of the future, zero, negative, an exponent, outside its own bounds."""
    row = [change.get(place, value) for place, value in enumerate(ROW)]
    with pytest.raises(UpstreamMalformed):
        coinbase.parse_candles([row], 3_600, NOW)
    assert len(coinbase.parse_candles([ROW], 3_600, NOW)) == 1


def test_two_candles_of_one_time_are_refused() -> None:
    """One of them is wrong, and nobody knows which."""
    candles = coinbase.parse_candles([ROW, ROW], 3_600, NOW)
    with pytest.raises(UpstreamMalformed, match="one time"):
        quotes_of(candles, [], NOW)


DAY = NOW // 86_400 * 86_400 - 40 * 86_400


def test_a_day_is_priced_at_its_nearer_end() -> None:
    """The morning at what the day opened with, the afternoon at what it closed with."""
    candles = [Candle(DAY, 10, 20), Candle(DAY + 86_400, 30, 40)]
    morning, afternoon = Slot(DAY, HALF_DAY), Slot(DAY + 43_200, HALF_DAY)
    assert quotes_of(candles, [morning, afternoon], NOW) == {
        morning: Quote(10, DAY),
        afternoon: Quote(20, DAY + 86_400),
    }


def test_where_nobody_traded_the_last_price_holds_for_a_while() -> None:
    """Four hours on the grid of hours, and never before the source can know that there was none."""
    hour = DAY + 5 * 3_600
    candles = [Candle(DAY, 10, 20)]
    slots = [Slot(hour - 1_800, HALF_HOUR), Slot(hour, HALF_HOUR), Slot(hour + 1_800, HALF_HOUR)]
    found = quotes_of(candles, slots, NOW)
    assert found == {slots[0]: Quote(20, DAY + 3_600), slots[1]: Quote(20, DAY + 3_600)}
    minute = Slot(DAY + 120, MINUTE)
    assert quotes_of([Candle(DAY, 10, 20)], [minute], DAY + 200) == {}
    assert quotes_of([Candle(DAY, 10, 20)], [minute], DAY + 301) == {minute: Quote(20, DAY + 60)}


def test_the_rates_of_the_bank() -> None:
    """A day's rate, else that of the last working day before it, for at most eight days."""
    rates = ecb.parse_xml(ECB_XML.encode(), NOW, WANTED)
    assert rates[date(2024, 5, 24)] == {"USD": price("1.0844"), "JPY": price("170.33")}
    sunday = 1_716_681_600
    rate = ecb.rate_at(rates, "USD", sunday)
    assert rate == ecb.Rate(price("1.0844"), date(2024, 5, 24))
    assert rate.source == "ECB 2024-05-24"
    assert ecb.rate_at(rates, "USD", sunday + 10 * 86_400) is None
    assert ecb.rate_at(rates, "USD", sunday - 10 * 86_400) is None
    assert ecb.rate_at(rates, "XAU", sunday) is None
    assert ecb.rate_at({}, "EUR", sunday) == ecb.Rate(ONE, date(2024, 5, 26))


@pytest.mark.parametrize(
    ("rate", "believed"),
    [("1.0854", True), ("1.6281", True), ("1.63", False), ("0.7", False), ("108.54", False)],
)
def test_a_rate_that_cannot_be_is_no_rate(rate: str, believed: bool) -> None:
    """Half as much again as the day before, or more, or as much less: nobody else can be asked."""
    rates = {date(2024, 5, 23): {"USD": price("1.0854")}, date(2024, 5, 24): {"USD": price(rate)}}
    assert (ecb.rate_at(rates, "USD", NOW) is not None) == believed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("</gesmes:Envelope>", ""),
        ('rate="1.0854"', 'rate="0"'),
        ('rate="1.0854"', 'rate="-1"'),
        ('rate="1.0854"', 'rate="1e3"'),
        ("2024-05-23", "2024-05-24"),
        ("2024-05-23", "2024-02-30"),
        ("2024-05-23", "2034-05-23"),
        ("currency='JPY'", "currency='USD'"),
        ("currency='JPY'", "currency='EUR'"),
        ("<gesmes:subject>", '<!DOCTYPE x [<!ENTITY a "b">]><gesmes:subject>'),
        ("currency='JPY' rate='170.33'", ""),
        ("Cube currency", "Cube  money"),
    ],
)
def test_a_damaged_file_of_rates_is_refused_whole(before: str, after: str) -> None:
    """Cut, doubled, of the future, with entities, with what is no rate."""
    assert before in ECB_XML
    with pytest.raises(UpstreamMalformed):
        ecb.parse_xml(ECB_XML.replace(before, after, 1).encode(), NOW, WANTED)
