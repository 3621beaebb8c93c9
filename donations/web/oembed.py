"""The oEmbed provider (oembed.com, version 1.0): a reader pastes the hosted page's address.

WordPress asks once a day and shows the iframe of a provider it does not know in a sandbox: scripts
run, but there is no storage, no clipboard API and no link that leaves. So the answer holds no
number, one iframe of fixed height, and the frame of ``/sandboxed`` has no wallet links.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from donations.web import policy
from donations.web.markup import clean, fill
from donations.web.prepared import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

HEADERS = {**policy.SNAPSHOT, "Cache-Control": "public, max-age=3600"}
# Pixels: the card with a goal and three gifts, and under it the address of the hosted page.
WIDTH, WIDE = 600, 540
HEIGHT_WIDE, HEIGHT_NARROW = 680, 960

_PIXELS = re.compile(r"[0-9]{1,5}")
_FRAME = Template(
    '<iframe src="${home}sandboxed?lang=$lang" width="$width" height="$height" title="$title" '
    'frameborder="0"></iframe>'
)


class Refused(Exception):
    """A request that gets ``status``: 400 malformed, 404 not ours, 501 a format we do not have."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Provider:
    """Answers for one hosted page. ``titles`` are the languages with the page's title in each."""

    home: str
    titles: tuple[tuple[str, str], ...]
    default: str
    more: int = 0  # pixels of height, for a long goal

    def answer(self, query: Mapping[str, str]) -> Prepared:
        """The answer to the query of a request. Raises Refused."""
        if query.get("format", "json") != "json":
            raise Refused(501)
        if "url" not in query:
            raise Refused(400)
        language = self._language(query["url"])
        width = min(_pixels(query, "maxwidth", WIDTH), WIDTH)
        fitting = (HEIGHT_WIDE if width >= WIDE else HEIGHT_NARROW) + self.more
        height = min(_pixels(query, "maxheight", fitting), fitting)
        return _write(self.home, dict(self.titles)[language], language, width, height)

    def _language(self, url: str) -> str:
        """The language the pasted address asks for; Refused(404) unless it is our page's."""
        known = [tag for tag, _ in self.titles]
        try:
            parts, ours = urlsplit(url), urlsplit(self.home)
            words = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=4)
            same = (parts.scheme, parts.hostname, parts.port) == (
                ours.scheme, ours.hostname, ours.port,
            )  # fmt: skip
        except ValueError:
            raise Refused(404) from None
        path = parts.path in (ours.path, ours.path.rstrip("/"))
        if not (same and path and url.isascii() and url.isprintable()) or "@" in parts.netloc:
            raise Refused(404)
        return _asked(words, known, self.default)


def _asked(words: list[tuple[str, str]], known: Collection[str], default: str) -> str:
    if not words:
        return default
    (name, language), *more = words
    if more or name != "lang" or language not in known:
        raise Refused(404)
    return language


def _pixels(query: Mapping[str, str], name: str, default: int) -> int:
    """A size in pixels."""
    text = query.get(name)
    if text is None:
        return default
    if _PIXELS.fullmatch(text) is None or int(text) == 0:
        raise Refused(400)
    return int(text)


@lru_cache(maxsize=256)
def _write(home: str, title: str, language: str, width: int, height: int) -> Prepared:
    frame = fill(_FRAME, home=home, lang=language, width=width, height=height, title=title)
    document = {
        "version": "1.0",
        "type": "rich",
        "title": clean(title),
        "provider_name": clean(title),
        "provider_url": home,
        "cache_age": 86_400,
        "width": width,
        "height": height,
        "html": str(frame),
    }
    return prepare((json.dumps(document) + "\n").encode("ascii"), HEADERS)
