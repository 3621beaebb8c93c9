"""What the author is told, as an Atom feed (RFC 4287) whose address is a secret."""

from __future__ import annotations

import hmac
import uuid
from hashlib import sha256
from string import Template
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from donations.web import policy
from donations.web.feed import FIRST_MOMENT, moment
from donations.web.markup import Html, clean, escape, fill, join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "/events/{secret}.atom"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://www.rfc-editor.org/rfc/rfc4287#told")
_FEED = Template(
    """\
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="$lang">
<id>$id</id>
<title>$title</title>
<updated>$updated</updated>
<author><name>donations</name></author>
$entries</feed>
"""
)
_ENTRY = Template(
    """\
<entry><id>$id</id><title>$title</title><updated>$time</updated><published>$time</published>
<content type="text">$text</content></entry>
"""
)


class Item(Protocol):
    """One entry: ``id`` names it for ever, ``at`` is in Unix seconds."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def at(self) -> int: ...


def write(items: Sequence[Item], name: str, title: str, language: str) -> bytes:
    """The feed with these entries, the newest first. It says nothing of where it is."""
    return fill(
        _FEED,
        lang=language,
        id=_identity("feed", name),
        title=clean(f"{title} – donations" if title.strip() else "donations"),
        updated=moment(max((item.at for item in items), default=FIRST_MOMENT)),
        entries=join([_entry(item) for item in items]),
    ).encode()


def _entry(item: Item) -> Html:
    lines = [escape(line) for line in item.text.splitlines()]
    return fill(
        _ENTRY,
        id=_identity("event", item.id),
        title=item.title,
        time=moment(item.at),
        text=Html("\n".join(lines)),
    )


def _identity(*parts: str) -> str:
    return uuid.uuid5(_NAMESPACE, "\n".join(parts)).urn


class SecretFeeds:
    """The feeds by the secrets in their addresses: bytes made ready, and no query when asked."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """``secrets`` by name of the feed."""
        self._digests = {name: _digest(secret) for name, secret in secrets.items()}
        self._bodies: dict[str, bytes] = {}

    def publish(self, name: str, language: str, title: str, items: Sequence[Item]) -> None:
        """This is what the feed says from now on, the newest first."""
        self._bodies[name] = write(items, name, title, language)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        given, found = _digest(request.match_info["secret"]), None
        # All of them, each in constant time: how long it takes tells nothing of a secret.
        for name, digest in self._digests.items():
            if hmac.compare_digest(given, digest):
                found = name
        if found is None or found not in self._bodies:
            raise web.HTTPNotFound
        return web.Response(body=self._bodies[found], headers=policy.SECRET_FEED)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
