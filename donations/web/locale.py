"""One language: its words, numbers and dates. The server words everything; the widget nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime, tzinfo
from string import Template
from typing import TYPE_CHECKING

from donations.amounts import format_amount
from donations.web.markup import Html, fill

if TYPE_CHECKING:
    from collections.abc import Mapping

# Eight decimals are one satoshi, and finer than anyone reads an amount of ether.
SHOWN_DECIMALS = 8
_THOUSANDS = re.compile(r"(?<=[0-9])(?=(?:[0-9]{3})+$)")


def _plural(tag: str, count: int) -> str:
    """The CLDR plural category of a whole number, for the languages of ``locales``."""
    if tag == "fr":
        return "one" if count in (0, 1) else "other"
    return "one" if count == 1 else "other"


class Locale:
    """The words and formats of one file of ``widget/locales``."""

    def __init__(self, tag: str, text: str) -> None:
        """``tag`` is the language (BCP 47), ``text`` the JSON of its file."""
        data = json.loads(text)
        self.tag = tag
        self.name: str = data["name"]
        self._decimal: str = data["decimal"]
        self._group: str = data["group"]
        self._months: list[str] = data["months"]
        self._date = Template(data["date"])
        self._moment = Template(data["moment"])
        self._words: Mapping[str, Template | Mapping[str, Template]] = {
            key: Template(word)
            if isinstance(word, str)
            else {form: Template(each) for form, each in word.items()}
            for key, word in data["words"].items()
        }

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
        return fill(forms[_plural(self.tag, count)], count=self.whole(count))

    def blanks(self) -> dict[str, set[str]]:
        """Which values each sentence takes; the same in every language."""
        return {
            key: set(word.get_identifiers())
            if isinstance(word, Template)
            else {name for form in word.values() for name in form.get_identifiers()}
            for key, word in self._words.items()
        }

    def whole(self, number: int) -> str:
        """A whole number with its thousands apart."""
        return _THOUSANDS.sub(self._group, str(number))

    def amount(self, units: int, decimals: int, symbol: str) -> str:
        """Base units for readers: cut, never rounded up, after eight decimals; never a false 0."""
        whole, _, fraction = format_amount(units, decimals).partition(".")
        shown, sign = fraction[:SHOWN_DECIMALS].rstrip("0"), ""
        if whole == "0" and not shown and units:
            shown, sign = "0" * (SHOWN_DECIMALS - 1) + "1", "<\u00a0"
        number = self.whole(int(whole)) + (self._decimal + shown if shown else "")
        return f"{sign}{number}\u00a0{symbol}"

    def date(self, time: int, zone: tzinfo) -> str:
        """The day of a moment (Unix seconds)."""
        when = datetime.fromtimestamp(time, zone)
        month = self._months[when.month - 1]
        return self._date.substitute(day=when.day, month=month, year=when.year)

    def moment(self, time: int, zone: tzinfo) -> str:
        """Day, hour and minute of a moment (Unix seconds), with the name of the time zone."""
        when = datetime.fromtimestamp(time, zone)
        return self._moment.substitute(
            day=when.day,
            month=self._months[when.month - 1],
            year=when.year,
            hour=f"{when.hour:02}",
            minute=f"{when.minute:02}",
            zone=when.tzname() or "",
        )
