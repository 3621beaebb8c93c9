"""Letters of other alphabets that look like those of an address (Unicode TR 39, confusables)."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.tamper.expectation import Expectation

# Cyrillic and Greek letters, each followed by the Latin one that it looks like.
_PAIRS = (
    "АAВBСCЕEНHІIЈJКKМMОOРPЅSТTХXУYаaсcеeһhіiјjоoрpѕsхxуyԁdԛqԝwӏl"
    "ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvιiκkρpυuαaγyη\x6eτtωw"
)
_LATIN = {ord(a): b for a, b in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)}
_WORD = re.compile(r"[^\s<>\"']{26,130}")


def imitations(text: str, expectation: Expectation) -> Iterator[tuple[int, str]]:
    """(offset, the author's address) of each word that only looks like it."""
    if text.isascii():
        return
    own = {address: address for _, address in expectation.addresses}
    own |= {address.partition(":")[2]: address for address in own if ":" in address}
    for word in _WORD.finditer(text):
        if word[0].isascii():
            continue
        latin = unicodedata.normalize("NFKC", word[0]).translate(_LATIN)
        plain = "".join(c for c in latin if unicodedata.category(c) not in ("Cf", "Mn"))
        if plain in own and any(unicodedata.category(c) != "Cf" for c in word[0] if ord(c) > 127):
            yield word.start(), own[plain]
