"""The files of ``widget/``, read once at start-up: templates, languages, style and script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template, ascii_letters
from typing import TYPE_CHECKING

from donations.web.locale import Locale

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = re.compile(r"<!-- ([a-z]+) -->\n(.*?)\n*(?=<!-- [a-z]+ -->|\Z)", re.DOTALL)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_SPACE = re.compile(r"\s*([{};,>]|\+(?= [a-z.]))\s*")
_JS_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_JS_NAME = re.compile(r"[$#][A-Za-z]\w*")
_JS_PIECE = re.compile(
    r"""(?P<text>"[^"\n]*"|`[^`]*`)|[ ]*(?P<sign>[-+*/<>=&|?:!()]+)[ ]*"""
    r"""|\s*(?P<open>[{;,])\s*|\s*(?P<close>[)}])|(?P<line>\n)\s*"""
)


def widget_folder() -> Path:
    """``widget/`` beside the package in a checkout, ``_widget`` inside it once installed."""
    package = Path(__file__).parent.parent
    installed = package / "_widget"
    return installed if installed.is_dir() else package.parent / "widget"


def read_pieces(text: str) -> dict[str, Template]:
    """The pieces of a file of templates, by the name in the comment above each."""
    return {name: Template(body) for name, body in _PIECE.findall(text)}


def compact_css(text: str) -> str:
    """The style sheet without comments and spare blanks."""
    dense = _CSS_SPACE.sub(r"\1", _CSS_COMMENT.sub("", text)).replace(": ", ":").replace(";}", "}")
    return " ".join(dense.split())


def compact_js(text: str) -> str:
    """The script without comment lines and spare blanks, its own names cut to a letter.

    Its own names are those that begin with ``$``, and ``#`` for private members. Strings keep
    their blanks, and lines end where they did wherever that might matter.
    """
    letters: dict[str, str] = {}

    def cut(name: re.Match[str]) -> str:
        sign = name[0][0].replace("$", "")
        count = sum(other[0] == name[0][0] for other in letters)
        letter = ascii_letters[count % 52] + (str(count // 52) if count >= 52 else "")
        return letters.setdefault(name[0], sign + letter)

    def tighten(piece: re.Match[str]) -> str:
        return next(part for part in piece.groups() if part is not None)

    tight = _JS_PIECE.sub(tighten, _JS_NAME.sub(cut, _JS_COMMENT.sub("", text)))
    return tight.replace(";}", "}").strip()


@dataclass(frozen=True)
class Assets:
    """What browsers get, apart from the numbers.

    ``style`` is for a card that stands in a document, with or without script. ``released`` are the
    scripts of earlier releases by name, which pages have pinned: they stay served for ever.
    """

    pieces: Mapping[str, Template]
    page: Template
    frame: Template
    style: str
    page_style: str
    frame_style: str
    script: bytes
    released: Mapping[str, bytes]
    locales: Mapping[str, Locale]

    @cached_property
    def script_name(self) -> str:
        """The name that changes with every byte of the script, so it may be kept for ever."""
        return f"widget.{hashlib.sha256(self.script).hexdigest()[:16]}.js"

    @cached_property
    def integrity(self) -> str:
        """Subresource Integrity of the script (W3C SRI), for pages that pin it."""
        return integrity(self.script, "sha384")


def integrity(data: bytes, algorithm: str = "sha256") -> str:
    """The hash as SRI and Content Security Policy write it."""
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}-{base64.b64encode(digest).decode()}"


def _read_locale(root: Path, tag: str) -> Locale:
    """The words of the card, and in files of their own those of the pages without script."""
    data, thanks, ledger = (
        json.loads((root / folder / f"{tag}.json").read_text(encoding="utf-8"))
        for folder in ("locales", "thanks", "ledger")
    )
    return Locale(tag, json.dumps({**data, "words": data["words"] | thanks | ledger}))


def load_assets(folder: Path | None = None) -> Assets:
    """Read ``widget/``. The style sheet travels inside the script: one request less."""
    root = folder or widget_folder()

    def text(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    style = compact_css(text("widget.css"))
    released = {
        file.name: file.read_bytes() for file in sorted((root / "released").glob("widget.*.js"))
    }
    script = compact_js(text("donation-widget.js")).replace('"widget.css"', json.dumps(style))
    return Assets(
        pieces=read_pieces(text("fragment.html")),
        page=Template(text("page.html")),
        frame=Template(text("frame.html")),
        style=compact_css(text("still.css")) + style,
        page_style=compact_css(text("page.css")),
        frame_style=compact_css(text("frame.css")),
        script=script.encode(),
        released=released,
        locales={
            file.stem: _read_locale(root, file.stem)
            for file in sorted((root / "locales").glob("*.json"))
        },
    )
