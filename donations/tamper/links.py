"""Addresses of the web and payment links, as browsers and wallets read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from donations.tamper.expectation import Expectation

_SCHEME = re.compile(r"(?:web\+)?(bitcoincash|bitcoin|ethereum|bchtest|bchreg):", re.IGNORECASE)
_BLANKS = re.compile(r"[\x00-\x20]+")
# What a link may say beside the address without leading the payment elsewhere (BIP-21, ERC-681).
_HARMLESS = frozenset({"amount", "label", "message", "value", "gas", "gaslimit", "gasprice"})


def joined(base: str, url: str) -> str:
    """An absolute address; what cannot be one stays as it is."""
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return url


@dataclass(frozen=True, slots=True)
class Payment:
    """Whom a payment link pays; ``twist`` says how it leads elsewhere than to its address."""

    chain: str
    address: str | None
    own: bool
    twist: str | None


def read_payment(url: str, expectation: Expectation) -> Payment | None:
    """A payment link as a wallet reads it: blanks dropped, escapes undone. None for other links."""
    plain = _BLANKS.sub("", url)
    scheme = _SCHEME.match(plain)
    if scheme is None:
        return None
    name = scheme[1].lower()
    chain = {"bitcoin": "btc", "ethereum": "eth"}.get(name, "bch")
    rest = unquote(plain[scheme.end() :]).lstrip("/")
    body, _, query = rest.partition("?")
    target, at, more = body.removeprefix("pay-").partition("@")
    number, slash, call = (more if at else target).partition("/")
    target = target if at else number
    spelled = f"{name}:{target}" if chain == "bch" and target[:1] not in "13" else target
    found = expectation.own(chain, spelled) or expectation.own(chain, target)
    twist = None
    if slash and call:
        twist = "it calls a contract"
    elif at and number != str(getattr(expectation.networks.get(chain), "chain_id", "")):
        twist = "it names another network"
    for part in query.split("&") if query else ():
        key = part.partition("=")[0].lower()
        if key not in _HARMLESS:
            twist = f"its parameter {key[:20]!r} can lead the payment elsewhere"
    return Payment(chain, found[0] if found else None, bool(found and found[1]), twist)


def told(url: str) -> str:
    """An address of the web for one line of a log: short, printable, without its query."""
    try:
        parts = urlsplit(url)
        plain = f"{parts.scheme}:{f'//{parts.netloc}' if parts.netloc else ''}{parts.path}"
    except ValueError:
        plain = url
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in plain[:100]) or "nowhere"
