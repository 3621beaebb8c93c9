"""One language: its words, numbers and dates. The server words everything; the widget nothing.

Words come from ``widget/locales``; plurals, separators and dates from CLDR, through Babel. Babel's
data cost a good megabyte a language, so they are loaded when a language is first written in.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from string import Template
from typing import TYPE_CHECKING, Literal

from donations.amounts import format_amount
from donations.web.markup import Html, clean, escape, fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date as Day  # noqa: N812

    import babel

# How an age is counted: seconds, and the first number that belongs to the next unit. What is older
# than a month is told by its date.
_UNITS: tuple[tuple[Literal["minute", "hour", "day"], int, int], ...] = (
    ("minute", 60, 60),
    ("hour", 3600, 24),
    ("day", 86_400, 30),
)
_SKEW = 300  # seconds by which a reader's clock may be slow before ages make no sense to it
# Eight decimals are one satoshi, and finer than anyone reads an amount of ether.
SHOWN_DECIMALS = 8
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_THOUSANDS = re.compile(r"(?<=[0-9])(?=(?:[0-9]{3})+$)")


# Read where the author's own language is none of ours.
FALLBACK = "en"


def primary(tag: str | None) -> str:
    """The language of a tag (BCP 47), without region and script: "fr" of "fr-CA"."""
    return (tag or "").partition("-")[0].lower()


class Locale:
    """The words of one file of ``widget/locales``, and the formats of its language."""

    def __init__(self, tag: str, text: str) -> None:
        """``tag`` is the language (BCP 47), ``text`` the JSON of its file."""
        data = json.loads(text)
        self.tag = tag
        self.name: str = data["name"]
        self.direction = "rtl" if tag in RIGHT_TO_LEFT else "ltr"
        self._words: Mapping[str, Template | Mapping[str, Template]] = {
            key: Template(word)
            if isinstance(word, str)
            else {form: Template(each) for form, each in word.items()}
            for key, word in data["words"].items()
        }

    @cached_property
    def cldr(self) -> babel.Locale:
        """The language as CLDR knows it."""
        from babel import Locale as CldrLocale

        return CldrLocale.parse(self.tag, sep="-")

    @cached_property
    def _separators(self) -> tuple[str, str]:
        """Before the decimals, and between thousands, in the digits we write (0 to 9)."""
        # Not Babel's format_decimal: it counts in Decimal, whose context cuts at 28 digits.
        from babel.numbers import get_decimal_symbol, get_group_symbol

        return (
            get_decimal_symbol(self.cldr, numbering_system="latn"),
            get_group_symbol(self.cldr, numbering_system="latn"),
        )

    def say(self, key: str, **values: str) -> Html:
        """The sentence ``key`` as HTML. Raises KeyError for an unknown one."""
        word = self._words[key]
        if not isinstance(word, Template):
            raise KeyError(key)
        return fill(word, **values)

    def count(self, key: str, count: int) -> Html:
        """``count`` things, in the right plural."""
        forms = self._words[key]
        if isinstance(forms, Template):
            raise KeyError(key)
        # A form that a language spells like the general one need not be in its file.
        form = forms.get(self.cldr.plural_form(count)) or forms["other"]
        return fill(form, count=self.whole(count))

    def blanks(self) -> dict[str, set[str]]:
        """Which values each sentence takes; the same in every language."""
        return {
            key: set(word.get_identifiers())
            if isinstance(word, Template)
            else set(word["other"].get_identifiers())
            for key, word in self._words.items()
        }

    def forms(self) -> dict[str, set[str]]:
        """The plural forms that each counted word has."""
        return {
            key: set(word) for key, word in self._words.items() if not isinstance(word, Template)
        }

    def whole(self, number: int) -> str:
        """A whole number with its thousands apart."""
        return _THOUSANDS.sub(self._separators[1], str(number))

    def amount(self, units: int, decimals: int, symbol: str) -> Html:
        """Base units for readers: cut, never rounded up, after eight decimals; never a false 0.

        Number and symbol are isolated in a text from right to left (Unicode annex 9, section 2.7):
        without that, an amount that follows another would be mixed with it.
        """
        whole, _, fraction = format_amount(units, decimals).partition(".")
        shown, sign = fraction[:SHOWN_DECIMALS].rstrip("0"), ""
        if whole == "0" and not shown and units:
            shown, sign = "0" * (SHOWN_DECIMALS - 1) + "1", "<\u00a0"
        number = self.whole(int(whole)) + (self._separators[0] + shown if shown else "")
        text = escape(f"{sign}{number}\u00a0{symbol}")
        return Html(f"\u2066{text}\u2069") if self.direction == "rtl" else text

    def money(
        self, minor: int, currency: str, digits: int, *, brief: bool = False, symbol: bool = True
    ) -> Html:
        """Minor units of a currency (ISO 4217) in the form of the language, by CLDR's pattern.

        ``brief``: a whole amount is written without decimals. Without ``symbol`` the code stands in
        its place.
        """
        from babel.numbers import get_currency_symbol

        whole, _, fraction = format_amount(abs(minor), digits).partition(".")
        number = self.whole(int(whole))
        if digits and (fraction or not brief):
            number += self._separators[0] + fraction.ljust(digits, "0")
        sign = get_currency_symbol(currency, locale=self.cldr) if symbol else currency
        pattern = self.cldr.currency_formats["standard"]
        before, after = (
            clean(part.replace("\xa4", sign)) for part in (pattern.prefix[0], pattern.suffix[0])
        )
        if before[-1:].isalpha():
            before += "\u00a0"  # a code before a number (UTS 35, currency spacing)
        text = escape(f"{chr(0x2212) if minor < 0 else ''}{before}{number}{after}")
        return Html(f"\u2066{text}\u2069") if self.direction == "rtl" else text

    @cached_property
    def ages(self) -> str:
        """How ages are worded: "unit:count:text", joined by "|", each good until the next begins.

        A unit is so many seconds, left out where it is the one before. A ``#`` in the text stands
        for the age in whole units; an empty text for the date. Numbers that the language treats
        alike share one text.
        """
        from babel.dates import format_timedelta

        text = clean(self.say("now"))
        steps = [f"1:-{_SKEW}:{text}"]
        for name, seconds, end in _UNITS:
            unit = f"{seconds}:"
            for count in range(1, end):
                # The threshold keeps Babel from turning to a larger unit.
                worded = format_timedelta(
                    -timedelta(seconds=count * seconds),
                    granularity=name,
                    threshold=1000,
                    add_direction=True,
                    locale=self.cldr,
                )
                before, text = text, clean(worded).replace(str(count), "#")
                if text != before:
                    steps.append(f"{unit}{count}:{text}")
                    unit = ""
        return "|".join([*steps, f"{end}:"])

    def date(self, time: int, zone: tzinfo) -> str:
        """The day of a moment (Unix seconds)."""
        return self.day(datetime.fromtimestamp(time, zone).date())

    def day(self, day: Day) -> str:
        """A day."""
        from babel.dates import format_date

        return clean(format_date(day, "medium", locale=self.cldr))

    def month(self, day: Day) -> str:
        """The month of a day, with its year."""
        from babel.dates import format_skeleton

        return clean(format_skeleton("yMMMM", day, locale=self.cldr))

    def moment(self, time: int, zone: tzinfo) -> str:
        """Day, hour and minute of a moment (Unix seconds), with the name of the time zone."""
        from babel.dates import format_time

        when = datetime.fromtimestamp(time, zone)
        hour = clean(format_time(when.time(), "short", locale=self.cldr))
        zone_name = when.tzname() or ""
        return self.say("moment", date=self.date(time, zone), time=hour, zone=zone_name)
