"""What on a page looks like an address, with its place and the name of the chain beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from donations.labels import label_after, label_before, label_of
from donations.plain import Plain, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.page import Attribute, Page, Spot

_EDGE, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
# Base58 mixes cases: without both it is a number, a word or a hash.
_MIXED = r"(?=[0-9A-Z]*[a-z])(?=[0-9a-z]*[A-Z])"
_BASE58 = re.compile(rf"{_EDGE}{_MIXED}[123mn][0-9A-Za-z]{{25,34}}{_END}")
_BECH32 = re.compile(rf"{_EDGE}(?i:bc|tb|bcrt)1[0-9A-Za-z]{{12,87}}{_END}")
_CASHADDR = re.compile(
    rf"{_EDGE}(?:(?i:bitcoincash|bchtest|bchreg):[0-9A-Za-z]{{38,112}}"
    rf"|(?=[A-Za-z]*[0-9])[qpzrQPZR][0-9A-Za-z]{{41}}){_END}"
)
_ETHEREUM = re.compile(rf"{_EDGE}0[xX][0-9a-fA-F]{{38,42}}{_END}")
_SHAPES = (("btc", _BASE58), ("btc", _BECH32), ("bch", _CASHADDR), ("eth", _ETHEREUM))
_LINK = re.compile(r"\s*(bitcoincash|bitcoin|ethereum):", re.IGNORECASE)
# Attributes that are written for readers or copied by them, where a wrong checksum is worth a word.
_SPOKEN = re.compile(r"href|value|content|alt|title|data-.*")
_TRAILING = 0.75
_AROUND = 40


class Kind(StrEnum):
    """What an address stands in."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    LINK = "payment link"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a page. ``label`` is the chain named beside it ("btc"), None without one.

    ``excerpt`` is empty where the page holds key material: nothing of it is to be repeated.
    """

    line: int
    kind: Kind
    excerpt: str
    label: str | None
    in_footer: bool
    in_comments: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A text that has the look of an address of ``chain``, ``offset`` characters into the page.

    ``reports``: it deserves a word when it turns out to be none.
    """

    chain: str
    text: str
    place: Place
    reports: bool
    offset: int


def find_matches(page: Page, quiet: bool) -> Iterator[Match]:
    """Everything of the right look, in the visible text and in attributes.

    ``quiet``: leave excerpts empty, because something on the page must not be repeated.
    """
    visible = page.text
    for number, view in enumerate(views(visible)):
        spans = [
            (hit.start(), hit.end(), chain, hit.group())
            for chain, shape in _SHAPES
            for hit in shape.finditer(view.text)
        ]
        barrier = 0
        for start, end, chain, text in sorted(spans):
            place = _text_place(page, view, start, end, barrier, quiet)
            yield Match(chain, text, place, number == 0, view.origin(start))
            barrier = end
    for attribute in page.attributes:
        for chain, shape in _SHAPES:
            for hit in shape.finditer(attribute.value):
                yield _attribute_match(page, visible, attribute, chain, hit.group(), quiet)


def _text_place(page: Page, view: Plain, start: int, end: int, barrier: int, quiet: bool) -> Place:
    offset = view.origin(start)
    before = view.text[max(barrier, start - _AROUND) : start].rpartition("\n")[2]
    after = view.text[end : end + _AROUND].partition("\n")[0]
    excerpt = "" if quiet else f"{before}{view.text[start:end]}{after}"
    label = label_before(view.text, start, barrier) or label_after(view.text, end)
    return _place(page, page.spot(offset), offset, Kind.TEXT, excerpt, label)


def _attribute_match(
    page: Page, visible: str, attribute: Attribute, chain: str, text: str, quiet: bool
) -> Match:
    scheme = _LINK.match(attribute.value)
    label = (
        label_of(scheme.group(1) if scheme else attribute.beside)
        or label_before(visible, attribute.offset, 0)
    )  # fmt: skip
    excerpt = "" if quiet else f'{attribute.name}="{attribute.value[: 2 * _AROUND]}"'
    kind = Kind.LINK if scheme else Kind.ATTRIBUTE
    place = _place(page, attribute.spot, attribute.offset, kind, excerpt, label)
    spoken = scheme or (_SPOKEN.fullmatch(attribute.name) and attribute.value == text)
    return Match(chain, text, place, bool(spoken), attribute.offset)


def _place(
    page: Page, spot: Spot, offset: int, kind: Kind, excerpt: str, label: str | None
) -> Place:
    trailing = not spot.in_comments and offset >= page.length * _TRAILING
    return Place(
        line=spot.line,
        kind=kind,
        excerpt=" ".join(excerpt.split()),
        label=label,
        in_footer=spot.in_footer or trailing,
        in_comments=spot.in_comments,
    )
