"""What stands around the widget: scripts, frames, and addresses that are not the author's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.page_matches import Kind, find_matches
from donations.tamper.finding import Finding, What
from donations.tamper.imitation import imitations
from donations.tamper.links import joined, read_payment, told
from donations.tamper.zones import WIDGET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.tamper.expectation import Expectation
    from donations.tamper.zones import Placed, Zones

# Characters of visible text from the widget, or from an address of the author's own.
_NEAR = 600
_BESIDE = 60
_OUR_SCRIPT = re.compile(r"widget\.[0-9a-f]{16}\.js")
_OUR_FRAME = re.compile(r"/(?:frame|sandboxed)$")
_OUR_CODE = re.compile(r"/qr/(?:btc|bch|eth)/")
_FORWARD = re.compile(r"[\d.\s]*[;,]?\s*(?:url\s*=)?\s*['\"]?([^'\"]+)", re.IGNORECASE)
_LONG_WORD = re.compile(r"[0-9A-Za-z:]{26,}")
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_CSS_JOINT = re.compile(r"\"\s*\"|'\s*'|\"\s*'|'\s*\"|\\\n")
# A program with a foreign address that also names one of these is about the widget.
_OUR_WORDS = (WIDGET, "data-qr", "clipboard", "bitcoin:", "bitcoincash:", "ethereum:")


def look_around(
    zones: Zones, base: str, expectation: Expectation, *, healthy: bool
) -> list[Finding]:
    """Findings outside the widgets; ``healthy`` says that nothing is wrong inside them."""
    elements = _Elements(zones, base, expectation)
    elements.look()
    marks = [*zones.marks, *elements.frames]
    found = [*elements.found, *_scripts(zones, base, expectation)]
    found += _addresses(zones, marks, expectation, healthy=healthy and bool(marks))
    if not marks and expectation.home is not None:
        found.append(Finding(What.LOST, None, "the page does not hold what embed prints"))
    return found


class _Elements:
    """Frames, links, pictures and forwardings. ``frames`` are the places of our own frames."""

    def __init__(self, zones: Zones, base: str, expectation: Expectation) -> None:
        self.found: list[Finding] = []
        self.frames: list[int] = []
        self._zones, self._base, self._expectation = zones, base, expectation

    def look(self) -> None:
        for placed in self._zones.around.tags:
            tag = placed.tag
            if tag.closing:
                continue
            if tag.name in ("iframe", "frame", "embed", "object"):
                self._frame(placed, joined(self._base, tag.get("src") or tag.get("data")))
            elif tag.name == "img":
                self._picture(placed, joined(self._base, tag.get("src")))
            elif tag.name == "meta" and tag.get("http-equiv").lower() == "refresh":
                self._forwarding(placed, tag.get("content"))
            if tag.get("href") and not placed.in_comments:
                self._payment(placed, tag.get("href"))

    def _frame(self, placed: Placed, url: str) -> None:
        home = self._expectation.home
        if home is None:
            return
        if url.startswith(home):
            self.frames.append(placed.offset)
        elif _OUR_FRAME.search(_path(url)) or _host(url) == _host(home):
            detail = f"it shows {told(url)}, not {home}frame"
            self.found.append(Finding(What.FRAME, placed.line, detail))

    def _picture(self, placed: Placed, url: str) -> None:
        home = self._expectation.home
        if home is None or not _OUR_CODE.search(_path(url)):
            return
        address = _path(url).rpartition("/")[2].rpartition(".")[0]
        own = {own for _, own in self._expectation.addresses}
        if not url.startswith(home) or address not in own:
            detail = f"the picture {told(url)} is not one of yours"
            self.found.append(Finding(What.CODE, placed.line, detail))

    def _forwarding(self, placed: Placed, content: str) -> None:
        target = _FORWARD.fullmatch(content.strip())
        where = joined(self._base, target[1]) if target else self._base
        if target and not target[1].strip().isdigit() and _host(where) != _host(self._base):
            detail = f"readers are sent to {told(where)}"
            self.found.append(Finding(What.REFRESH, placed.line, detail))

    def _payment(self, placed: Placed, href: str) -> None:
        payment = read_payment(href, self._expectation)
        if payment is None or not payment.own:
            return
        said = self._expectation.read(payment.chain, placed.said)
        if payment.twist:
            detail = f"{told(href)}: {payment.twist}"
            self.found.append(Finding(What.PAYMENT_LINK, placed.line, detail))
        elif said is not None and said[0] != payment.address:
            detail = "the words of the link are not its address"
            self.found.append(Finding(What.PAYMENT_LINK, placed.line, detail))


def _scripts(zones: Zones, base: str, expectation: Expectation) -> Iterator[Finding]:
    home, pinned = expectation.home, False
    strangers = []
    for placed in (placed for part in (zones.around, *zones.widgets) for placed in part.tags):
        if placed.tag.name == "style":
            yield from _styled(placed, expectation)
    for placed in zones.around.tags:
        tag = placed.tag
        if tag.name != "script" or tag.closing:
            continue
        yield from _program(placed, expectation)
        if not tag.get("src") or home is None:
            continue
        url = joined(base, tag.get("src"))
        name = _path(url).rpartition("/")[2]
        if url.startswith(home):
            pinned = True
            yield from _own_script(placed, expectation.below(url) or "", expectation)
        elif _OUR_SCRIPT.fullmatch(name) or _hashes(placed) & set(expectation.scripts.values()):
            pinned = True
            detail = f"it comes from {told(url)}, not from {home}"
            yield Finding(What.SCRIPT, placed.line, detail)
        elif any(0 <= placed.offset - mark <= _BESIDE for mark in zones.marks):
            strangers.append((placed, url))
    if zones.marks and not pinned and home is not None:
        if strangers:
            placed, url = strangers[0]
            yield Finding(What.SCRIPT, placed.line, f"{told(url)} stands in the place of yours")
        else:
            yield Finding(What.NO_SCRIPT, None, "readers get the addresses without the card")


def _own_script(placed: Placed, name: str, expectation: Expectation) -> Iterator[Finding]:
    hashes = _hashes(placed)
    if name == "widget.js" and not hashes:
        detail = "paste what embed prints: then the page need not trust the service"
        yield Finding(What.UNPINNED, placed.line, detail)
    elif name == "widget.js":
        known = set(expectation.scripts.values())
        if not hashes <= known:
            yield Finding(What.INTEGRITY, placed.line, "it is not that of any released script")
    elif name not in expectation.scripts:
        detail = f"{name[:60]} was never released"
        yield Finding(What.SCRIPT, placed.line, "".join(c for c in detail if c.isprintable()))
    elif hashes != {expectation.scripts[name]}:
        detail = f"it must be {expectation.scripts[name]} and nothing else"
        yield Finding(What.INTEGRITY, placed.line, detail)


def _hashes(placed: Placed) -> set[str]:
    """The hashes of an integrity attribute, without their options."""
    return {each.partition("?")[0] for each in placed.tag.get("integrity").split()}


def _program(placed: Placed, expectation: Expectation) -> Iterator[Finding]:
    """A script in the page itself that replaces the element, our script or an address."""
    text = placed.said
    if not text:
        return
    if re.search(rf"define\(\s*['\"`]{WIDGET}", text):
        yield Finding(What.SCRIPT, placed.line, f"a program defines <{WIDGET}> anew")
    mapped = placed.tag.get("type").lower() == "importmap"
    if mapped and any(name in text for name in expectation.scripts):
        yield Finding(What.SCRIPT, placed.line, "an import map replaces the widget's script")
    foreign = own = None
    for word in _words(text):
        for chain in expectation.networks:
            read = expectation.own(chain, word)
            if read is not None:
                own, foreign = (word, foreign) if read[1] else (own, foreign or word)
    if foreign and (own or any(each in text for each in _OUR_WORDS)):
        detail = f"a program holds {foreign[:100]}, which is not in the configuration"
        yield Finding(What.SCRIPT, placed.line, detail)


def _styled(placed: Placed, expectation: Expectation) -> Iterator[Finding]:
    """A style sheet can write, in pieces and with escapes of its own (CSS Syntax, 4.3.7)."""
    text = _CSS_ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), placed.said)
    for word in _words(_CSS_JOINT.sub("", text)):
        for chain in expectation.networks:
            read = expectation.own(chain, word)
            if read is not None and not read[1]:
                detail = f"a style sheet writes {word[:100]}"
                yield Finding(What.FOREIGN_ADDRESS, placed.line, detail)


def _words(text: str) -> Iterator[str]:
    for match in _LONG_WORD.finditer(text):
        if len(match[0]) <= 130:
            yield match[0].strip(":")


def _addresses(
    zones: Zones, marks: list[int], expectation: Expectation, *, healthy: bool
) -> Iterator[Finding]:
    """Foreign addresses near the widget, or anywhere as the author's if the widget is unwell.

    A reader's comment may hold any address, unless the widget stands among comments itself.
    """
    page = zones.around.page
    foreign = []
    near = [*marks]
    for match in find_matches(page, quiet=True):
        read = expectation.read(match.chain, match.text)
        excused = match.place.in_comments and not zones.in_comments
        if read is not None and read[1] and not excused:
            near.append(match.offset)
        elif read is not None and not read[1]:
            foreign.append((match, excused))
    for match, excused in foreign:
        place = match.place
        is_near = any(abs(match.offset - mark) <= _NEAR for mark in near)
        offered = place.label is not None or place.kind is Kind.LINK
        in_footer = page.spot(match.offset).in_footer and offered
        detail = f"{match.text} is not in the configuration"
        if not excused and (is_near or in_footer or (offered and not healthy)):
            yield Finding(What.FOREIGN_ADDRESS, place.line, detail)
        elif (not excused and offered) or (excused and is_near):
            yield Finding(What.ELSEWHERE, place.line, detail)
    for offset, text in imitations(page.text, expectation):
        if any(abs(offset - mark) <= _NEAR for mark in near):
            detail = f"letters of other alphabets imitate {text}"
            yield Finding(What.IMITATION, page.spot(offset).line, detail)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
