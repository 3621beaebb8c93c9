"""The two tables about the author's own word: the pages that are watched, and the statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config_file import Table

_MOST_PAGES = 50
_MINISIGN = re.compile(r"RW[A-Za-z0-9+/]{54}")


@dataclass(frozen=True, slots=True)
class PageWatch:
    """The author's pages that are read every so many hours."""

    pages: tuple[str, ...]
    hours: int


@dataclass(frozen=True, slots=True)
class StatementSettings:
    """Where the signed statement lies, and the key of minisign that signs it, if one does."""

    folder: Path
    minisign: str | None


def read_watch(table: Table) -> PageWatch:
    """``[watch]``. Raises ConfigError."""
    pages = table.texts("pages")
    if len(pages) > _MOST_PAGES:
        raise table.error(f"at most {_MOST_PAGES} pages are watched", "pages")
    for index, url in enumerate(pages):
        if not is_page(url):
            raise table.error("a page is written like https://blog.example/a-post", "pages", index)
        if url in pages[:index]:
            raise table.error("this page stands here twice", "pages", index)
    return PageWatch(pages, table.integer("hours", 6, 1, 168))


def is_page(url: str) -> bool:
    """Whether this is the address of a web page, without a fragment."""
    try:
        parts = urlsplit(url)
        valid = parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not re.search(r"[\s\"'<>\\]", url)
    named = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return bool(plain and valid and named and not parts.fragment)


def read_statement(table: Table, folder: Path) -> StatementSettings | None:
    """``[statement]``, None where it names no folder. Raises ConfigError."""
    name, minisign = table.optional_text("folder"), table.optional_text("minisign")
    if name is None and minisign is None:
        return None
    if name is None:
        raise table.error('in which folder is the statement? folder = "statement"', "minisign")
    if "\0" in name:
        raise table.error("give the path of a folder", "folder")
    if minisign is not None and _MINISIGN.fullmatch(minisign) is None:
        raise table.error(
            "this is not a public key of minisign, the second line of minisign.pub", "minisign"
        )
    return StatementSettings(folder / name, minisign)
