"""Where to go on in a list: the place of the last entry that was told.

A place is made of what an entry is known by for ever, so entries that come later change no cursor.
A cursor is read strictly: each one that has the form is a place, whether or not anything is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from donations.web.api.parameter import Parameter, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.listing import Place


_PARTS = (
    r"0|[1-9][0-9]{0,10}",
    r"[a-z]{3,8}",
    r"[0-9A-Za-z:]{1,120}",
    r"[0-9A-Za-z.]{1,20}",
    r"[0-9A-Za-z:]{1,120}",
)
_FORM = "~".join(f"(?:{part})" for part in _PARTS)
_CURSOR = re.compile(_FORM, re.ASCII)


def write_cursor(place: Place) -> str:
    """The cursor to go on from ``place``."""
    return "~".join(map(str, place))


def read_cursor(text: str) -> Place:
    """The place a cursor stands for. Raises ValueError for what is no cursor."""
    if _CURSOR.fullmatch(text) is None:
        raise ValueError("give the `next` of an earlier answer, as it is")
    moment, chain, address, asset, name = text.split("~")
    return int(moment), chain, address, asset, name


def _cursor() -> Parameter[Place]:
    form = word("cursor", "", _FORM).form
    parse: Callable[[str], Place] = read_cursor
    return Parameter("cursor", "The `next` of an earlier answer, as it is.", form, parse)


CURSOR = _cursor()
