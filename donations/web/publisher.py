"""Snapshot -> every public answer, ready to be sent. Made on a change, never on a request."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from string import Template
from typing import TYPE_CHECKING

from donations import qr
from donations.snapshot import Part
from donations.web import policy
from donations.web.assets import Assets, integrity
from donations.web.colour import (
    DARK_PAPER,
    LIGHT_PAPER,
    TEXT_CONTRAST,
    contrast,
    legible,
    themed,
)
from donations.web.document import write_document
from donations.web.forms import PATHS, Forms
from donations.web.fragment import FragmentWriter
from donations.web.goal import HEIGHT_LINE, lines_below
from donations.web.locale import FALLBACK, primary
from donations.web.markup import Html, fill, join
from donations.web.oembed import Provider
from donations.web.prepared import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from donations.signed import Signed
    from donations.snapshot import Snapshot
    from donations.web.locale import Locale

_log = logging.getLogger(__name__)

# Seconds between two editions that differ in nothing but "checked at" and the block number.
AGE_INTERVAL = 60.0

_WORDED = frozenset({"/", "/frame", "/fragment", "/card", "/compact", *PATHS})
_LEDGER = Template('<p><a href="ledger?lang=$tag">$title</a> $gifts</p>')
# The frame tells its height to the page around it, which may listen (donations/web/embed.py).
_RESIZE = (
    "new ResizeObserver(()=>parent.postMessage({donations:document.body.offsetHeight},"
    '"*")).observe(document.body)'
)
_LANGUAGE = Template('<a href="./?lang=$tag" lang="$tag" hreflang="$tag">$name</a>')

_SIGNED = Template(
    '<p><a class="signed" href=".well-known/donations.txt" hreflang="en">$text</a></p>\n'
)


@dataclass(frozen=True, slots=True)
class _Edition:
    """All answers of one snapshot; ``worded`` grows by a language when it is first asked for.

    ``asked`` are the languages that readers wanted of this edition.
    """

    snapshot: Snapshot
    made_at: float
    plain: Mapping[str, Prepared]
    worded: dict[str, Mapping[str, Prepared]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)


class Publisher:
    """Holds the current edition: language and path -> prepared bytes."""

    def __init__(
        self,
        assets: Assets,
        *,
        languages: Iterable[str],
        public_url: str | None = None,
        zone: tzinfo = UTC,
        accent: str | None = None,
        quickly: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``public_url`` is where readers reach the service, with or without a final slash.

        ``accent`` is a colour as #rrggbb; where it would be hard to read it is corrected and the
        log says so. ``quickly``: for one of many widgets, a tenth of the time for a tenth more
        bytes. ``clock`` counts seconds. Raises KeyError for a language without a file in
        ``locales``.
        """
        self._assets = assets
        self._locales = {tag: assets.locales[tag] for tag in languages}
        self._home = f"{public_url.rstrip('/')}/" if public_url else "./"
        self._known = self._home if public_url else None
        self._zone = zone
        self._accent = _checked(accent) if accent else ""
        self._prepare = partial(prepare, quickly=quickly)
        self._forms = Forms(
            assets, self._locales, self._prepare, home=self._known, zone=zone, accent=self._accent
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._making = threading.Lock()  # one language at a time
        self._default = FALLBACK if FALLBACK in self._locales else next(iter(self._locales))
        kept = {**assets.released, assets.script_name: assets.script}
        self._scripts = {
            "/widget.js": _script(assets.script),
            **{f"/{name}": _script(body, for_ever=True) for name, body in kept.items()},
        }
        self._edition: _Edition | None = None

    @property
    def published(self) -> Snapshot | None:
        """What the current edition shows; None before the first."""
        return self._edition.snapshot if self._edition else None

    def publish(self, snapshot: Snapshot) -> bool:
        """Make a new edition if ``snapshot`` calls for one, and say whether it did.

        Takes a tenth of a second for each language that readers use, so a running service calls
        it in a thread: readers get the whole old edition or the whole new one.
        """
        with self._lock:
            held = self._edition
            if held is not None:
                if snapshot == held.snapshot:
                    return False
                age = self._clock() - held.made_at
                if _undated(snapshot) == _undated(held.snapshot) and age < AGE_INTERVAL:
                    return False
            self._default = self._language(snapshot.language)
            edition = _Edition(snapshot, self._clock(), self._plain(snapshot, held))
            for tag in sorted({self._default, *(held.asked if held else ())}):
                edition.worded[tag] = self._worded(snapshot, tag)
            self._edition = edition
            return True

    def find(self, path: str, language: str | None = None) -> Prepared | None:
        """The answer for a path; an unknown language gets the default one.

        A language is made when it is first asked for, and again with each edition as long as
        readers ask; making it takes a third of a second, see `ready`.
        """
        edition = self._edition
        if edition is None:
            return self._scripts.get(path)
        if path not in _WORDED:
            return edition.plain.get(path)
        tag = self._language(language)
        edition.asked.add(tag)
        if tag not in edition.worded:
            with self._making:
                if tag not in edition.worded:
                    edition.worded[tag] = self._worded(edition.snapshot, tag)
        return edition.worded[tag].get(path)

    def ready(self, language: str | None) -> bool:
        """Whether `find` answers in this language at once; else it belongs in a thread."""
        edition = self._edition
        return edition is None or self._language(language) in edition.worded

    def _language(self, wish: str | None) -> str:
        tag = primary(wish)
        return tag if tag in self._locales else self._default

    @property
    def provider(self) -> Provider | None:
        """Who answers oEmbed; None while the hosted page's address is not known."""
        edition = self._edition
        if edition is None or self._known is None:
            return None
        titles = tuple(
            (tag, edition.snapshot.title or locale.say("title"))
            for tag, locale in self._locales.items()
        )
        more = HEIGHT_LINE * lines_below(edition.snapshot.goal)
        return Provider(self._known, titles, self._default, more)

    def _plain(self, snapshot: Snapshot, held: _Edition | None) -> dict[str, Prepared]:
        plain = {
            **self._scripts,
            "/snapshot.json": self._prepare(write_document(snapshot), policy.SNAPSHOT),
        }
        for coin in snapshot.coins:
            name = f"/qr/{coin.chain}/{coin.address}"
            for path, body, headers in (
                (f"{name}.svg", qr.svg(coin.payment), policy.SVG),
                (f"{name}.png", qr.png(coin.payment), policy.PNG),
            ):
                before = held.plain.get(path) if held else None
                if before is None or before.bodies["identity"] != body:
                    before = prepare(body, headers, compress=headers is not policy.PNG)
                plain[path] = before
        return plain

    def _worded(self, snapshot: Snapshot, tag: str) -> dict[str, Prepared]:
        locale = self._locales[tag]
        writer = FragmentWriter(self._assets, locale, self._home, self._zone, self._accent)
        fragment = writer.write(snapshot)
        pieces = {
            "/fragment": fragment,
            "/card": writer.write(snapshot, drawn=False),
            "/compact": writer.write(snapshot, drawn=False, compact=True),
        }
        return {
            "/": self._page(self._assets.page, locale, snapshot, fragment),
            "/frame": self._page(self._assets.frame, locale, snapshot, fragment),
            **{
                path: self._prepare(each.encode(), policy.FRAGMENT) for path, each in pieces.items()
            },
            **self._forms.write(locale, snapshot, fragment),
        }

    def _page(
        self, template: Template, locale: Locale, snapshot: Snapshot, fragment: Html
    ) -> Prepared:
        hosted = template is self._assets.page
        around = self._assets.page_style if hosted else self._assets.frame_style
        style = around + self._forms.style
        others = [each for each in self._locales.values() if each is not locale]
        page = fill(
            template,
            lang=locale.tag,
            dir=locale.direction,
            title=snapshot.title or locale.say("title"),
            style=Html(style),
            script=self._assets.script_name,
            resize=Html(_RESIZE),
            fragment=fragment,
            head=self._forms.head(locale, snapshot),
            home=locale.say("home"),
            about=locale.say("about"),
            thanks=locale.say("thanks_title"),
            ledger=_ledger(locale, snapshot),
            signed=_signed(locale, snapshot.signed) if snapshot.signed else Html(),
            languages=join(fill(_LANGUAGE, tag=each.tag, name=each.name) for each in others),
        )
        known = integrity(style.encode())
        headers = policy.page(known) if hosted else policy.frame(known, integrity(_RESIZE.encode()))
        return self._prepare(page.encode(), headers)


@lru_cache(maxsize=64)
def _script(body: bytes, *, for_ever: bool = False) -> Prepared:
    """All widgets have the same ones."""
    return prepare(body, policy.SCRIPT_FOREVER if for_ever else policy.SCRIPT)


def _ledger(locale: Locale, snapshot: Snapshot) -> Html:
    """The way to the list of all transfers; how many are proven, once all addresses are known."""
    established = snapshot.established
    if established is None or Part.LEDGER in snapshot.hidden:
        return Html()
    known = all(coin.as_of is not None for coin in snapshot.coins)
    gifts = locale.count("gifts", established.gifts) if known else Html()
    if known and established.proven:
        count = locale.whole(established.proven)
        gifts = join([gifts, Html(", "), locale.say("ledger_gifts_proven", count=count)])
    return fill(_LEDGER, tag=locale.tag, title=locale.say("ledger_title"), gifts=gifts)


def _checked(accent: str) -> str:
    """The accent for both themes; a warning tells the author what had to change."""
    for paper, theme in ((LIGHT_PAPER, "light"), (DARK_PAPER, "dark")):
        shade = legible(accent, paper)
        if shade != accent.lower():
            _log.warning(
                "accent %s has a contrast of %.1f to 1 on the %s card, less than %.1f: %s is shown",
                accent,
                contrast(accent, paper),
                theme,
                TEXT_CONTRAST,
                shade,
            )
    return themed(accent)


def _signed(locale: Locale, signed: Signed) -> Html:
    day = locale.date(int(datetime.fromisoformat(signed.day).replace(tzinfo=UTC).timestamp()), UTC)
    return fill(_SIGNED, text=locale.say("signed", date=day, by=", ".join(signed.by)))


def _undated(snapshot: Snapshot) -> Snapshot:
    """The snapshot without its ages: what is left decides whether something changed."""
    return replace(snapshot, coins=tuple(replace(coin, as_of=None) for coin in snapshot.coins))
