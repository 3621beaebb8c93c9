"""The table of the configuration that is about prices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from donations.chains.base import is_near

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from donations.config_file import Table

KEYS: Final = ("enabled", "sources", "file", "urls")
# Each is asked without a key. The European Central Bank is no market: it crosses currencies.
SOURCES: Final = ("kraken", "coinbase", "bitstamp")
CROSS: Final = "ecb"


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """What gifts are valued by.

    Not ``enabled``: every value stays unknown. ``file`` holds own prices. ``urls`` are asked
    instead of the known ones, by source.
    """

    enabled: bool = True
    sources: tuple[str, ...] = SOURCES
    file: Path | None = None
    urls: Mapping[str, str] = field(default_factory=dict)


def read_prices(table: Table, folder: Path) -> PriceSettings:
    """``[prices]``. Raises ConfigError."""
    sources = table.texts("sources") if "sources" in table else SOURCES
    for index, name in enumerate(sources):
        if name not in SOURCES:
            hint = f"unknown source; known: {', '.join(SOURCES)}"
            if name == CROSS:
                hint = "the bank is asked by itself where its rates are needed: leave it out here"
            raise table.error(hint, "sources", index)
        if name in sources[:index]:
            raise table.error("this source stands here twice", "sources", index)
    file = table.optional_text("file")
    if not sources and file is None:
        raise table.error("name a source or a file, or write enabled = false", "sources")
    if file is not None and "\0" in file:
        raise table.error("give the path of a file", "file")
    urls = table.table("urls", (*SOURCES, CROSS))
    return PriceSettings(
        table.boolean("enabled", True),
        sources,
        None if file is None else folder / file,
        {each: _url(urls, each) for each in urls},
    )


def _url(table: Table, name: str) -> str:
    url = table.text(name, "")
    reason = "write it as https://prices.example.org, without query"
    if not all("!" <= character <= "~" for character in url):
        raise table.error(reason, name)
    try:
        parts = urlsplit(url)
        valid = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or "@" in parts.netloc:
        raise table.error(reason, name)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near(url)):
        raise table.error("plain http is for a server on a private address; use https", name)
    return url.rstrip("/")
