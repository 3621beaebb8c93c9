"""Finds seed phrases: 12 or more consecutive words of one list of BIP-39, in any of its languages.

The lists are data files of ``eth_account``, which comes with ``web3``, read from its folder
and never imported: this service loads no code that signs.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from donations.errors import DonationsError

SHORTEST = 12
# Chinese phrases are found when their characters stand apart, as wallets show them: run together
# they look like prose, which consists of listed characters for the most part.
_WORD = re.compile(r"[^\W\d_]+")


def find_phrase(text: str) -> int | None:
    """Where the first phrase begins; None without one. ``text`` has composed accents (NFC)."""
    words = [(match.start(), match.group()) for match in _WORD.finditer(text)]
    if len(words) < SHORTEST:
        return None
    folded = [_folded(word) for _, word in words]
    starts = [
        words[index][0]
        for listed in word_lists()
        if (index := _first_run([word in listed for word in folded])) is not None
    ]
    return min(starts, default=None)


@cache
def word_lists() -> tuple[frozenset[str], ...]:
    """The lists, folded as ``find_phrase`` folds. Raises DonationsError when they are missing."""
    spec = find_spec("eth_account")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        files = sorted(Path(folder, "hdaccount", "wordlist").glob("*.txt"))
        if files:
            return tuple(
                frozenset(_folded(word) for word in file.read_text("utf-8").split())
                for file in files
            )
    raise DonationsError("the word lists of the package eth_account are missing: reinstall it")


def _first_run(listed: list[bool]) -> int | None:
    length = 0
    for index, is_listed in enumerate(listed):
        length = length + 1 if is_listed else 0
        if length == SHORTEST:
            return index - SHORTEST + 1
    return None


def _folded(word: str) -> str:
    """Lower case without accents, as people type what they read off a card."""
    apart = unicodedata.normalize("NFKD", word.lower())
    return "".join(character for character in apart if not unicodedata.combining(character))
