"""A page and what is expected of it -> findings. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from donations.page_matches import Kind, find_matches
from donations.tamper.finding import ALARMS, Finding, What
from donations.tamper.imitation import imitations
from donations.tamper.links import joined, read_payment, told
from donations.tamper.outside import look_around
from donations.tamper.zones import read_zones

if TYPE_CHECKING:
    from donations.tamper.expectation import Expectation
    from donations.tamper.zones import Part, Placed, Zones

_MOST = 20
_FORBIDDEN = frozenset((
    "applet", "area", "audio", "base", "canvas", "embed", "foreignobject", "form",
    "frame", "iframe", "image", "img", "link", "map", "math", "meta", "noscript", "object",
    "picture", "portal", "script", "select", "textarea", "use", "video",
))  # fmt: skip
_PAPER = re.compile(r"M0 0h(\d+)v\1H0z")


def inspect(source: str, url: str, expectation: Expectation) -> tuple[Finding, ...]:
    """What is wrong on the page that came from ``url``, alarms first; at most twenty findings."""
    zones = read_zones(source)
    base = _base(zones, url)
    found = [finding for part in zones.widgets for finding in _look_inside(part, base, expectation)]
    found += look_around(zones, base, expectation, healthy=not found and not zones.hidden)
    if zones.hidden:
        found.append(Finding(What.HIDDEN, None, "the page's own style hides it from readers"))
    ranked = sorted(dict.fromkeys(found), key=lambda one: one.what not in ALARMS)
    return tuple(ranked[:_MOST])


def _base(zones: Zones, url: str) -> str:
    """What relative addresses are relative to: the first <base> with an address."""
    for part in (zones.around, *zones.widgets):
        for placed in part.tags:
            if placed.tag.name == "base" and not placed.tag.closing and placed.tag.get("href"):
                return joined(url, placed.tag.get("href"))
    return url


def _look_inside(part: Part, base: str, expectation: Expectation) -> list[Finding]:
    found = _addresses(part, base, expectation)
    for placed in part.tags:
        tag = placed.tag
        if tag.name == "donation-widget":
            where = joined(base, tag.get("src"))
            if tag.get("src") and where not in expectation.widgets:
                found.append(Finding(What.SERVICE, placed.line, f"it asks {told(where)}"))
        elif tag.name in _FORBIDDEN:
            found.append(
                Finding(What.INSERTED, placed.line, f"a <{tag.name}> that embed does not print")
            )
        if any(name.startswith("on") for name in tag.attributes):
            found.append(Finding(What.SCRIPT, placed.line, f"a <{tag.name}> runs a program"))
        for name in ("href", "xlink:href", "formaction", "action"):
            if tag.get(name):
                found += _link(placed, tag.get(name), base, expectation)
        if tag.name == "path" and not _is_known(tag.get("d"), expectation):
            found.append(Finding(What.CODE, placed.line, "a drawn code is not one of yours"))
    return found


def _is_known(path: str, expectation: Expectation) -> bool:
    return path in expectation.paths or _PAPER.fullmatch(path) is not None


def _wanted(part: Part, base: str, expectation: Expectation) -> frozenset[tuple[str, str]]:
    """The addresses of the widget that this is."""
    tags = (placed.tag for placed in part.tags if placed.tag.name == "donation-widget")
    places = (joined(base, tag.get("src")) for tag in tags)
    known = (expectation.widgets[place] for place in places if place in expectation.widgets)
    return next(known, expectation.addresses)


def _addresses(part: Part, base: str, expectation: Expectation) -> list[Finding]:
    """Inside the widget every address is the author's, and all of them are there."""
    found, seen = [], set()
    for match in find_matches(part.page, quiet=True):
        read = expectation.read(match.chain, match.text)
        if read is None:
            if match.reports and match.place.kind is Kind.TEXT:
                detail = f"{match.text} is no address; embed prints none like it"
                found.append(Finding(What.IMITATION, match.place.line, detail))
        elif read[1]:
            seen.add(read[0])
        else:
            detail = f"{match.text} is not in the configuration"
            found.append(Finding(What.FOREIGN_ADDRESS, match.place.line, detail))
    for offset, text in imitations(part.page.text, expectation):
        detail = f"letters of other alphabets imitate {text}"
        found.append(Finding(What.IMITATION, part.page.spot(offset).line, detail))
    for chain, address in sorted(_wanted(part, base, expectation)):
        if address not in seen:
            detail = f"{address} ({chain}) does not stand in the widget: paste it anew"
            found.append(Finding(What.INCOMPLETE, None, detail))
    return found


def _link(placed: Placed, href: str, base: str, expectation: Expectation) -> list[Finding]:
    bits = placed.tag.get("data-qr")
    payment = read_payment(href, expectation)
    if payment is None:
        where = joined(base, href)
        found = []
        if expectation.home is None or not where.startswith(expectation.home):
            found.append(Finding(What.LINK, placed.line, f"a link leads to {told(where)}"))
        if bits:
            found.append(Finding(What.CODE, placed.line, "a code belongs to no payment link"))
        return found
    found = []
    if not payment.own or payment.twist:
        why = payment.twist or f"it pays {payment.address or 'nobody that can be read'}"
        found.append(Finding(What.PAYMENT_LINK, placed.line, f"{told(href)}: {why}"))
    if bits and expectation.codes.get(bits) != payment.address:
        found.append(Finding(What.CODE, placed.line, "the code is not that of the link"))
    said = expectation.read(payment.chain, placed.said)
    if (bits and said is None) or (said is not None and said[0] != payment.address):
        found.append(
            Finding(What.PAYMENT_LINK, placed.line, "the words of the link are not its address")
        )
    return found
