"""A page as a reader sees it: its text in one piece, its attributes, and where each of them stands.

Tags inside a line join what they surround (an address with a <b> in it is one address), those of
blocks part it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HTML = re.compile(r"<(?:!doctype\b|/?[a-z][a-z0-9]{0,20}(?:\s[^<>]{0,4096})?/?>)", re.IGNORECASE)
# A "<" whose ">" is farther away begins no tag.
_MAX_TAG = 16_384
_TAG = re.compile(r"</?[a-zA-Z]|<!doctype", re.IGNORECASE)
INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
))  # fmt: skip
UNSEEN = frozenset({"script", "style", "template"})
# Longer ones are pictures and programs.
_MAX_ATTRIBUTE = 4096
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?=-|$)")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands: the line of the source (from 1), and inside which part of it."""

    line: int
    in_footer: bool = False
    in_comments: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a tag, its ``value`` without white space around it.

    ``beside`` holds the values of all attributes of the tag, ``offset`` is where the tag stands in
    the visible text.
    """

    name: str
    value: str
    beside: str
    offset: int
    spot: Spot


@dataclass(slots=True)
class Page:
    """``text`` is what a reader sees; ``spot`` says where a character of it came from."""

    title: str | None = None
    language: str | None = None
    attributes: list[Attribute] = field(default_factory=list)
    length: int = 0
    _pieces: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _spots: list[Spot] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All visible text; a line break parts what stands in different blocks."""
        return "".join(self._pieces)

    def spot(self, offset: int) -> Spot:
        """Where the character at ``offset`` of the text stands in the source."""
        return self._spots[bisect_right(self._starts, offset) - 1] if self._spots else Spot(1)

    def part(self, *, in_comments: bool) -> Page:
        """The text of the readers' comments alone, or of all but them."""
        part = Page()
        for text, spot in zip(self._pieces, self._spots, strict=True):
            if spot.in_comments is in_comments:
                part.add(text, spot)
        return part

    def add(self, text: str, spot: Spot) -> None:
        """Append visible text of one line of the source."""
        self._pieces.append(text)
        self._starts.append(self.length)
        self._spots.append(spot)
        self.length += len(text)


def read_page(source: str) -> Page:
    """Read HTML, or plain text where there is no tag of HTML."""
    if not _HTML.search(source):
        page = Page()
        for number, line in enumerate(source.split("\n"), 1):
            page.add(f"{line}\n", Spot(number))
        return page
    reader = _HtmlReader()
    reader.feed(_well_formed(_without_comments(source)))
    reader.close()
    return reader.page


def _without_comments(source: str) -> str:
    """The source without <!-- what nobody sees -->, its lines where they were."""
    pieces, position = [], 0
    while (start := source.find("<!--", position)) >= 0:
        end = source.find("-->", start)
        end = len(source) if end < 0 else end + 3
        pieces += [source[position:start], "\n" * source.count("\n", start, end)]
        position = end
    return "".join([*pieces, source[position:]])


def _well_formed(source: str) -> str:
    """The source with each "<" that begins no tag as a character.

    The parser of the standard library takes quadratic time over those.
    """
    pieces, position, close = [], 0, -1
    while (start := source.find("<", position)) >= 0:
        if close < start:
            close = source.find(">", start)
            close = len(source) + _MAX_TAG if close < 0 else close
        is_tag = close - start < _MAX_TAG and _TAG.match(source, start)
        pieces += [source[position:start], "<" if is_tag else "&lt;"]
        position = start + 1
    return "".join([*pieces, source[position:]])


@dataclass(frozen=True, slots=True)
class _Element:
    """An open element, with what it and the elements around it are."""

    tag: str = ""
    in_footer: bool = False
    in_comments: bool = False
    in_title: bool = False
    is_unseen: bool = False


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open = [_Element()]
        self._count: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        if tag not in INLINE:
            self._add("\n")
        language = _LANGUAGE.match(values.get("lang", ""))
        if tag == "html" and language:
            self.page.language = language.group().lower()
        beside = " ".join(values.values())
        for name, value in values.items():
            if value and len(value) <= _MAX_ATTRIBUTE and not value.startswith("data:"):
                self.page.attributes.append(
                    Attribute(name, value, beside, self.page.length, self._spot())
                )
        if tag not in VOID:
            around = self._open[-1]
            names = f"{values.get('class', '')} {values.get('id', '')}".lower()
            is_part = tag not in ("html", "body")
            self._count[tag] += 1
            self._open.append(
                _Element(
                    tag,
                    around.in_footer or tag == "footer" or (is_part and "footer" in names),
                    around.in_comments or (is_part and "comment" in names),
                    around.in_title or (tag == "title" and not self._count["svg"]),
                    around.is_unseen or tag in UNSEEN,
                )
            )

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self._add("\n")
        while self._count[tag]:
            closed = self._open.pop().tag
            self._count[closed] -= 1
            if closed == tag:
                break

    def handle_data(self, data: str) -> None:
        inside = self._open[-1]
        if inside.in_title:
            self.page.title = self.page.title or " ".join(data.split()) or None
        if inside.is_unseen:
            return
        first, *others = data.split("\n")
        self._add(first)
        for number, line in enumerate(others, 1):
            self._add(f" {line}", number)

    def _add(self, text: str, lines_below: int = 0) -> None:
        if text:
            self.page.add(text, self._spot(lines_below))

    def _spot(self, lines_below: int = 0) -> Spot:
        inside = self._open[-1]
        return Spot(self.getpos()[0] + lines_below, inside.in_footer, inside.in_comments)
