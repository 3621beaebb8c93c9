"""The words and pieces of the author's pages, and the frame that is around each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from donations.web import policy
from donations.web.assets import compact_css, integrity, read_pieces, widget_folder
from donations.web.locale import Locale
from donations.web.markup import Html, join
from donations.web.page_words import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.web.author.sessions import Session

LANGUAGES = ("en", "fr")
# Each page and what its tab says.
_TABS = (
    ("author", "overview"),
    ("author/gifts", "gifts"),
    ("author/by-hand", "by_hand"),
    ("author/health", "health"),
    ("author/told", "told"),
)


@dataclass(frozen=True)
class Writer:
    """Writes pages in one language. ``blog`` is what is collected for."""

    pages: Pages
    blog: str
    zone: tzinfo = UTC

    @cached_property
    def _headers(self) -> dict[str, str]:
        return policy.author_page(integrity(self.pages.style.encode()))

    def answer(
        self, page: Html, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        """The page as an answer that nobody keeps."""
        return web.Response(
            body=page.encode(), status=status, headers={**self._headers, **(headers or {})}
        )

    def page(
        self,
        title: Html,
        body: Html,
        *,
        root: str,
        query: Mapping[str, str] | None = None,
        session: Session | None = None,
        here: str = "",
    ) -> Html:
        """A whole page. ``here`` is the word of its tab, ``query`` what its address asks for."""
        locale = self.pages.locale
        languages = (
            self.pages.piece(
                "language", tag=tag, name=name, query=urlencode({**(query or {}), "lang": tag})
            )
            for tag, name in self.pages.others.items()
        )
        return self.pages.piece(
            "page",
            lang=locale.tag,
            dir=locale.direction,
            title=title,
            blog=self.blog or locale.say("title"),
            style=Html(self.pages.style),
            script=Html() if session is None else self._script(root),
            skip=self.pages.say("skip"),
            top=Html() if session is None else self._top(session, root, here),
            body=body,
            root=root or "./",
            home=locale.say("home"),
            languages=join(languages),
        )

    def _script(self, root: str) -> Html:
        said = self.pages.said("copy", "copied")
        return self.pages.piece("script", root=root, **said)

    def _top(self, session: Session, root: str, here: str) -> Html:
        tabs = (
            self.pages.piece(
                "tab",
                root=root,
                path=path,
                here=Html(' aria-current="page"' if name == here else ""),
                text=self.pages.say(name),
            )
            for path, name in _TABS
        )
        return self.pages.piece(
            "top",
            label=self.pages.say("pages"),
            tabs=join(tabs),
            root=root,
            form=session.form,
            who=self.pages.say("who", operator=session.operator),
            out=self.pages.say("out"),
        )

    def login(self, root: str, wished: str, said: str) -> Html:
        """The page that asks for a token; ``said`` is the word for what went wrong, or ""."""
        body = self.pages.piece(
            "login",
            root=root,
            lang=self.pages.locale.tag,
            alarm=self.pages.piece("alarm", text=self.pages.say(said)) if said else Html(),
            next=wished,
            label=self.pages.say("token"),
            hint=self.pages.say("token_hint"),
            invalid=Html(' aria-invalid="true"' if said == "wrong" else ""),
            enter=self.pages.say("enter"),
        )
        return self.page(self.pages.say("login"), body, root=root, query={"next": wished})


class Writers:
    """One writer for each language of the author's pages."""

    def __init__(self, blog: str, usual: str, zone: tzinfo = UTC) -> None:
        """``usual`` is the language of those who wish for none."""
        self._writers = {tag: Writer(pages, blog, zone) for tag, pages in load_words().items()}
        self._usual = self._tag(usual) or "en"

    def speaking(self, wish: str | None) -> Writer:
        """The writer of a language, or the usual one."""
        return self._writers[self._tag(wish or "") or self._usual]

    def _tag(self, wish: str) -> str | None:
        tag = wish.partition("-")[0].lower()
        return tag if tag in self._writers else None


def load_words() -> dict[str, Pages]:
    """Read ``widget/author``, and what its words rest on, for each of its languages."""
    root = widget_folder()

    def text(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    pieces, style = read_pieces(text("author/page.html")), compact_css(text("author/page.css"))
    locales = {}
    for tag in LANGUAGES:
        data = json.loads(text(f"locales/{tag}.json"))
        for folder in ("ledger", "author"):
            data["words"] |= json.loads(text(f"{folder}/{tag}.json"))
        locales[tag] = Locale(tag, json.dumps(data))
    names = {tag: locale.name for tag, locale in locales.items()}
    return {
        tag: Pages("author", pieces, style, locale, {o: n for o, n in names.items() if o != tag})
        for tag, locale in locales.items()
    }
