"""Proof of work: what a block must have cost, on Bitcoin, Bitcoin Cash and private networks.

A target is the largest hash, read as a little-endian number, that a block may have. Headers carry
it in 32 ``bits``: a base-256 exponent and a mantissa of 23 bits. Integers throughout.
Sources: Bitcoin's consensus rules (retarget every 2,016 blocks); the specification of aserti3-2d
(Bitcoin Cash, 15 November 2020, CHIP-2020-11-ASERT).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from donations.proof.headers import bits as bits_of
from donations.proof.headers import time as time_of

if TYPE_CHECKING:
    from collections.abc import Callable

# The easiest target of the main networks, and the only one of private test networks.
MAIN_LIMIT: Final = 0x1D00FFFF
REGTEST_BITS: Final = 0x207FFFFF

BLOCK_SECONDS: Final = 600
WINDOW: Final = 2_016
_WINDOW_SECONDS: Final = WINDOW * BLOCK_SECONDS
_HALF_LIFE_SECONDS: Final = 2 * 24 * 3600


class Rule(Protocol):
    """How a network sets the target of a block from the blocks before it."""

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        """The bits of the block at ``height``; ``header_at`` gives the 80 bytes of ancestors."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Private test networks: every block has the same target."""

    value: int = REGTEST_BITS

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        return self.value


@dataclass(frozen=True, slots=True)
class Retarget:
    """Bitcoin: a new target every 2,016 blocks, by how long the last ones took.

    ``first`` is the height of the first block of a window, and ``first_bits`` its bits: what
    comes after can be computed from headers alone.
    """

    first: int
    first_bits: int

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        if height == self.first:
            return self.first_bits
        parent = header_at(height - 1)
        if height % WINDOW:
            return bits_of(parent)
        # From the first to the last block of the window: 2,015 intervals, as Bitcoin counts.
        seconds = time_of(parent) - time_of(header_at(height - WINDOW))
        return retarget(bits_of(parent), seconds)


@dataclass(frozen=True, slots=True)
class Asert:
    """Bitcoin Cash: the target follows how far the chain is ahead of its schedule, or behind it.

    ``height`` and ``value`` (bits) are of the anchor block, ``parent_time`` of the one before it.
    """

    height: int
    value: int
    parent_time: int

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        seconds = time_of(header_at(height - 1)) - self.parent_time
        return asert(self.value, seconds, height - 1 - self.height)


def target(bits: int) -> int:
    """The target that ``bits`` mean. Raises ValueError for a negative, empty or too large one."""
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    value = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    if bits & 0x800000 or not 0 < value < 1 << 256:
        raise ValueError(f"bits {bits:#010x} are no target")
    return value


def compact(value: int) -> int:
    """The bits of a target; what the mantissa cannot hold is cut off, as consensus does."""
    exponent = (value.bit_length() + 7) // 8
    mantissa = value << 8 * (3 - exponent) if exponent <= 3 else value >> 8 * (exponent - 3)
    if mantissa & 0x800000:  # would read as a negative number
        mantissa >>= 8
        exponent += 1
    return exponent << 24 | mantissa


def work(bits: int) -> int:
    """How many hashes such a block costs on average. Raises ValueError as `target` does."""
    return (1 << 256) // (target(bits) + 1)


def retarget(bits: int, seconds: int) -> int:
    """The bits of Bitcoin's next window, after one that took ``seconds`` at ``bits``."""
    taken = min(max(seconds, _WINDOW_SECONDS // 4), _WINDOW_SECONDS * 4)
    return compact(min(target(bits) * taken // _WINDOW_SECONDS, target(MAIN_LIMIT)))


def asert(bits: int, seconds: int, blocks: int) -> int:
    """The bits of a Bitcoin Cash block: aserti3-2d.

    ``bits`` are the anchor's; its parent lies ``seconds`` of time, the anchor ``blocks`` of
    height below the block's parent.
    """
    late = (seconds - BLOCK_SECONDS * (blocks + 1)) << 16
    # Towards zero, as the reference in C++ divides.
    exponent = late // _HALF_LIFE_SECONDS if late >= 0 else -(-late // _HALF_LIFE_SECONDS)
    shifts, rest = exponent >> 16, exponent & 0xFFFF
    # 2^(rest / 65536) in 16 bits, by the cubic of the specification.
    factor = 65_536 + (
        (195_766_423_245_049 * rest + 971_821_376 * rest**2 + 5_127 * rest**3 + (1 << 47)) >> 48
    )
    value = target(bits) * factor
    shifts -= 16
    value = value << shifts if shifts >= 0 else value >> -shifts
    return compact(min(max(value, 1), target(MAIN_LIMIT)))


@dataclass(frozen=True, slots=True)
class Ground:
    """What all proofs of a network rest on: blocks that were shipped, and how work is measured.

    The chain of headers starts at the block ``hash`` of ``height``. ``older`` are blocks below
    it, in rising order of height: headers between are linked to the next one above them.
    ``easiest`` are the bits of the easiest block that is believed, whatever the rule says: a rule
    that follows the clock lets whoever makes a chain of his own, and leaves a long gap in it,
    make blocks that cost nothing.
    """

    height: int
    hash: str
    rule: Rule
    easiest: int
    older: tuple[tuple[int, str], ...] = ()


def private_ground(genesis: str) -> Ground:
    """The ground of a private test network: its block 0, and the rule of Bitcoin's regtest."""
    return Ground(0, genesis, Constant(), REGTEST_BITS)
