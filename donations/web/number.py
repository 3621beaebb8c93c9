"""The number of a transaction as people paste it."""

from __future__ import annotations

import re

from donations.secrets import find_secret

# What comes along when a number is copied.
SPACE = " \t\r\n"
_NUMBER = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})", re.ASCII)


class NotANumber(ValueError):
    """What was given is not the number of a transaction; ``secret``: it is what nobody may see.

    The text of it is in neither.
    """

    def __init__(self, *, secret: bool) -> None:
        super().__init__("not the number of a transaction")
        self.secret = secret


def parse_number(text: str) -> bytes:
    """The 32 bytes of a txid or a hash, with or without 0x. Raises NotANumber."""
    match = _NUMBER.fullmatch(text.strip(SPACE))
    if match is None:
        raise NotANumber(secret=find_secret(text) is not None)
    return bytes.fromhex(match[1])
