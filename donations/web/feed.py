"""The latest gifts as an Atom feed (RFC 4287).

A feed reader keeps what it once saw, so only what is in a block is told. An entry says the same for
ever: its identity comes from the transaction, not from where the service is or in which language
it is read.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, tzinfo
from string import Template
from typing import TYPE_CHECKING

from donations.snapshot import Gift, Snapshot, Stage
from donations.web.markup import Html, clean, escape, fill, join

if TYPE_CHECKING:
    from donations.web.locale import Locale

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://www.rfc-editor.org/rfc/rfc4287#donations")
# A feed without entries must still be dated: before the first block of Bitcoin nothing was given.
FIRST_MOMENT = 1_231_006_505

_FEED = Template(
    """\
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="$lang">
<id>$id</id>
<title>$title</title>
<updated>$updated</updated>
<author><name>$author</name></author>
<link rel="self" type="application/atom+xml" href="$home${path}"/>
<link rel="alternate" type="text/html" href="$home?lang=$lang"/>
$entries</feed>
"""
)
_ENTRY = Template(
    """\
<entry><id>$id</id><title>$amount</title><updated>$time</updated><published>$time</published>
<link rel="alternate" type="text/html" href="$home?lang=$lang"/>
<content type="text">$amount · $coin · $date</content></entry>
"""
)


def write_feed(locale: Locale, snapshot: Snapshot, home: str, zone: tzinfo = UTC) -> bytes:
    """The feed in one language. ``home`` is the hosted page, absolute when that is known."""
    gifts = [gift for gift in snapshot.gifts if gift.stage is not Stage.PENDING]
    title = clean(snapshot.title).strip() or locale.say("title")
    addresses = " ".join(sorted(coin.address for coin in snapshot.coins))
    return fill(
        _FEED,
        lang=locale.tag,
        id=_identity("feed", snapshot.slug, addresses, locale.tag),
        title=join([escape(title), Html(" – "), locale.say("latest")]),
        author=title,
        updated=moment(max((gift.time for gift in gifts), default=FIRST_MOMENT)),
        home=home,
        path=f"feed.atom?lang={locale.tag}",
        entries=join([_entry(locale, snapshot, gift, home, zone) for gift in gifts]),
    ).encode("utf-8")


def _entry(locale: Locale, snapshot: Snapshot, gift: Gift, home: str, zone: tzinfo) -> Html:
    names = {coin.chain: coin.title for coin in snapshot.coins}
    return fill(
        _ENTRY,
        id=_identity("gift", gift.chain, gift.symbol, gift.id),
        amount=locale.amount(gift.units, gift.decimals, gift.symbol),
        time=moment(gift.time),
        home=home,
        lang=locale.tag,
        coin=names.get(gift.chain, gift.chain),
        date=locale.date(gift.time, zone),
    )


def _identity(*parts: str) -> str:
    """A name that is the same wherever and whenever it is made (RFC 9562, version 5)."""
    return uuid.uuid5(_NAMESPACE, "\n".join(parts)).urn


def moment(at: int) -> str:
    """Unix seconds as feeds write them (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
