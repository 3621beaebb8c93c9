"""The words and pieces of the page for the one who gave, read once at start-up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.web.assets import compact_css, read_pieces, widget_folder
from donations.web.locale import Locale
from donations.web.markup import Html, fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from string import Template

    from donations.web.assets import Assets


@dataclass(frozen=True)
class Pages:
    """The pieces of the page, its style, the words of one language, and the other languages."""

    pieces: Mapping[str, Template]
    style: str
    locale: Locale
    others: Mapping[str, str]  # tag -> name

    def say(self, key: str, **values: str) -> Html:
        """The sentence ``key`` of this page."""
        return self.locale.say(f"thanks_{key}", **values)

    def piece(self, piece: str, /, **values: str | int) -> Html:
        """A piece of the page, filled in."""
        return fill(self.pieces[piece], **values)

    def note(self, key: str) -> Html:
        """A paragraph after another one."""
        return self.piece("note", text=self.say(key))


def load_pages(assets: Assets) -> dict[str, Pages]:
    """Read ``widget/thanks``: a language is there when it has words for the card as well."""
    root = widget_folder()

    def text(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    pieces = read_pieces(text("thanks/page.html"))
    style = assets.page_style + compact_css(text("thanks/page.css"))
    files = {file.stem: file for file in sorted((root / "thanks").glob("*.json"))}
    names = {tag: assets.locales[tag].name for tag in files if tag in assets.locales}
    pages = {}
    for tag in names:
        words = json.loads(text(f"locales/{tag}.json"))
        words["words"] |= json.loads(text(f"thanks/{tag}.json"))
        others = {other: name for other, name in names.items() if other != tag}
        pages[tag] = Pages(pieces, style, Locale(tag, json.dumps(words)), others)
    return pages
