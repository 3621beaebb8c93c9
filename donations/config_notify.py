"""The tables ``[[notify]]``: to whom the author wants news sent, one table a channel."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from donations.announcements import Type
from donations.public_web import is_public

if TYPE_CHECKING:
    from collections.abc import Iterable
    from urllib.parse import SplitResult

    from donations.config_file import Table

_KEYS = ("name", "kind", "url", "secret", "from", "to", "events", "language")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,39}")
# RFC 5321, the common part: what is put into a header and an envelope can hold no other line.
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_FEED_SECRET = re.compile(r"[A-Za-z0-9_-]{22,128}")
_MOST = 20
LANGUAGES = ("en", "fr")


class Way(StrEnum):
    """How a channel reaches the author."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    APPRISE = "apprise"
    ATOM = "atom"


# The keys of each beside name, kind, events and language; all of them are needed.
_NEEDED = {
    Way.WEBHOOK: ("url", "secret"),
    Way.EMAIL: ("url", "from", "to"),
    Way.APPRISE: ("url",),
    Way.ATOM: ("secret",),
}
_EVENTS = frozenset(Type) - {Type.TEST, Type.DIGEST}
# One message a gift for people. What contradicts it later comes without being asked for.
_FOR_PEOPLE = _EVENTS - {
    Type.SEEN, Type.FINAL, Type.REORGED, Type.DROPPED, Type.REPLACED, Type.OWN
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One ``[[notify]]``. ``url`` and ``secrets`` are shown to nobody.

    ``secrets`` are, of a webhook, the keys that sign: two while receivers change from one to the
    other; of a feed, the one word that its address holds.
    """

    name: str
    way: Way
    events: frozenset[Type]
    language: str
    url: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    sender: str = ""
    recipient: str = ""

    @property
    def mark(self) -> str:
        """Stands for these settings, and tells nothing of them.

        So short that a password cannot be guessed from it: too many would fit.
        """
        parts = (self.way, self.url, *self.secrets, self.sender, self.recipient)
        return sha256("\n".join(parts).encode()).hexdigest()[:6]


def read_channels(root: Table, language: str) -> tuple[ChannelSettings, ...]:
    """All ``[[notify]]`` tables. Raises ConfigError."""
    tables = root.texts_or_tables("notify", _KEYS)
    if len(tables) > _MOST:
        raise root.error(f"at most {_MOST} channels are told", "notify")
    found: dict[str, ChannelSettings] = {}
    for index, table in enumerate(tables):
        if isinstance(table, str):
            raise root.error("a channel is a table: [[notify]] kind = ...", "notify", index)
        channel = _channel(table, language if language in LANGUAGES else LANGUAGES[0])
        if channel.name in found:
            raise table.error("another channel has this name: give each its own", "name")
        found[channel.name] = channel
    return tuple(found.values())


def _channel(table: Table, language: str) -> ChannelSettings:
    kinds = [way.value for way in Way]
    kind = table.text("kind", "")
    if kind not in kinds:
        raise table.error(f"there are these kinds: {', '.join(kinds)}", "kind")
    way = Way(kind)
    for key in _NEEDED[way]:
        if key not in table:
            raise table.error(f"{_article(way)} needs {key} = {_EXAMPLES[way, key]}")
    for key in table:
        if key not in ("name", "kind", "events", "language", *_NEEDED[way]):
            raise table.error(f"{_article(way)} has no such key", key)
    language = table.text("language", language)
    if language not in LANGUAGES:
        raise table.error(f"the words are there in {' and '.join(LANGUAGES)}", "language")
    return ChannelSettings(
        name=_name(table, kind),
        way=way,
        events=_events(table, way),
        language=language,
        url=_url(table, way) if "url" in table else "",
        secrets=_secrets(table, way) if "secret" in table else (),
        sender=_mailbox(table, "from") if "from" in table else "",
        recipient=_mailbox(table, "to") if "to" in table else "",
    )


_EXAMPLES = {
    (Way.WEBHOOK, "url"): '"https://..."',
    (Way.WEBHOOK, "secret"): '{ env = "WEBHOOK_SECRET" }',
    (Way.EMAIL, "url"): '{ env = "SMTP_URL" }, as smtp://user:password@mail.example.org:587',
    (Way.EMAIL, "from"): '"donations@blog.example"',
    (Way.EMAIL, "to"): '"me@blog.example"',
    (Way.APPRISE, "url"): '{ env = "APPRISE_URL" }',
    (Way.ATOM, "secret"): '{ env = "FEED_SECRET" }',
}


def _article(way: Way) -> str:
    names = {Way.WEBHOOK: "a webhook", Way.EMAIL: "a channel by e-mail", Way.ATOM: "a feed"}
    return names.get(way, "a channel through Apprise")


def _name(table: Table, kind: str) -> str:
    name = table.text("name", kind)
    if _NAME.fullmatch(name) is None:
        raise table.error("a name is up to 40 plain letters, digits, spaces and . _ -", "name")
    return name


def _events(table: Table, way: Way) -> frozenset[Type]:
    if "events" not in table:
        return _FOR_PEOPLE if way in (Way.EMAIL, Way.APPRISE) else _EVENTS
    known = {event.value: event for event in sorted(_EVENTS)}
    found = set()
    for index, text in enumerate(table.texts("events")):
        if text not in known:
            raise table.error(f"there are these events: {', '.join(known)}", "events", index)
        found.add(known[text])
    if not found:
        raise table.error("without any event nothing is ever sent; leave the key out", "events")
    return frozenset(found)


def _url(table: Table, way: Way) -> str:
    url = table.text("url", "")
    reason = _wrong(url, way)
    # Outside any handler, and without a part of the URL: it is a secret.
    if reason is not None:
        raise table.error(reason, "url")
    return url


def _wrong(url: str, way: Way) -> str | None:
    if not (url.isascii() and url.isprintable()) or re.search(r"[\s\"'<>\\]", url):
        return "the URL holds a character that belongs in none"
    try:
        parts = urlsplit(url)
        valid = parts.port != 0
    except ValueError:
        return "this is not a URL"
    if way is Way.APPRISE:
        return None if parts.scheme and "://" in url else "write it as Apprise does: ntfy://..."
    if not (parts.hostname and valid):
        return "the URL names no host"
    return _wrong_webhook(parts) if way is Way.WEBHOOK else _wrong_mail_server(parts)


def _wrong_webhook(parts: SplitResult) -> str | None:
    if "@" in parts.netloc or parts.fragment:
        return "leave out what stands before @ or behind #: requests are signed"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_spelled_private(parts)):
        return None
    if parts.scheme == "http":
        return "https, please; http only to an address of your own that stands here in numbers"
    return "write it as https://..."


def _is_spelled_private(parts: SplitResult) -> bool:
    """Whether a URL names, in numbers or as localhost, an address of the author's own."""
    host = parts.hostname or ""
    try:
        return not is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        return host == "localhost"


def _wrong_mail_server(parts: SplitResult) -> str | None:
    if parts.scheme not in ("smtp", "smtps") or parts.path.strip("/") or parts.query:
        return "write it as smtp://user:password@host:587 or smtps://user:password@host:465"
    words = [unquote(word) for word in (parts.username or "", parts.password or "")]
    if not all(word.isascii() and (word.isprintable() or not word) for word in words):
        return "the name or the password holds a character that mail servers do not take"
    return (
        None if (parts.username is None) == (parts.password is None) else "no password stands here"
    )


def _secrets(table: Table, way: Way) -> tuple[str, ...]:
    secrets = table.texts("secret")
    most = 2 if way is Way.WEBHOOK else 1
    if not 1 <= len(secrets) <= most:
        raise table.error("one secret, or two while they are changed" if most == 2 else
                          "a feed has one secret", "secret")  # fmt: skip
    for index, secret in enumerate(secrets):
        reason = _wrong_key(secret) if way is Way.WEBHOOK else _wrong_word(secret)
        if reason is not None:
            raise table.error(reason, "secret", index)
    return secrets


def _wrong_key(secret: str) -> str | None:
    """Standard Webhooks: "whsec_" and 24 to 64 random bytes in base64."""
    form = "a secret is whsec_ and 24 to 64 random bytes in base64, as of " \
        "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""  # fmt: skip
    if not secret.startswith("whsec_"):
        return form
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    return None if 24 <= len(key) <= 64 else form


def _wrong_word(secret: str) -> str | None:
    if _FEED_SECRET.fullmatch(secret) and len(set(secret)) >= 8:
        return None
    return "a secret is 22 to 128 random letters and digits, as of: openssl rand -hex 24"


def _mailbox(table: Table, key: str) -> str:
    mailbox = table.text(key, "")
    if _MAILBOX.fullmatch(mailbox) is None:
        raise table.error("write one plain address, as me@blog.example", key)
    return mailbox


def feed_secrets(channels: Iterable[ChannelSettings]) -> dict[str, str]:
    """What the addresses of the feeds hold, by name of the feed."""
    return {each.name: each.secrets[0] for each in channels if each.way is Way.ATOM}
