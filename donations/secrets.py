"""Recognises key material, so that it is refused before anything stores, logs or repeats it.

Nothing here returns, raises or remembers a character of what it found: only what kind of thing it
is, and on which line.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from donations import seed_words
from donations.errors import SecretPasted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_B58 = "[1-9A-HJ-NP-Za-km-z]"
_BECH32 = "[02-9ac-hj-np-z]"
# By shape and not by checksum: a key with one wrong letter is repaired in an instant.
_SHAPES = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "an extended private key",
            rf"(?<![A-Za-z0-9])(?:[a-zA-Z]{{1,3}}prv|[LM]tpv){_B58}{{40,}}",
        ),
        ("an encrypted private key (BIP-38)", rf"(?<![A-Za-z0-9])6P{_B58}{{56}}(?![A-Za-z0-9])"),
        (
            "a private key (WIF)",
            rf"(?<![A-Za-z0-9])(?:[59]{_B58}{{50}}|[KLcUMQT67X]{_B58}{{51}})(?![A-Za-z0-9])",
        ),
        ("a Nostr secret key", rf"(?i:(?<![a-z0-9])n(?:crypt)?sec1{_BECH32}{{30,}})"),
        ("a secret share (codex32)", rf"(?i:(?<![a-z0-9])ms1{_BECH32}{{45,}}(?![a-z0-9]))"),
        ("a private key (PEM)", r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY"),
        ("a wallet's key file", r"""(?i)ciphertext\\?["']?\s*[:=]\s*\\?["']?[0-9a-f]{32}"""),
    )
)
_MINI_KEY = re.compile(
    rf"(?<![A-Za-z0-9])S(?:{_B58}{{29}}|{_B58}{{25}}|{_B58}{{21}})(?![A-Za-z0-9])"
)
_BARE_HEX = re.compile(r"(?<![0-9a-fA-F])(?:0[xX])?(?:[0-9a-fA-F]{64}){1,2}(?![0-9a-fA-F])")

ADVICE = (
    "Treat it as stolen: move the money to a new wallet first. Then take it out of this place and "
    "out of every copy (editor backups, version control and its history, shell history, backups). "
    "Only public addresses belong here; nothing ever needs a key."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What kind of secret stands on which line (from 1) of the text. Never the secret."""

    kind: str
    line: int


def find_secret(text: str, *, bare_hex: bool = False) -> Finding | None:
    """The first secret of the text in reading order.

    ``bare_hex``: 64 hexadecimal digits are a private key too. Only where an address or a text is
    expected: block hashes, txids and certificate pins look the same.
    """
    plain = _without_disguise(text)
    found = min(_findings(plain, bare_hex), default=None)
    if found is None:
        return None
    position, kind = found
    return Finding(kind, plain.count("\n", 0, position) + 1)


def refuse_secrets(
    text: str,
    *,
    place: Path | str | None,
    line: int | None = None,
    key: str | None = None,
    bare_hex: bool = False,
) -> None:
    """Raises SecretPasted when the text holds key material, without repeating any of it.

    ``line`` is where the text starts in ``place``; without it the line is counted from its start.
    """
    finding = find_secret(text, bare_hex=bare_hex)
    if finding is not None:
        at = finding.line if line is None else line + finding.line - 1
        raise SecretPasted(f"{finding.kind} stands here. {ADVICE}", file=place, line=at, key=key)


def _without_disguise(text: str) -> str:
    """Full-width letters as plain ones, and no invisible characters inside words."""
    if text.isascii():
        return text
    visible = (
        character
        for character in unicodedata.normalize("NFKC", text)
        if unicodedata.category(character) != "Cf"
    )
    return "".join(visible)


def _findings(text: str, bare_hex: bool) -> Iterator[tuple[int, str]]:
    for kind, shape in _SHAPES:
        match = shape.search(text)
        if match:
            yield match.start(), kind
    for match in _MINI_KEY.finditer(text):
        if sha256(f"{match.group()}?".encode()).digest()[0] == 0:
            yield match.start(), "a private key (mini key)"
            break
    if bare_hex:
        match = _BARE_HEX.search(text)
        if match:
            yield match.start(), "a private key or seed (hexadecimal)"
    position = seed_words.find_phrase(text)
    if position is not None:
        yield position, "a seed phrase"
