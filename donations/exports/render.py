"""A document as text, as CSV, and as one HTML page that prints."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import TYPE_CHECKING

from donations.exports.csv_form import Number, row
from donations.exports.document import grouped
from donations.exports.line import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from donations.exports.document import Cell, Document, Section
    from donations.exports.words import Words

# Letters of a text that may be broken anywhere, such as the number of a transaction.
_LONG = 30
_STYLE = """\
@page { size: A4; margin: 18mm 15mm; }
body { font: 10.5pt/1.45 Georgia, "Times New Roman", serif; color: #111; background: #fff;
  max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; margin: 0 0 .3em; } h2 { font-size: 1.15em; margin: 1.8em 0 .4em; }
p { margin: .3em 0; max-width: 46em; } .first { font-size: 1.15em; }
table { border-collapse: collapse; margin-top: .5em; } thead { display: table-header-group; }
tr { break-inside: avoid; } h2 { break-after: avoid; }
th, td { text-align: start; padding: .22em 1.2em .22em 0; border-bottom: 1px solid #ccc;
  vertical-align: top; }
.l { overflow-wrap: anywhere; min-width: 12em; } .w { overflow-x: auto; }
th { border-bottom: 1px solid #111; font-weight: 600; }
.n { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sum td { border-top: 1px solid #111; border-bottom: 0; font-weight: 600; }
"""


def as_html(document: Document, words: Words) -> Iterator[str]:
    """One file that needs nothing else; every text in it is text."""
    title = escape(visible(document.title))
    yield (
        f'<!doctype html>\n<html lang="{words.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
    for number, text in enumerate(document.says):
        yield f"<p{'' if number else ' class=first'}>{escape(visible(text))}</p>\n"
    for section in document.sections:
        yield from _html_section(section, words)
    yield "</body>\n</html>\n"


def _html_section(section: Section, words: Words) -> Iterator[str]:
    yield f"<h2>{escape(section.heading)}</h2>\n"
    for text in section.says:
        yield f"<p>{escape(visible(text))}</p>\n"
    if not section.columns:
        return
    if not section.rows:
        yield f"<p>{escape(words.nothing)}</p>\n"
        return
    numbers = _numeric(section)
    heads = zip(section.columns, numbers, strict=True)
    cells = "".join(f"<th scope=col{_class(n)}>{escape(text)}</th>" for text, n in heads)
    yield f"<div class=w><table>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n"
    for cells_ in section.rows:
        last = section.sum and cells_ is section.rows[-1]
        text = "".join(
            f"<td{_class(n, cell)}><bdi>{escape(_told(cell, words))}</bdi></td>"
            for cell, n in zip(cells_, numbers, strict=True)
        )
        yield f"<tr{' class=sum' if last else ''}>{text}</tr>\n"
    yield "</tbody>\n</table></div>\n"


def _class(number: bool, cell: Cell = None) -> str:
    if number:
        return " class=n"
    return " class=l" if isinstance(cell, str) and len(cell) > _LONG else ""


def _numeric(section: Section) -> list[bool]:
    """Which columns hold numbers."""
    return [
        all(cell is None or cell == "" or isinstance(cell, int | Number) for cell in column)
        for column in zip(*section.rows, strict=True)
    ]


def _told(cell: Cell, words: Words) -> str:
    if cell is None:
        return words.not_known
    return grouped(str(cell), words) if isinstance(cell, int | Number) else visible(cell)


def as_text(document: Document, words: Words) -> Iterator[str]:
    """For a terminal or a letter: aligned columns."""
    yield f"{visible(document.title)}\n{'=' * width(visible(document.title))}\n\n"
    yield from (f"{visible(text)}\n" for text in document.says)
    for section in document.sections:
        yield f"\n{section.heading}\n{'-' * width(section.heading)}\n"
        yield from (f"{visible(text)}\n" for text in section.says)
        if section.columns and not section.rows:
            yield f"{words.nothing}\n"
        elif section.columns:
            told = [[_told(cell, words) for cell in cells] for cells in section.rows]
            yield from (f"{line}\n" for line in aligned(section.columns, told, _numeric(section)))


def aligned(columns: tuple[str, ...], rows: list[list[str]], numbers: list[bool]) -> Iterator[str]:
    """Lines in columns as wide as what stands in them; numbers stand to the right."""
    table = [list(columns), *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    for cells in table:
        padded = []
        for cell, wide, right in zip(cells, widths, numbers, strict=True):
            space = " " * (wide - width(cell))
            padded.append(space + cell if right else cell + space)
        yield "  ".join(padded).rstrip()


def width(text: str) -> int:
    """How many columns of a terminal a text takes (Unicode UAX 11)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def as_csv(document: Document, _words: Words) -> Iterator[str]:
    """For a spreadsheet: section after section, an empty line between; what is unknown is empty.

    It begins with the mark by which spreadsheets know UTF-8 (RFC 3629, section 6).
    """
    yield "\ufeff" + row([document.title])
    yield from (row([text]) for text in document.says)
    for section in document.sections:
        yield row([]) + row([section.heading])
        yield from (row([text]) for text in section.says)
        if section.columns:
            yield row(section.columns)
            yield from map(row, section.rows)


FORMS: dict[str, Callable[[Document, Words], Iterator[str]]] = {
    "text": as_text,
    "csv": as_csv,
    "html": as_html,
}
