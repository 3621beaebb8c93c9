"""A page as a reader sees it: its text in one piece, its attributes, and where each of them stands.

Tags inside a line join what they surround (an address with a <b> in it is one address), those of
blocks part it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HTML = re.compile(
    r"<(?:!doctype|html|body|div|p|a|span|footer|br|h\d|ul|ol|li|table|b|strong)\b", re.IGNORECASE
)
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))  # fmt: skip
_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
))  # fmt: skip
_UNSEEN = frozenset({"script", "style", "template"})
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
    reader.feed(source)
    reader.close()
    return reader.page


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[tuple[str, bool, bool]] = []  # tag, is a footer, holds comments

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        if tag not in _INLINE:
            self._add("\n")
        self._notice(tag, values)
        beside = " ".join(values.values())
        for name, value in values.items():
            if value and len(value) <= _MAX_ATTRIBUTE and not value.startswith("data:"):
                self.page.attributes.append(
                    Attribute(name, value, beside, self.page.length, self._spot())
                )
        if tag not in _VOID:
            names = f"{values.get('class', '')} {values.get('id', '')}".lower()
            is_part = tag not in ("html", "body")
            self._open.append(
                (
                    tag,
                    tag == "footer" or (is_part and "footer" in names),
                    is_part and "comment" in names,
                )
            )

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self._add("\n")
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth][0] == tag:
                del self._open[depth:]
                break

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _, _ in self._open}
        if "title" in tags and "svg" not in tags:
            self.page.title = self.page.title or " ".join(data.split()) or None
        if tags & _UNSEEN:
            return
        first, *others = data.split("\n")
        self._add(first)
        for number, line in enumerate(others, 1):
            self._add(f" {line}", number)

    def _notice(self, tag: str, values: dict[str, str]) -> None:
        language = _LANGUAGE.match(values.get("lang", ""))
        if tag == "html" and language:
            self.page.language = language.group().lower()

    def _add(self, text: str, lines_below: int = 0) -> None:
        if text:
            self.page.add(text, self._spot(lines_below))

    def _spot(self, lines_below: int = 0) -> Spot:
        return Spot(
            self.getpos()[0] + lines_below,
            in_footer=any(is_footer for _, is_footer, _ in self._open),
            in_comments=any(is_comments for _, _, is_comments in self._open),
        )
