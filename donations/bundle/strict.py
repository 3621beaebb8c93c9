"""JSON that a stranger wrote, read to the letter, with the place of whatever is wrong in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from donations.amounts import MAX_DIGITS
from donations.errors import BundleRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEEPEST: Final = 16
_NO_BRACKETS: Final = re.compile(rb"[^\[\]{}]+")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_UNITS: Final = re.compile(rf"[1-9][0-9]{{0,{MAX_DIGITS - 1}}}")


def decoded(text: bytes) -> Any:
    """What the JSON says. Raises BundleRefused."""
    # Python's decoder recurses in C: what is nested without end would end the process.
    brackets = _NO_BRACKETS.sub(b"", text)
    for _ in range(_DEEPEST):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise BundleRefused("it is nested too deep, or is cut off")
    try:
        return json.loads(
            text.decode("ascii"), object_pairs_hook=_unique, parse_float=_no, parse_constant=_no
        )
    except (ValueError, RecursionError):
        raise BundleRefused("it is no JSON, or is cut off") from None


def _no(word: str) -> Any:
    raise ValueError(word)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """A place in the JSON. Every method raises BundleRefused naming it."""

    path: str
    value: Any

    def refuse(self, reason: str) -> BundleRefused:
        """The error to raise about this place."""
        return BundleRefused(f"{self.path or 'the bundle'}: {reason}")

    def members(self, *names: str) -> Mapping[str, Reader]:
        """The members of an object: these, no more and no less."""
        if not isinstance(self.value, dict):
            raise self.refuse("not an object")
        for name in names:
            if name not in self.value:
                raise self.refuse(f"{name} is missing")
        for name in self.value:
            if name not in names:
                raise self.refuse(f"unknown key {name[:40]!r}")
        lead = f"{self.path}." if self.path else ""
        return {name: Reader(lead + name, self.value[name]) for name in names}

    def items(self, most: int) -> list[Reader]:
        """The items of a list."""
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.refuse(f"not a list of at most {most}")
        return [Reader(f"{self.path}[{n}]", each) for n, each in enumerate(self.value)]

    def text(self, form: re.Pattern[str], what: str) -> str:
        """A text of this form."""
        if not isinstance(self.value, str) or form.fullmatch(self.value) is None:
            raise self.refuse(f"not {what}")
        return self.value

    def number(self, most: int) -> int:
        """A whole number, at most ``most``."""
        if type(self.value) is not int or not 0 <= self.value <= most:
            raise self.refuse(f"not a whole number from 0 to {most}")
        return self.value

    def units(self) -> int:
        """Base units, more than nothing."""
        return int(self.text(_UNITS, "base units as decimal text, more than nothing"))

    def octets(self, allowed: Callable[[int], bool], what: str) -> bytes:
        """Bytes as lower-case hexadecimal, of an allowed number."""
        found = bytes.fromhex(self.text(_HEX, "bytes in lower-case hexadecimal"))
        if not allowed(len(found)):
            raise self.refuse(f"{len(found)} bytes, {what}")
        return found

    def nodes(self, most: int) -> tuple[bytes, ...]:
        """A list of hashes."""
        return tuple(
            each.octets(lambda size: size == 32, "a hash has 32") for each in self.items(most)
        )
