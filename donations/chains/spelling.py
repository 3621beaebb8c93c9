"""What every parser of addresses says about a text that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.chains.recognise import recognise
from donations.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.chains.base import Network


def parse_with(canonical: Callable[[str], str], text: str, title: str, network: Network) -> str:
    """``canonical(text)``, its ValueError told as an InvalidAddress that names the cause.

    The text itself is not repeated: it may be a secret that landed in the wrong place.
    """
    try:
        return canonical(text)
    except ValueError as error:
        reason = str(error)
    known = recognise(text)
    expected = f"a {title} address" if title[0] not in "AEIOU" else f"an {title} address"
    if network.name != "mainnet":
        expected += f" of the network {network.name}"
    if known is not None and known != expected:
        raise InvalidAddress(f"this is {known} and not {expected}")
    stranger = _stranger(text)
    if stranger is not None:
        raise InvalidAddress(f"not {expected}: {stranger}")
    raise InvalidAddress(f"not {expected}: {reason}")


def _stranger(text: str) -> str | None:
    """What is wrong with the characters themselves; None when all are visible ASCII."""
    if not text:
        return "it is empty"
    if text != text.strip():
        return "there is white space around it"
    for position, character in enumerate(text, 1):
        if not "!" <= character <= "~":
            return f"character {position} is U+{ord(character):04X}, which no address holds"
    return None
