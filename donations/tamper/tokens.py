"""HTML -> tags and text, cut where browsers cut it: who hides something from us hides it from them.

Source: HTML, section 13.2.5, as far as it decides what is a tag, what text, and what neither.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK = r" \t\n\r\f"  # of HTML: fewer characters than \s
_TAG = re.compile(rf"<(/?)([a-zA-Z][^{_BLANK}/>]*)")
# One attribute, and whatever separates it from the last one.
_ATTRIBUTE = re.compile(
    rf"[{_BLANK}/]*([^{_BLANK}/>=][^{_BLANK}/>=]*|=[^{_BLANK}/>=]*)"
    rf"(?:[{_BLANK}]*=[{_BLANK}]*(?:\"([^\"]*)\"|'([^']*)'|([^{_BLANK}>\"'][^{_BLANK}>]*)?))?"
)
_TAG_END = re.compile(rf"[{_BLANK}/]*>")
_COMMENT_END = re.compile(r"--!?>")
_SCRIPT_MARK = re.compile(rf"<!--|-->|<(/?)script(?=[{_BLANK}/>])", re.IGNORECASE)
# What is inside is text and not tags; in the last two characters are written as entities still.
_RAW = ("script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title")
_WITH_ENTITIES = ("textarea", "title")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: names in lower case, of several equal attributes the first. ``start`` is from 0."""

    name: str
    attributes: dict[str, str]
    closing: bool
    start: int

    def get(self, name: str) -> str:
        """The value of an attribute, "" without one."""
        return self.attributes.get(name, "")


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between two tags, entities read. ``inside`` names the raw element it is in."""

    text: str
    start: int
    inside: str = ""


def tokens(source: str) -> Iterator[Tag | Text]:
    """The whole page in its order, without comments."""
    at = 0
    while at < len(source):
        mark = source.find("<", at)
        if mark < 0:
            break
        if mark > at:
            yield Text(html.unescape(source[at:mark]), at)
        head = _TAG.match(source, mark)
        if head is None:
            at = _after_no_tag(source, mark)
            if at == mark + 1:
                yield Text("<", mark)
            continue
        tag, at = _tag(source, head)
        if tag is None:
            return  # a tag that never ends is shown by nobody
        yield tag
        if not tag.closing and tag.name in _RAW:
            end = _raw_end(source, at, tag.name)
            text = source[at:end]
            read = html.unescape(text) if tag.name in _WITH_ENTITIES else text
            yield Text(read, at, tag.name)
            at = end
        elif tag.name == "plaintext":
            yield Text(source[at:], at)
            return
    if at < len(source):
        yield Text(html.unescape(source[at:]), at)


def _tag(source: str, head: re.Match[str]) -> tuple[Tag | None, int]:
    attributes: dict[str, str] = {}
    at = head.end()
    while (end := _TAG_END.match(source, at)) is None:
        found = _ATTRIBUTE.match(source, at)
        if found is None or found.end() == at:
            return None, len(source)
        # A quote that is opened and never closed takes the rest of the page.
        if found[2] is found[3] is found[4] is None and source[found.end() : found.end() + 1] in (
            '"',
            "'",
        ):
            return None, len(source)
        value = next((each for each in found.groups()[1:] if each is not None), "")
        attributes.setdefault(found[1].lower(), html.unescape(value))
        at = found.end()
    return Tag(head[2].lower(), attributes, bool(head[1]), head.start()), end.end()


def _after_no_tag(source: str, mark: int) -> int:
    """Where the page goes on after a "<" that begins no tag: one on, if it is a character."""
    if source.startswith("<!--", mark):
        for short in ("<!-->", "<!--->"):
            if source.startswith(short, mark):
                return mark + len(short)
        end = _COMMENT_END.search(source, mark + 4)
        return end.end() if end else len(source)
    if source.startswith(("<!", "<?", "</"), mark):
        close = source.find(">", mark)
        return close + 1 if close >= 0 else len(source)
    return mark + 1


def _raw_end(source: str, start: int, name: str) -> int:
    if name == "script":
        return _script_end(source, start)
    end = re.compile(rf"</{name}(?=[{_BLANK}/>])", re.IGNORECASE).search(source, start)
    return end.start() if end else len(source)


def _script_end(source: str, start: int) -> int:
    """Inside "<!--" a script may hold a script with its end (section 13.2.5.17 and after)."""
    commented = doubled = False
    for mark in _SCRIPT_MARK.finditer(source, start):
        if mark[0] == "<!--":
            commented = True
        elif mark[0] == "-->":
            commented = doubled = False
        elif not mark[1]:
            doubled = commented
        elif doubled:
            doubled = False
        else:
            return mark.start()
    return len(source)
