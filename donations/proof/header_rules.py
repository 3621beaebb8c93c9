"""What makes a header one of its network: the rules that can be judged by headers alone.

Source: Bitcoin's consensus rules, which Bitcoin Cash shares but for the difficulty.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from donations.errors import BadObservation, ProvenLie, UpstreamMalformed
from donations.proof import headers as read
from donations.proof.headers import HEADER_BYTES
from donations.proof.work import target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from donations.proof.work import Ground

# A block's time is above the median of the eleven before it, and no more than two hours ahead of
# the clock of who judges.
MEDIAN_OF: Final = 11
AHEAD_SECONDS: Final = 2 * 3600


def check_linked(headers: Sequence[bytes]) -> None:
    """Raises UpstreamMalformed for headers of another size, or of which one does not follow."""
    if any(len(raw) != HEADER_BYTES for raw in headers):
        raise UpstreamMalformed(f"a block header has {HEADER_BYTES} bytes")
    for parent, child in itertools.pairwise(headers):
        if read.previous(child) != read.block_hash(parent):
            raise UpstreamMalformed("block headers that do not link")


def check_work(ground: Ground, height: int, raw: bytes, at: Callable[[int], bytes]) -> None:
    """The difficulty is the one that the rule gives, and the hash meets it.

    ``at`` gives the headers of ancestors. Raises ProvenLie, and BadObservation for a block that
    was paid for and breaks the rule, as all do once a network has changed it, and for one that
    keeps the rule and is easier than any that is believed.
    """
    bits, expected = read.bits(raw), ground.rule.bits(height, at)
    number, easiest = int(read.block_hash(raw), 16), target(ground.easiest)
    if bits != expected:
        broken = f"block {height} claims another difficulty than its chain gives"
        if number <= easiest:
            raise BadObservation(f"{broken}, and was paid for: has its network another rule now?")
        raise ProvenLie(
            broken,
            f"block {height}: header {raw.hex()} has bits {bits:#010x}, "
            f"the rule gives {expected:#010x}",
        )
    if target(bits) > easiest:
        raise BadObservation(f"block {height} is easier than any that is believed")
    if number > target(bits):
        raise ProvenLie(
            f"block {height} lacks the work it claims", f"block {height}: header {raw.hex()}"
        )


def check_time(height: int, raw: bytes, before: Sequence[int], now: int) -> None:
    """The time is later than that of the blocks ``before`` it, and not in the future.

    ``before`` are the times of the last eleven, or of all there are; empty when they are not
    known. ``now`` is Unix seconds. Raises ProvenLie, and BadObservation for a time ahead of
    ``now``: our clock may be wrong.
    """
    time = read.time(raw)
    if before and time <= (median := sorted(before)[len(before) // 2]):
        raise ProvenLie(
            f"the time of block {height} lies before that of its ancestors",
            f"block {height}: header {raw.hex()} tells {time}, the median is {median}",
        )
    if time > now + AHEAD_SECONDS:
        raise BadObservation(
            f"block {height} is {time - now} seconds ahead of our clock: is that right?"
        )
