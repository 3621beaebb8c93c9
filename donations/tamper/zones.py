"""A page cut into what stands inside the widget and what stands around it."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from donations.page import INLINE, UNSEEN, VOID, Attribute, Page, Spot
from donations.tamper.tokens import Tag, Text, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDGET = "donation-widget"
# Digits and letters of these belong to no address.
_NO_TEXT = frozenset({"data-qr", "integrity", "d", "viewbox"})
_HIDES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden"
    r"|(?:opacity|font-size|zoom)\s*:\s*0*\.?0*(?:px|em|rem|%)?\s*(?:!|;|\}|$)"
    r"|(?<!min-)(?:height|width)\s*:\s*0+(?:px)?\s*(?:!|;|\}|$)|translate\w*\([^)]*-\d{3,}"
    r"|z-index\s*:\s*-|clip(?:-path)?\s*:|transform\s*:\s*scale\(\s*0|(?:left|top|text-indent|margin(?:-left)?)"
    r"\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_WIDGET_RULE = re.compile(rf"{WIDGET}[^{{}}]{{0,500}}\{{([^{{}}]*)")
_DATA = re.compile(r"data:([^,]{0,200}),(.*)", re.DOTALL | re.IGNORECASE)
_MAX_ATTRIBUTE = 1 << 16
# HTML, section 13.2.6.4.7: what begins here ends a paragraph, with whatever is open inside it.
_ENDS_PARAGRAPH = frozenset((
    "address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "hr", "li", "main", "menu", "nav", "ol", "p", "pre", "search", "section",
    "summary", "table", "ul",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """A tag with its place. ``offset`` is into the text of its part, ``text`` what it holds.

    Only links and scripts hold a text here.
    """

    tag: Tag
    line: int
    offset: int
    in_comments: bool
    text: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The text without the blanks around it."""
        return "".join(self.text).strip()


@dataclass(slots=True)
class Part:
    """Some of a page: its text and attributes, and its tags."""

    page: Page = field(default_factory=Page)
    tags: list[Placed] = field(default_factory=list)


@dataclass(slots=True)
class Zones:
    """``around`` is the page without its widgets, which stood at the offsets ``marks`` of it."""

    around: Part = field(default_factory=Part)
    widgets: list[Part] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    hidden: bool = False
    in_comments: bool = False


@dataclass(frozen=True, slots=True)
class _Open:
    tag: str
    in_footer: bool
    in_comments: bool
    hidden: bool
    unseen: bool


def read_zones(source: str) -> Zones:
    """Cut a page. Text that is not HTML is a page without tags."""
    reader = _Reader(source)
    for token in tokens(source):
        if isinstance(token, Text):
            reader.text(token)
        elif token.closing:
            reader.close(token)
        else:
            reader.open(token)
    return reader.zones


class _Reader:
    def __init__(self, source: str) -> None:
        self.zones = Zones()
        self._part = self.zones.around
        self._stack = [_Open("", False, False, False, False)]
        self._count: Counter[str] = Counter()
        self._breaks = [match.start() for match in re.finditer("\n", source)]
        self._holds: Placed | None = None

    def open(self, tag: Tag) -> None:
        """A tag begins an element, and ends a paragraph or an item that was left open."""
        name = tag.name
        if name not in INLINE:
            if name in _ENDS_PARAGRAPH and self._count["p"]:
                self._pop("p")
            self._part.page.add("\n", self._spot(tag.start))
        if name == "li" and self._item_is_open():
            self._pop("li")
        if name == WIDGET and self._part is self.zones.around:
            self._begin_widget(tag)
        placed = Placed(tag, self._line(tag.start), self._part.page.length, self._in_comments)
        self._part.tags.append(placed)
        self._holds = placed if name in ("a", "script", "style") else self._holds
        if name == "style" or tag.get("style"):
            self._note_style(tag)
        self._attributes(tag)
        if name not in VOID:
            self._push(tag)

    def close(self, tag: Tag) -> None:
        if tag.name not in INLINE:
            self._part.page.add("\n", self._spot(tag.start))
        if tag.name in ("a", "script", "style"):
            self._holds = None
        if self._count[tag.name]:
            self._pop(tag.name)

    def text(self, text: Text) -> None:
        if self._holds is not None:
            self._holds.text.append(text.text)
        if text.inside == "style" and self._part is self.zones.around:
            rules = _WIDGET_RULE.finditer(text.text)
            self.zones.hidden |= any(_HIDES.search(rule[1]) for rule in rules)
        unseen = self._stack[-1].unseen or text.inside in ("iframe", "noembed", "noframes")
        if not unseen or (text.inside == "" and self._part is not self.zones.around):
            self._part.page.add(text.text.replace("\n", " "), self._spot(text.start))

    @property
    def _in_comments(self) -> bool:
        return self._stack[-1].in_comments

    def _begin_widget(self, tag: Tag) -> None:
        around = self._stack[-1]
        self.zones.marks.append(self._part.page.length)
        self.zones.hidden |= around.hidden or around.unseen or _is_hidden(tag)
        self.zones.in_comments |= around.in_comments
        self._part = Part()
        self.zones.widgets.append(self._part)

    def _push(self, tag: Tag) -> None:
        around = self._stack[-1]
        names = f"{tag.get('class')} {tag.get('id')}".lower()
        is_part = tag.name not in ("html", "body")
        shadow = tag.name == "template" and "shadowrootmode" in tag.attributes
        self._count[tag.name] += 1
        self._stack.append(
            _Open(
                tag.name,
                around.in_footer or tag.name == "footer" or (is_part and "footer" in names),
                around.in_comments or (is_part and "comment" in names),
                around.hidden or _is_hidden(tag),
                around.unseen or (tag.name in UNSEEN and not shadow),
            )
        )

    def _pop(self, name: str) -> None:
        while self._count[name]:
            closed = self._stack.pop().tag
            self._count[closed] -= 1
            if closed == WIDGET and not self._count[WIDGET]:
                self._part = self.zones.around
            if closed == name:
                return

    def _item_is_open(self) -> bool:
        for element in reversed(self._stack):
            if element.tag in ("li", "ul", "ol", "menu"):
                return element.tag == "li"
        return False

    def _note_style(self, tag: Tag) -> None:
        """Inside the widget, `embed` hides nothing by a tag's own style."""
        if self._part is not self.zones.around:
            self.zones.hidden |= bool(_HIDES.search(tag.get("style")))

    def _attributes(self, tag: Tag) -> None:
        beside = " ".join(tag.attributes.values())[:_MAX_ATTRIBUTE]
        spot = self._spot(tag.start)
        for name, value in tag.attributes.items():
            if value and name not in _NO_TEXT:
                for reading in dict.fromkeys(_readings(name, value[:_MAX_ATTRIBUTE])):
                    self._part.page.attributes.append(
                        Attribute(name, reading, beside, self._part.page.length, spot)
                    )

    def _line(self, start: int) -> int:
        return bisect_right(self._breaks, start) + 1

    def _spot(self, start: int) -> Spot:
        inside = self._stack[-1]
        return Spot(self._line(start), inside.in_footer, inside.in_comments)


def _is_hidden(tag: Tag) -> bool:
    closed = tag.name == "noscript" or (tag.name == "dialog" and "open" not in tag.attributes)
    return closed or "hidden" in tag.attributes or bool(_HIDES.search(tag.get("style")))


def _readings(name: str, value: str) -> Iterator[str]:
    """What a browser may make of an attribute's value: as it is, decoded, or a page of its own."""
    yield value.strip()
    decoded = unquote(value).strip()
    yield decoded
    if name == "srcdoc":
        yield "".join(token.text for token in tokens(value) if isinstance(token, Text))
    data = _DATA.match(value.strip())
    if data is not None:
        content = unquote(data[2])
        if data[1].lower().endswith(";base64"):
            try:
                content = base64.b64decode(content, validate=False).decode("latin-1")
            except (binascii.Error, ValueError):
                return
        yield content
        yield "".join(token.text for token in tokens(content) if isinstance(token, Text))
