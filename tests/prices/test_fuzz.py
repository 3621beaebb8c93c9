"""Answers of exchanges and of the bank gone wrong: none crashes, hangs, or makes a wrong value."""

from __future__ import annotations

import io
import json
import logging
import random
import time
import zipfile
from typing import TYPE_CHECKING, Any

from donations.errors import UpstreamError
from donations.prices import bitstamp, coinbase, ecb, kraken
from donations.prices.candles import quotes_of
from donations.prices.consensus import Price, agree, are_near
from donations.prices.quote import HALF_DAY, MINUTE, ONE, Pair, Quote, Slot
from donations.sources.transport import decode
from tests.sources.grammar import damaged, fuzzed, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.prices.candles import Candle
    from tests.measured import Table

logger = logging.getLogger(__name__)
CI, LONG = 60_000, 1_000_000
LONGEST_SECONDS = 1.0  # of processor time
NOW = 1_795_608_030
PAIR = Pair("BTC", "EUR")
START = NOW // 60 * 60 - 600
WANTED = ("USD", "JPY")
SLOT = Slot(START + 300, MINUTE)
OLD = Slot(NOW // 86_400 * 86_400 - 1_000 * 86_400, HALF_DAY)
HONEST = (84_000 * ONE, 84_100 * ONE)
Reading = tuple[str, Any, "Callable[[Any], Quote | None]"]


def rows() -> list[tuple[int, str, str, str, str]]:
    """(start, open, high, low, close) of ten minutes."""
    return [(START + 60 * n, "84010.5", "84100", "84000.1", f"8405{n}") for n in range(10)]


def priced(candles: list[Candle]) -> Quote | None:
    return quotes_of(candles, [SLOT], NOW).get(SLOT)


def readings() -> list[Reading]:
    """Of each source: its name, a true answer, and how it is read."""
    in_kraken = [[s, o, h, low, c, c, "1.5", 7] for s, o, h, low, c in rows()]
    trades = [["84010.5", "0.1", f"{OLD.start + 20 * n}.25", "b", "l", "", n] for n in range(5)]
    in_coinbase = [[s, low, h, o, c, "1.5"] for s, o, h, low, c in reversed(rows())]
    in_bitstamp = [
        {"timestamp": str(s), "open": o, "high": h, "low": low, "close": c, "volume": "1"}
        for s, o, h, low, c in rows()
    ]
    return [
        ("Kraken candles", {"error": [], "result": {"XXBTZEUR": in_kraken, "last": START}},
         lambda told: priced(kraken.parse_candles(told, PAIR, 60, NOW))),
        ("Kraken trades", {"error": [], "result": {"XXBTZEUR": trades, "last": "1"}},
         lambda told: kraken.trade_quote(told, PAIR, OLD)),
        ("Coinbase candles", in_coinbase,
         lambda told: priced(coinbase.parse_candles(told, 60, NOW))),
        ("Bitstamp candles", {"data": {"pair": "BTC/EUR", "ohlc": in_bitstamp}},
         lambda told: priced(bitstamp.parse_candles(told, PAIR, 60, NOW))),
    ]  # fmt: skip


def test_the_true_answers_are_read() -> None:
    """Each of them tells the price of its slot."""
    for name, answer, read in readings():
        quote = read(decode(json.dumps(answer)))
        assert quote is not None, name
        assert quote.price == 84_010_500_000 * ONE // 10**6


def test_an_answer_gone_wrong_makes_no_wrong_price(table: Table, seed: int, long: bool) -> None:
    """With one source that tells anything: beside two honest ones the price is between theirs;
    beside one it is near that one's, or unknown."""
    dice = random.Random(seed)
    count = LONG if long else CI
    true = readings()
    bodies = [written(answer) for _, answer, _ in true]
    crashed: list[str] = []
    wrong: list[str] = []
    taken, slowest, last = 0, 0.0, time.process_time()
    for number in range(count):
        name, answer, read = true[number % len(true)]
        try:
            if number % 10 == 9:
                told = read(decode(damaged(bodies[number % len(true)], dice)))
            else:
                told = read(fuzzed(answer, dice))
        except UpstreamError:
            told = None
        except BaseException as error:
            crashed.append(f"{name}, number {number}: {error!r}")
            if not isinstance(error, Exception):
                raise
            continue
        if told is not None:
            taken += 1
            if is_wrong(told):
                wrong.append(f"{name}, number {number}: {told}")
        now = time.process_time()
        slowest, last = max(slowest, now - last), now
    logger.warning("seed %s: %s of %s wrong answers told a price", seed, taken, count)
    table.never("fuzzed prices that crash" + "".join(crashed[:1]), len(crashed), count)
    table.never("fuzzed prices that make a wrong value" + "".join(wrong[:1]), len(wrong), count)
    table.gate("fuzzed price, the slowest", round(slowest, 3), LONGEST_SECONDS, " s")
    assert taken > count // 100  # bent answers are often of the right form, and must be judged


def is_wrong(told: Quote) -> bool:
    at = SLOT.start
    one, other = HONEST
    with_one = agree({"kraken": told, "coinbase": Quote(one, at)}, 2)
    with_two = agree({"kraken": told, "coinbase": Quote(one, at), "bitstamp": Quote(other, at)}, 2)
    near = not isinstance(with_one, Price) or are_near(with_one.price, one)
    between = isinstance(with_two, Price) and one <= with_two.price <= other
    return not (near and between)


def test_a_file_of_rates_gone_wrong_is_refused_or_believable(seed: int, long: bool) -> None:
    """Bytes lost, doubled and changed, in both files: no crash, and no rate far from the last."""
    dice = random.Random(seed)
    days = [f"2026-11-{day}" for day in (25, 24, 23, 20, 19, 18)]
    cube = "".join(
        f'<Cube time="{day}"><Cube currency="USD" rate="1.1052"/>'
        f'<Cube currency="JPY" rate="171.24"/></Cube>'
        for day in days
    )
    xml = f"<gesmes:Envelope><Cube>{cube}</Cube></gesmes:Envelope>".encode()
    text = "Date,USD,JPY,\n" + "".join(f"{day},1.1052,171.24,\n" for day in days)
    assert ecb.rate_at(ecb.parse_xml(xml, NOW, WANTED), "JPY", NOW) is not None
    assert ecb.rate_at(ecb.parse_zip(packed(text.encode()), NOW, WANTED), "JPY", NOW) is not None
    true = 171_240_000 * ONE // 10**6
    for _ in range(100_000 if long else 6_000):
        zipped = packed(damaged(text.encode(), dice)) if dice.random() < 0.7 else packed(
            text.encode())  # fmt: skip
        for parse, body in (
            (ecb.parse_xml, damaged(xml, dice)),
            (ecb.parse_zip, zipped if dice.random() < 0.6 else damaged(zipped, dice)),
        ):
            try:
                rates = parse(body, NOW, WANTED)
            except UpstreamError:
                continue
            rate = ecb.rate_at(rates, "JPY", NOW)
            if rate is not None and sum("JPY" in day for day in rates.values()) > 1:
                assert true <= rate.price * 3 // 2 + 1, (seed, body)
                assert rate.price <= true * 3 // 2, (seed, body)


def packed(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref-hist.csv", text)
    return file.getvalue()


def test_a_small_file_that_unpacks_to_much_is_refused() -> None:
    """A hundred megabytes of blanks in a hundred kilobytes are not held in memory."""
    started = time.process_time()
    try:
        ecb.parse_zip(packed(b"Date,USD,\n" + b" " * 100_000_000), NOW, WANTED)
    except UpstreamError as error:
        assert "too much" in str(error)  # noqa: PT017
    else:
        raise AssertionError("it was taken")
    assert time.process_time() - started < 5
