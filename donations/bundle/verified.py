"""What a bundle proves, and the sentences that say what that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from donations.bundle.form import Bundle

_LIMITS: Final = (
    "it proves at least this much: not that nothing else arrived",
    "it does not prove who paid, nor that the money is still there",
)
MINED_BY_ANYBODY: Final = (
    "it is of a private test network, whose blocks anybody can make: it says nothing about money"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One transfer that holds, in base units; ``time`` of its block in Unix seconds.

    ``depth``: how many blocks, its own included, lie on it at least; None where that says nothing.
    """

    id: str
    units: int
    height: int
    block: str
    time: int
    depth: int | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that holds. ``decimals`` are None for a token that this program does not know."""

    bundle: Bundle
    decimals: int | None
    transfers: tuple[Checked, ...]
    rests_on: tuple[str, ...]
    limits: tuple[str, ...] = _LIMITS
