"""Seeded bugs of prices and values: each would show a wrong amount of money."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_ANSWERS = "tests/prices/test_answers.py"
_APPRAISER = "tests/prices/test_appraiser.py"
_ARITHMETIC = "tests/prices/test_arithmetic.py"
_ASKED = "tests/prices/test_asked.py"
_CONSENSUS = "tests/prices/test_consensus.py"
_MARKET = "tests/prices/test_market.py"
_OWN = "tests/prices/test_own_file.py"
_SERVICE = "tests/prices/test_service.py"

PRICES: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/prices/quote.py",
        (
            (
                "nothing is a price",
                "    if price == 0:\n",
                "    if price < 0:\n",
                f"{_ARITHMETIC}::test_what_is_no_price_is_refused",
            ),
            (
                "halves are rounded up",
                "(2 * rest == denominator and whole % 2 == 1)",
                "(2 * rest == denominator)",
                f"{_ARITHMETIC}::test_division_rounds_half_to_even",
            ),
        ),
    ),
    (
        "donations/prices/consensus.py",
        (
            (
                "one source is believed where two must agree",
                "    if len(quotes) < needed:\n",
                "    if len(quotes) < 1:\n",
                f"{_CONSENSUS}::test_no_price_is_invented",
            ),
            (
                "the middle of two that differ is a price",
                "    elif are_near(rising[middle - 1], rising[middle]):\n",
                "    elif rising:\n",
                f"{_CONSENSUS}::test_two_are_believed_when_they_are_near",
            ),
            (
                "the median of three that differ is a price",
                "    if len(near) < needed:\n",
                "    if not near:\n",
                f"{_CONSENSUS}::test_no_price_is_invented",
            ),
            (
                "the highest price is taken",
                "        price = rising[middle]\n",
                "        price = rising[-1]\n",
                f"{_CONSENSUS}::test_a_price_is_the_median_of_what_is_told",
            ),
            (
                "what was left out is named",
                "if are_near(quote.price, price))",
                "if quote.price)",
                f"{_CONSENSUS}::test_order_is_nothing",
            ),
        ),
    ),
    (
        "donations/prices/candles.py",
        (
            (
                "a candle of the future is believed",
                "    if start > now + LATE_SECONDS:\n",
                "    if start > now + 10**9:\n",
                f"{_ANSWERS}::test_a_candle_that_cannot_be_is_refused",
            ),
            (
                "a candle may lie outside its own bounds",
                "    if not low <= min(opened, closed) <= max(opened, closed) <= high:\n",
                "    if low > high:\n",
                f"{_ANSWERS}::test_a_candle_that_cannot_be_is_refused",
            ),
            (
                "an evening has the price of the morning",
                "        if slot.start == start:\n",
                "        if slot.start >= start:\n",
                f"{_ANSWERS}::test_a_day_is_priced_at_its_nearer_end",
            ),
            (
                "a price holds for ever",
                "slot.start - (starts[place - 1] + width) > CARRY[slot.step]",
                "slot.start < starts[place - 1]",
                f"{_ANSWERS}::test_where_nobody_traded_the_last_price_holds_for_a_while",
            ),
        ),
    ),
    (
        "donations/prices/kraken.py",
        (
            (
                "any pair will do",
                "    if name not in _names(pair):\n",
                "    if not name:\n",
                f"{_ANSWERS}::test_another_pair_is_refused",
            ),
            (
                "an error is overlooked",
                '    if told["error"]:\n',
                '    if told["error"] == [None]:\n',
                f"{_ANSWERS}::test_krakens_refusals",
            ),
        ),
    ),
    (
        "donations/prices/coinbase.py",
        (
            (
                "the low is taken for the opening",
                "(row[3], row[2], row[1], row[4])",
                "(row[1], row[2], row[1], row[4])",
                f"{_ANSWERS}::test_coinbases_candles_are_exact",
            ),
        ),
    ),
    (
        "donations/prices/ecb.py",
        (
            (
                "a rate holds for a month",
                "_LONGEST_SILENCE = 8\n",
                "_LONGEST_SILENCE = 30\n",
                f"{_ANSWERS}::test_the_rates_of_the_bank",
            ),
            (
                "half a file is a file",
                ' or not text.rstrip().endswith("</gesmes:Envelope>")',
                "",
                f"{_ANSWERS}::test_a_damaged_file_of_rates_is_refused_whole",
            ),
        ),
    ),
    (
        "donations/prices/rates.py",
        (
            (
                "a rate is used the wrong way round",
                "cross(price, base.price, rate.price, told.source)",
                "cross(price, rate.price, base.price, told.source)",
                f"{_MARKET}::test_a_currency_that_nobody_quotes_is_crossed",
            ),
        ),
    ),
    (
        "donations/prices/market.py",
        (
            (
                "a price in dollars is called one in the author's currency",
                "if isinstance(verdict, Price) and currency != self.currency:",
                "if isinstance(verdict, Price) and currency == 'EUR' != self.currency:",
                f"{_MARKET}::test_one_bridge_leads_to_the_other",
            ),
            (
                "what was told is forgotten",
                "            await memory.save(name, pair, quotes)\n",
                "            pass\n",
                f"{_MARKET}::test_a_long_history_takes_few_questions",
            ),
            (
                "another currency settles what sources differ about",
                "_GO_ON: Final = (Doubt.NOBODY, Doubt.TOO_FEW)",
                "_GO_ON: Final = tuple(Doubt)",
                f"{_MARKET}::test_two_that_differ_make_no_price",
            ),
        ),
    ),
    (
        "donations/prices/asked.py",
        (
            (
                "Retry-After is not kept",
                "(told or pause)",
                "pause",
                f"{_MARKET}::test_who_asks_for_a_pause_gets_it",
            ),
            (
                "there is no budget",
                "        self._left -= 1\n",
                "        self._left -= 0\n",
                f"{_ASKED}::test_no_source_is_asked_more_than_its_budget",
            ),
            (
                "what is lacking is a failure",
                "            self._answered()\n            raise\n",
                "            self._failed(UpstreamError('lacking'))\n            raise\n",
                f"{_ASKED}::test_what_it_lacks_is_remembered_for_a_day",
            ),
        ),
    ),
    (
        "donations/prices/own_file.py",
        (
            (
                "the second price of a day wins",
                "            if first != lines.line_num:\n",
                "            if first < 0:\n",
                f"{_OWN}::test_a_wrong_line_is_named",
            ),
            (
                "a price in another currency is taken",
                "            if of == currency:\n",
                "            if of:\n",
                f"{_OWN}::test_what_spreadsheets_write_is_read",
            ),
            (
                "days are days in UTC",
                "datetime.fromtimestamp(moment, self.zone).date()",
                "datetime.fromtimestamp(moment - self.zone.utcoffset(None or "
                "datetime.fromtimestamp(moment)).total_seconds(), self.zone).date()",
                f"{_OWN}::test_days_begin_where_the_author_lives",
            ),
        ),
    ),
    (
        "donations/prices/appraiser.py",
        (
            (
                "a gift is worth what it costs today",
                "return slot_of(transfer.received_at, now)",
                "return slot_of(now - 60, now)",
                f"{_SERVICE}::test_a_history_gets_the_prices_of_its_days",
            ),
            (
                "a moment that is not here yet is priced",
                "        if transfer.received_at > now + LATE_SECONDS:\n",
                "        if transfer.received_at < 0:\n",
                f"{_APPRAISER}::test_a_moment_that_is_not_here_yet_waits",
            ),
            (
                "coins of test networks are valued",
                "        if asset.no_market is not None:\n",
                "        if asset.no_market == str(self):\n",
                f"{_SERVICE}::test_test_coins_have_no_value",
            ),
            (
                "own prices do not win",
                "        if own is not None:\n",
                "        if own is not None and not self.market.sources:\n",
                f"{_APPRAISER}::test_own_prices_win_over_exchanges",
            ),
        ),
    ),
)
