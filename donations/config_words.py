"""Words of the author that readers see: one line, which no page takes for an address."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from donations.config_file import Table

TITLE = 200
# What the script of the widget takes for an address, marks and invisible letters left out; see
# "names" in widget/donation-widget.js.
_ADDRESS_LIKE = re.compile(r"[0-9a-z]{26}|[\u2580-\u259f]{5}", re.ASCII | re.IGNORECASE)
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")  # BCP 47, the common part


def read_line(table: Table, key: str, default: str, *, most: int = TITLE) -> str:
    """A line of at most ``most`` characters. Raises ConfigError."""
    line = table.text(key, default)
    if len(line) > most or not line.isprintable():
        raise table.error(f"a {key} is one line of at most {most} characters", key)
    if looks_like_an_address(line):
        raise table.error(
            "readers would be warned: the widget takes a word of 26 or more letters and digits for "
            "an address that is not yours; divide it, by a hyphen for example",
            key,
        )
    return line


def read_matching(table: Table, key: str, default: str, form: re.Pattern[str], reason: str) -> str:
    """A text of the given form. Raises ConfigError with ``reason``."""
    text = table.text(key, default)
    if form.fullmatch(text) is None:
        raise table.error(reason, key)
    return text


def looks_like_an_address(text: str) -> bool:
    """Whether pages that hold the addresses would refuse the card because of this text."""
    seen = (char for char in text if unicodedata.category(char) not in ("Cf", "Mn"))
    return _ADDRESS_LIKE.search("".join(seen)) is not None
