"""Text -> HTML: whatever is not HTML already is escaped on the way into a template."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from string import Template

# Cc and Cs have no business in a page, Cf holds the direction overrides and zero-width characters
# that make one text look like another. Line and paragraph separators break scripts.
_BREAKS = re.compile(r"[\t\n\v\f\r\u2028\u2029]+")
_UNWANTED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Noncharacters (Unicode section 23.7), of which XML forbids U+FFFE and U+FFFF.
_ENDS = "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
_NONE = re.compile(f"[\ufdd0-\ufdef{_ENDS}]")


class Html(str):
    """Text that is HTML already. Only templates and ``escape`` make it."""

    __slots__ = ()


def clean(text: str) -> str:
    """The text on one line, without control, direction, zero-width and surrogate characters.

    What is left may stand in HTML and in XML.
    """
    spaced = _NONE.sub("", _BREAKS.sub(" ", text))
    return "".join(char for char in spaced if unicodedata.category(char) not in _UNWANTED)


def escape(text: str) -> Html:
    """Text for an element or a quoted attribute."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text)))


def fill(template: Template, /, **values: str | int) -> Html:
    """The template with its values, each escaped unless it is Html. Raises KeyError."""
    return Html(
        template.substitute(
            {name: escape(str(v)) if not isinstance(v, Html) else v for name, v in values.items()}
        )
    )


def join(parts: Iterable[Html]) -> Html:
    """The parts one after the other."""
    return Html("".join(parts))
