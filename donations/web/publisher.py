"""Snapshot -> every public answer, ready to be sent. Made on a change, never on a request."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, tzinfo
from string import Template
from typing import TYPE_CHECKING

from donations import qr
from donations.web import policy
from donations.web.assets import Assets, integrity
from donations.web.document import write_document
from donations.web.fragment import FragmentWriter
from donations.web.markup import Html, fill, join
from donations.web.prepared import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from donations.snapshot import Snapshot
    from donations.web.locale import Locale

# Seconds between two editions that differ in nothing but "checked at" and the block number.
AGE_INTERVAL = 60.0

_LANGUAGE = Template('<a href="./?lang=$tag" lang="$tag" hreflang="$tag">$name</a>')


class Publisher:
    """Holds the current edition: (path, language) -> prepared bytes."""

    def __init__(
        self,
        assets: Assets,
        *,
        languages: Iterable[str],
        public_url: str | None = None,
        zone: tzinfo = UTC,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``public_url`` is where readers reach the service, with or without a final slash.

        ``clock`` counts seconds. Raises KeyError for a language without a file in ``locales``.
        """
        self._assets = assets
        self._locales = {tag: assets.locales[tag] for tag in languages}
        self._home = f"{public_url.rstrip('/')}/" if public_url else "./"
        self._zone = zone
        self._clock = clock
        self._lock = threading.Lock()
        self._published: Snapshot | None = None
        self._published_at = 0.0
        self._default = next(iter(self._locales))
        self._scripts = {
            f"/{assets.script_name}": prepare(assets.script, policy.SCRIPT_FOREVER),
            "/widget.js": prepare(assets.script, policy.SCRIPT),
        }
        self._plain: Mapping[str, Prepared] = self._scripts
        self._worded: Mapping[tuple[str, str], Prepared] = {}

    @property
    def published(self) -> Snapshot | None:
        """What the current edition shows; None before the first."""
        return self._published

    def publish(self, snapshot: Snapshot) -> bool:
        """Make a new edition if ``snapshot`` calls for one, and say whether it did.

        Takes some tens of milliseconds, so a running service calls it in a thread: readers get
        the whole old edition or the whole new one.
        """
        with self._lock:
            if self._published is not None:
                if snapshot == self._published:
                    return False
                age = self._clock() - self._published_at
                if _undated(snapshot) == _undated(self._published) and age < AGE_INTERVAL:
                    return False
            plain, worded = self._edition(snapshot)
            self._plain, self._worded = plain, worded
            if snapshot.language in self._locales:
                self._default = snapshot.language
            self._published, self._published_at = snapshot, self._clock()
            return True

    def find(self, path: str, language: str | None = None) -> Prepared | None:
        """The answer for a path; an unknown language gets the default one."""
        worded = self._worded.get((path, language or self._default))
        return worded or self._worded.get((path, self._default)) or self._plain.get(path)

    def _edition(
        self, snapshot: Snapshot
    ) -> tuple[dict[str, Prepared], dict[tuple[str, str], Prepared]]:
        plain = {
            **self._scripts,
            "/snapshot.json": prepare(write_document(snapshot), policy.SNAPSHOT),
        }
        for coin in snapshot.coins:
            name = f"/qr/{coin.chain}/{coin.address}"
            plain[f"{name}.svg"] = self._kept(f"{name}.svg", qr.svg(coin.payment), policy.SVG)
            plain[f"{name}.png"] = self._kept(f"{name}.png", qr.png(coin.payment), policy.PNG)
        worded: dict[tuple[str, str], Prepared] = {}
        for tag, locale in self._locales.items():
            writer = FragmentWriter(self._assets, locale, self._home, self._zone)
            fragment = writer.write(snapshot)
            worded["/fragment", tag] = prepare(fragment.encode(), policy.FRAGMENT)
            worded["/", tag] = self._page(self._assets.page, locale, snapshot, fragment)
            worded["/frame", tag] = self._page(self._assets.frame, locale, snapshot, fragment)
        return plain, worded

    def _kept(self, path: str, body: bytes, headers: Mapping[str, str]) -> Prepared:
        """The answer of the last edition when the bytes are the same, as a code's always are."""
        held = self._plain.get(path)
        if held is not None and held.bodies["identity"] == body:
            return held
        return prepare(body, headers, compress=headers is not policy.PNG)

    def _page(
        self, template: Template, locale: Locale, snapshot: Snapshot, fragment: Html
    ) -> Prepared:
        hosted = template is self._assets.page
        around = self._assets.page_style if hosted else self._assets.frame_style
        style = around + self._assets.style
        others = [each for each in self._locales.values() if each is not locale]
        page = fill(
            template,
            lang=locale.tag,
            title=snapshot.title or locale.say("title"),
            style=Html(style),
            script=self._assets.script_name,
            fragment=fragment,
            home=locale.say("home"),
            about=locale.say("about"),
            languages=join(fill(_LANGUAGE, tag=each.tag, name=each.name) for each in others),
        )
        headers = policy.page if hosted else policy.frame
        return prepare(page.encode(), headers(integrity(style.encode())))


def _undated(snapshot: Snapshot) -> Snapshot:
    """The snapshot without its ages: what is left decides whether something changed."""
    return replace(snapshot, coins=tuple(replace(coin, as_of=None) for coin in snapshot.coins))
