"""The configuration: a TOML file -> frozen objects, or one error that names file, line and key.

``config.example.toml`` says what each key means.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from donations.config_author import KEYS as AUTHOR_KEYS
from donations.config_author import Operator, exposure, is_loopback, read_author
from donations.config_chains import ChainSettings, Watched, read_chains
from donations.config_file import Source, Table, read_text, shown
from donations.config_notify import ChannelSettings, read_channels
from donations.config_pages import PageWatch, StatementSettings, read_statement, read_watch
from donations.config_prices import KEYS as PRICE_KEYS
from donations.config_prices import PriceSettings, read_prices
from donations.config_widgets import DEFAULT, Widget, read_widgets
from donations.config_words import LANGUAGE, read_line, read_matching
from donations.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT", "ChainSettings", "ChannelSettings", "Config", "Operator", "PageWatch",
    "PriceSettings", "Server",
    "StatementSettings", "Watched", "Widget", "load", "parse",
]  # fmt: skip

DEFAULT_FILE = Path("config.toml")
FILE_VARIABLE = "DONATIONS_CONFIG"

_KEYS = (
    "public_url", "title", "language", "timezone", "currency", "database", "poll_seconds",
    "grace_seconds", "addresses", "server", "widget", "prices", "watch", "statement", "author",
    "chains", "notify", "silent_minutes",
)  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217
_FREQUENT = ("EUR", "USD", "GBP", "CHF")  # known without a look into the tables


@dataclass(frozen=True, slots=True)
class Server:
    """Where the service listens. ``trusted_proxies`` are networks whose X-Forwarded-* is read."""

    host: str
    port: int
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the operator decided, complete and checked. ``path`` is the file it came from."""

    path: Path | None
    public_url: str | None
    title: str  # "" for that of the reader's language
    language: str
    timezone: tzinfo
    currency: str
    database: Path
    poll_seconds: int
    grace_seconds: int
    server: Server
    widgets: tuple[Widget, ...]
    prices: PriceSettings
    watch: PageWatch
    statement: StatementSettings | None
    chains: Mapping[str, ChainSettings]
    author: tuple[Operator, ...] = ()
    notify: tuple[ChannelSettings, ...] = ()
    silent_minutes: int = 15

    @property
    def widget(self) -> Widget:
        """The widget at the root of the service: the first."""
        return self.widgets[0]

    def named(self, slug: str) -> Widget:
        """The widget with this slug. Raises ConfigError."""
        for widget in self.widgets:
            if widget.slug == slug:
                return widget
        slugs = [widget.slug for widget in self.widgets]
        near = get_close_matches(slug, slugs, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(slugs)}"
        raise ConfigError(f"no widget is called {shown(slug)}; {hint}", file=self.path)

    def url(self, widget: Widget) -> str | None:
        """Where readers reach a widget; None while it is not known where the service is."""
        if self.public_url is None or widget == self.widget:
            return self.public_url
        return f"{self.public_url}/w/{widget.slug}"

    @property
    def watched(self) -> tuple[Watched, ...]:
        """Every address, chain by chain, in the order of the file."""
        return tuple(
            Watched(name, address)
            for name, settings in self.chains.items()
            for address in settings.addresses
        )


def load(path: Path | None = None) -> Config:
    """Read ``path``, else ./config.toml, else the file $DONATIONS_CONFIG names.

    Raises ConfigError.
    """
    named = os.environ.get(FILE_VARIABLE)
    if path is None and DEFAULT_FILE.exists():
        path = DEFAULT_FILE
    if path is None and named:
        path = Path(named)
    if path is None:
        raise ConfigError(
            f"there is no {DEFAULT_FILE} here and ${FILE_VARIABLE} is not set; "
            "donations init URL writes one from your page"
        )
    return parse(read_text(path), path, os.environ)


def parse(
    text: str, path: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Config:
    """Read the text of a configuration file. Relative paths in it are relative to its folder.

    Raises ConfigError.
    """
    root = Source(text, path, environment).root(_KEYS)
    chains = read_chains(root)
    title = read_line(root, "title", "")
    language = read_matching(root, "language", "en", LANGUAGE, 'a language is written like "fr"')
    currency = _currency(root)
    folder = path.parent if path is not None else Path()
    public_url = _public_url(root)
    server = _server(root.table("server", ("host", "port", "trusted_proxies")))
    return Config(
        path=path,
        public_url=public_url,
        title=title,
        language=language,
        timezone=_timezone(root),
        currency=currency,
        database=_database(root, folder),
        poll_seconds=root.integer("poll_seconds", 60, 15, 300),
        grace_seconds=root.integer("grace_seconds", 1200, 1, 86_400),
        server=server,
        widgets=read_widgets(root, chains, title, language, currency),
        prices=read_prices(root.table("prices", PRICE_KEYS), folder),
        watch=read_watch(root.table("watch", ("pages", "hours"))),
        statement=read_statement(root.table("statement", ("folder", "minisign")), folder),
        chains=chains,
        author=_author(root.table("author", AUTHOR_KEYS), server, public_url),
        notify=read_channels(root, language),
        silent_minutes=root.integer("silent_minutes", 15, 1, 1_440),
    )


def _author(table: Table, server: Server, public_url: str | None) -> tuple[Operator, ...]:
    operators = read_author(table)
    exposed = exposure(server.host, public_url, server.trusted_proxies) if operators else None
    if exposed is not None:
        raise table.error(exposed)
    return operators


def _currency(root: Table) -> str:
    """ISO 4217, the currencies of the past among them."""
    code = read_matching(root, "currency", "EUR", _CURRENCY, 'a currency is written like "EUR"')
    if code not in _FREQUENT:
        known = import_module("babel.numbers").list_currencies()
        if code not in known:
            near = get_close_matches(code, sorted(known), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise root.error(f"there is no currency {code}{hint}", "currency")
    return code


def _public_url(root: Table) -> str | None:
    url = root.optional_text("public_url")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, valid = parts.hostname, parts.port != 0
    except ValueError:
        host, valid = None, False
    plain = url.isascii() and url.isprintable() and not re.search(r"[\s\"'<>\\]", url)
    if not (host and valid and plain) or parts.query or parts.fragment or "@" in parts.netloc:
        raise root.error("write it as https://donations.example.org", "public_url")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise root.error("pages embed only what is served by https", "public_url")
    return url.rstrip("/")


def _timezone(root: Table) -> tzinfo:
    name = root.text("timezone", "UTC")
    if name == "UTC":
        return UTC  # also where the system has no table of time zones
    zones = available_timezones()
    if name not in zones:
        near = get_close_matches(name, zones, n=1)
        hint = f"; did you mean {near[0]}?" if near else ', it is written like "Europe/Paris"'
        raise root.error(f"unknown time zone{hint}", "timezone")
    return ZoneInfo(name)


def _database(root: Table, folder: Path) -> Path:
    name = root.text("database", "donations.sqlite3")
    if "://" in name or "\0" in name:
        raise root.error("the database is a file: give its path", "database")
    return folder / name


def _server(table: Table) -> Server:
    proxies = []
    for index, text in enumerate(table.texts("trusted_proxies")):
        try:
            proxies.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise table.error(
                "a proxy is an IP address or network, such as 127.0.0.1", "trusted_proxies", index
            ) from None
    host = table.text("host", "127.0.0.1")
    if re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", host) is None:
        raise table.error("give an IP address or a host name, without port", "host")
    return Server(host, table.integer("port", 8080, 1, 65_535), tuple(proxies))
