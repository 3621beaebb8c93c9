"""The text that the author signs: the same for the same configuration and date, byte for byte."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.chains import CHAINS
from donations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.config import Config, Watched

_DATE = re.compile(r"^Date: ([0-9]{4}-[0-9]{2}-[0-9]{2})$", re.MULTILINE)


def statement_text(site: str, addresses: Sequence[Watched], day: date) -> str:
    """The statement, with a line break at its end. ``site`` is a host name."""
    lines = [
        f"The donation page {site} is mine.",
        "Gifts reach me at these addresses, and at no other of these currencies:",
        "",
        *(f"{CHAINS[one.chain].title}: {one.address}" for one in addresses),
        "",
        f"Date: {day.isoformat()}",
    ]
    return "\n".join(lines) + "\n"


def site_of(config: Config) -> str:
    """The host of the hosted page. Raises ConfigError without ``public_url``."""
    if config.public_url is None:
        raise ConfigError(
            'a statement names the page it is for: public_url = "https://dons.example.org"',
            file=config.path,
            key="public_url",
        )
    return urlsplit(config.public_url).netloc


def date_of(text: str) -> date | None:
    """The date that a statement bears; None where there is not exactly one that exists."""
    found = _DATE.findall(text)
    try:
        return date.fromisoformat(found[0]) if len(found) == 1 else None
    except ValueError:
        return None


def what_is_wrong(text: str, config: Config, today: date) -> str | None:
    """Why ``text`` is not the statement of this configuration, with the cure; None if it is."""
    day = date_of(text)
    if day is None:
        return 'has no line "Date: 2026-01-31"; donations statement prints the text to sign'
    if day > today + timedelta(days=1):
        return f"is dated {day}, which is to come"
    if text != statement_text(site_of(config), config.watched, day):
        missing = [one.address for one in config.watched if one.address not in text]
        lacks = f"does not name {missing[0]}" if missing else "is not the text for this page"
        return f"{lacks}: print it anew with donations statement, and sign that"
    return None
