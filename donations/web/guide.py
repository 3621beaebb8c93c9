"""The page for authors: each form of the widget with what to paste and how it looks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import quote

from donations.web import oembed
from donations.web.assets import compact_css, widget_folder
from donations.web.badge import HEIGHT, WIDTH
from donations.web.markup import Html, escape, fill, join

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = re.compile(r"<!-- ([a-z]+) -->\n(.*?)\n*(?=<!-- [a-z]+ -->|\Z)", re.DOTALL)
_STYLED = re.compile(r' style="[^"]*"|<script>.*?</script>', re.DOTALL)
_SCRIPT_NAME = re.compile(r'(?<=/)widget\.[0-9a-f]+\.js" integrity="[^"]*"')
_FALLBACK = "en"

_BADGE = Template(
    '<a href="$home"><img src="${home}badge.$kind?lang=$lang" width="$width" height="$height" '
    'alt="$alt"></a>'
)
_FEED = Template(
    '<link rel="alternate" type="application/atom+xml" title="$title" '
    'href="${home}feed.atom?lang=$lang">'
)
_PICTURES = Template(
    '<img src="badge.svg?lang=$lang" width="$width" height="$height" alt="$alt">\n'
    '<img src="badge.png?lang=$lang" width="$width" height="$height" alt="$alt">'
)
_WORDS = Template('<pre role="group" tabindex="0" aria-label="badge.json">$code</pre>')
_CARD = Template('<img src="card.png?lang=$lang" width="600" height="315" alt="$alt">')
_SANDBOX = Template(
    '<iframe src="sandboxed?lang=$lang" title="$title – WordPress" '
    'height="$height" loading="lazy" sandbox="allow-scripts"></iframe>'
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows in one language: the forms as they are pasted, and what they say.

    ``home`` is None while the service does not know its address, and then so are the forms to
    paste. ``feed``: whether there is one. ``command`` prints the forms.
    """

    language: str
    title: str
    home: str | None
    alt: str
    badge: bytes
    script: str | None
    compact: str | None
    frame: str | None
    static: str | None
    feed: bool = True
    command: str = "donations embed"


class Guide:
    """The template and words of the page, read once."""

    def __init__(self) -> None:
        root = widget_folder()
        text = (root / "guide.html").read_text(encoding="utf-8")
        self._pieces = {name: Template(body) for name, body in _PIECE.findall(text)}
        self.style = compact_css((root / "guide.css").read_text(encoding="utf-8"))
        self.languages: dict[str, Mapping[str, str]] = {
            file.stem: json.loads(file.read_text(encoding="utf-8"))
            for file in sorted((root / "guide").glob("*.json"))
        }

    def write(self, shown: Shown, names: Mapping[str, str], style: str, script: str) -> Html:
        """The page. ``names`` of languages, ``script`` the name of the widget's script."""
        language = shown.language if shown.language in self.languages else _FALLBACK
        words = self.languages[language]
        forms = [
            (name, self._form(words, name, snippets, preview))
            for name, snippets, preview in _forms(shown)
        ]
        others = [(tag, names[tag]) for tag in self.languages if tag in names and tag != language]
        return fill(
            self._pieces["page"],
            lang=language,
            language=shown.language,
            heading=words["heading"],
            intro=words["intro"],
            contents=words["contents"],
            back=words["back"],
            warning=Html() if shown.home else self._piece("missing", text=words["missing"]),
            links=join(
                self._piece("link", name=name, title=words[f"{name}_title"]) for name, _ in forms
            ),
            forms=join(form for _, form in forms),
            languages=join(self._piece("language", tag=tag, name=name) for tag, name in others),
            style=Html(style),
            script=script,
        )

    def _piece(self, piece: str, /, **values: str) -> Html:
        return Html(fill(self._pieces[piece], **values) + "\n")

    def _form(
        self, words: Mapping[str, str], name: str, snippets: list[str], preview: Html
    ) -> Html:
        title = words[f"{name}_title"]
        label = Template(words["code"]).substitute(title=title)
        return self._piece(
            "form",
            name=name,
            title=title,
            text=words[f"{name}_text"],
            snippets=join(
                self._piece("snippet", label=label, code=_code(snippet)) for snippet in snippets
            ),
            preview=self._piece("preview", shown=preview) if preview else Html(),
        )


def _code(text: str) -> Html:
    """Text to copy, its lines kept."""
    return Html("\n".join(escape(line) for line in text.strip().split("\n")))


def _forms(shown: Shown) -> list[tuple[str, list[str], Html]]:
    """Name, texts to paste, and preview of each form. Previews speak to the page's own origin."""
    home, language = shown.home, shown.language
    size = {"width": WIDTH, "height": HEIGHT}

    def own(text: str | None) -> Html:
        if text is None or home is None:
            return Html()
        return Html(_STYLED.sub("", text).replace(home, "./"))

    def badge(kind: str) -> str:
        return fill(_BADGE, home=home or "", kind=kind, lang=language, alt=shown.alt, **size)

    def texts(*given: str | None) -> list[str]:
        return [] if home is None else [text for text in given if text is not None]

    # The page shows the card twice; only one of them may be a landmark of its name.
    static = Html(own(shown.static).replace('role="region"', 'role="group"'))
    element, closed = (
        text and text[text.index("<donation-widget") :] for text in (shown.script, shown.compact)
    )
    short = element and _SCRIPT_NAME.sub('widget.js"', element)
    address = f"{home}?lang={language}"
    markdown = f"[![{_brackets(shown.alt)}]({home}badge.svg?lang={language})]({address})"
    endpoint = quote(f"{home}badge.json?lang={language}", safe="")
    shields = f"[![{_brackets(shown.title)}](https://img.shields.io/endpoint?url={endpoint})]"
    fetched = f'curl --fail "{home}static?lang={language}" > donations.html'
    forms = [
        ("script", texts(shown.script), own(element)),
        ("compact", texts(shown.compact), own(closed)),
        ("alias", texts(short), Html()),
        # On this page, which is as dark as its reader likes.
        (
            "frame",
            texts(shown.frame),
            Html(re.sub(r"(?<=lang=)\w+", r"\g<0>#auto", own(shown.frame))),
        ),
        ("static", texts(f"{shown.command} --static > donations.html", fetched), static),
        (
            "wordpress",
            texts(address, "[donations]"),
            fill(_SANDBOX, lang=language, title=shown.title, height=oembed.HEIGHT_NARROW),
        ),
        (
            "badge",
            texts(badge("svg"), badge("png"), markdown),
            fill(_PICTURES, lang=language, alt=shown.alt, **size),
        ),
        (
            "shields",
            texts(f"{shields}({address})"),
            fill(_WORDS, code=_code(shown.badge.decode())),
        ),
        ("feed", texts(fill(_FEED, home=home or "", title=shown.title, lang=language)), Html()),
        ("link", texts(address), fill(_CARD, lang=language, alt=shown.title)),
    ]
    return [form for form in forms if shown.feed or form[0] != "feed"]


def _brackets(text: str) -> str:
    """Text inside the brackets of Markdown."""
    return re.sub(r"([\\\[\]`*_<>])", r"\\\1", text)
