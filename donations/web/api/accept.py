"""What a client wants to get (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re

_RANGE = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)/([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    r"(?:\s*;\s*(?!q=)[^;,]*)*(?:\s*;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?",
    re.IGNORECASE,
)
_LONGEST = 1_000


def accepts(header: str | None, media: str) -> bool:
    """Whether an answer of the type ``media`` is welcome.

    The most precise wish counts. What cannot be read is no wish, and no wish is for anything.
    """
    wishes: dict[str, bool] = {}
    for part in (header or "")[:_LONGEST].split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is not None:
            wishes[f"{match[1]}/{match[2]}".lower()] = (match[3] or "1").strip("0.") != ""
    if not wishes:
        return True
    family = media.partition("/")[0]
    return next((wishes[each] for each in (media, f"{family}/*", "*/*") if each in wishes), False)
