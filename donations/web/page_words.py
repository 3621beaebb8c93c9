"""The words and pieces of a page that has no script, read once at start-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.web.assets import compact_css, read_pieces, widget_folder
from donations.web.markup import Html, fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from string import Template

    from donations.web.assets import Assets
    from donations.web.locale import Locale


@dataclass(frozen=True)
class Pages:
    """The pieces of the page, its style, the words of one language, and the other languages.

    ``name`` is what its folder is called and its words begin with.
    """

    name: str
    pieces: Mapping[str, Template]
    style: str
    locale: Locale
    others: Mapping[str, str]  # tag -> name

    def say(self, key: str, **values: str) -> Html:
        """The sentence ``key`` of this page."""
        return self.locale.say(f"{self.name}_{key}", **values)

    def said(self, *keys: str) -> dict[str, Html]:
        """Sentences of this page that take no value, by their keys."""
        return {key: self.say(key) for key in keys}

    def piece(self, piece: str, /, **values: str | int) -> Html:
        """A piece of the page, filled in."""
        return fill(self.pieces[piece], **values)

    def note(self, key: str) -> Html:
        """A paragraph after another one."""
        return self.piece("note", text=self.say(key))


def load_pages(assets: Assets, name: str) -> dict[str, Pages]:
    """Read the page of this name in ``widget/``, for each language of the card."""
    root = widget_folder()

    def text(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    pieces = read_pieces(text(f"{name}/page.html"))
    style = assets.page_style + compact_css(text(f"{name}/page.css"))
    names = {tag: locale.name for tag, locale in assets.locales.items()}
    return {
        tag: Pages(name, pieces, style, locale, {o: its for o, its in names.items() if o != tag})
        for tag, locale in assets.locales.items()
    }
