"""The widgets: ``[widget]`` is the only one, or ``[[widget]]`` each of several.

The first one, or the one without a slug, stands at the root of the service; each other one below
/w/SLUG/. Widgets refer to addresses: one that several show is watched, and counted, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.config_chains import Watched
from donations.config_goals import read_goal
from donations.config_pages import is_page
from donations.config_words import LANGUAGE, read_line, read_matching
from donations.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.config_chains import ChainSettings
    from donations.config_file import Table
    from donations.goals import Terms

DEFAULT = "default"
_KEYS = (
    "slug", "title", "language", "site", "post", "addresses", "accent", "goal", "totals", "gifts",
    "ledger",
)  # fmt: skip
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
# What commands and answers call something else by.
_RESERVED = frozenset({"all", "donations", "none", "together", "w"})
_MOST = 200


@dataclass(frozen=True, slots=True)
class Widget:
    """What readers of one widget see.

    ``site`` and ``post`` (a URL) say where it stands, for totals; "" and None where it is not
    said. ``accent`` is a colour as #rrggbb. ``totals``, ``gifts`` and ``ledger``: whether the sums
    of each coin, the latest gifts, and the list of every single transfer are public.
    """

    slug: str
    title: str  # "" for that of the reader's language
    language: str
    site: str
    post: str | None
    addresses: tuple[Watched, ...]
    accent: str | None
    goal: Terms | None
    totals: bool
    gifts: bool
    ledger: bool


def read_widgets(
    root: Table, chains: Mapping[str, ChainSettings], title: str, language: str, currency: str
) -> tuple[Widget, ...]:
    """At least one, and first the one at the root. Raises ConfigError."""
    tables = root.tables("widget", _KEYS) or (root.table("widget", _KEYS),)
    if len(tables) > _MOST:
        raise root.error(f"at most {_MOST} widgets are served", "widget")
    widgets: dict[str, Widget] = {}
    for table in tables:
        widget = _widget(table, chains, title, language, currency)
        if widget.slug in widgets:
            reason = f'another widget has the slug "{widget.slug}"'
            if "slug" not in table:
                reason = "another widget has no slug: it is the name below which this one is served"
            raise table.error(reason, *(["slug"] if "slug" in table else []))
        widgets[widget.slug] = widget
    first = widgets.pop(DEFAULT, None)
    return (*([first] if first else []), *widgets.values())


def _widget(
    table: Table, chains: Mapping[str, ChainSettings], title: str, language: str, currency: str
) -> Widget:
    accent = table.optional_text("accent")
    if accent is not None and _COLOUR.fullmatch(accent) is None:
        raise table.error('a colour is written like "#b45309"', "accent")
    addresses = _addresses(table, chains)
    totals, gifts = table.boolean("totals", True), table.boolean("gifts", True)
    ledger = table.boolean("ledger", totals and gifts)
    if ledger and not (totals and gifts):
        hidden = "gifts" if totals else "totals"
        raise table.error(f"the ledger lists every gift, and {hidden} = false hides them", "ledger")
    post = _post(table)
    return Widget(
        slug=_slug(table),
        title=read_line(table, "title", title),
        language=read_matching(
            table, "language", language, LANGUAGE, 'a language is written like "fr"'
        ),
        site=_site(table, post),
        post=post,
        addresses=addresses,
        accent=accent,
        goal=read_goal(table, currency, _assets(addresses, chains)),
        totals=totals,
        gifts=gifts,
        ledger=ledger,
    )


def _slug(table: Table) -> str:
    slug = table.text("slug", DEFAULT)
    if _SLUG.fullmatch(slug) is None:
        raise table.error(
            "a slug is at most 40 small letters, digits and hyphens, such as my-post", "slug"
        )
    if slug in _RESERVED:
        raise table.error(f'"{slug}" means something else in commands: choose another', "slug")
    return slug


def _post(table: Table) -> str | None:
    post = table.optional_text("post")
    if post is not None and not is_page(post):
        raise table.error("a post is written like https://blog.example/a-post", "post")
    return post


def _site(table: Table, post: str | None) -> str:
    """As it is given, else the host of the post."""
    host = urlsplit(post).hostname or "" if post else ""
    return read_line(table, "site", host)


def _addresses(table: Table, chains: Mapping[str, ChainSettings]) -> tuple[Watched, ...]:
    """In the order of ``[addresses]``, whatever the order here; all of them by default."""
    every = [Watched(name, a) for name, each in chains.items() for a in each.addresses]
    if "addresses" not in table:
        return tuple(every)
    texts = table.texts("addresses")
    if not texts:
        raise table.error("the list is empty; leave the key out instead", "addresses")
    wanted: dict[Watched, int] = {}
    for index, text in enumerate(texts):
        watched = _watched(table, text, index, chains, every)
        if watched in wanted:
            raise table.error(f"the same as addresses[{wanted[watched]}]", "addresses", index)
        wanted[watched] = index
    return tuple(each for each in every if each in wanted)


def _watched(
    table: Table,
    text: str,
    index: int,
    chains: Mapping[str, ChainSettings],
    every: Sequence[Watched],
) -> Watched:
    found = []
    for name, settings in chains.items():
        try:
            found.append(Watched(name, settings.chain.parse(text, settings.network)))
        except InvalidAddress:
            continue
    # The old form of Bitcoin Cash is an address of Bitcoin, too: that is what it is, unless only
    # the other one is watched.
    watched = [each for each in found if each in every]
    if watched:
        return watched[0]
    near = get_close_matches(text, [each.address for each in every], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    what = "this address is not watched: it must stand in [addresses]"
    raise table.error(f"{what}{hint}", "addresses", index)


def _assets(addresses: Sequence[Watched], chains: Mapping[str, ChainSettings]) -> dict[str, int]:
    """Decimals of what comes in there, by symbol."""
    assets = {}
    for name in dict.fromkeys(each.chain for each in addresses):
        settings = chains[name]
        assets[settings.chain.symbol] = settings.chain.decimals
        assets |= {token.symbol: token.decimals for token in settings.tokens}
    return assets
