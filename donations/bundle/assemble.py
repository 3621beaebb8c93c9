"""Proven transfers and the headers around them -> a bundle, with as few headers as it takes."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from donations.bundle.form import Bundle, Proven, Run
from donations.errors import BundleRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from donations.chains.base import Chain, Network
    from donations.proof.work import Ground


def assemble(
    chain: Chain,
    network: Network,
    address: str,
    proven: Iterable[Proven],
    header_at: Callable[[int], bytes | None],
    tip: int,
) -> Bundle:
    """The bundle of some transfers to ``address``, in the order of their blocks.

    ``header_at`` gives raw headers by height, ``tip`` is the height of the last one that is known.
    Raises BundleRefused where a header is missing: it is still being linked.
    """
    transfers = tuple(sorted(proven, key=lambda each: (each.height, each.id)))
    ground = network.ground
    if ground is None or not transfers:
        raise BundleRefused(f"nothing is proven at {address}")
    return Bundle(
        chain=chain.name,
        network=network.name,
        genesis=network.genesis,
        address=address,
        asset=chain.symbol,
        transfers=transfers,
        headers=tuple(
            _run(start, end, header_at)
            for start, end in spans([t.height for t in transfers], ground, tip, chain.confirmations)
        ),
    )


def spans(
    heights: Iterable[int], ground: Ground, tip: int, confirmations: int
) -> list[tuple[int, int]]:
    """(first, last) heights of the headers that lead to blocks at ``heights``, in rising order.

    Below the start of the chain: from each block up to the next one that is shipped. Above it: all
    from the start, and as many behind the last block as make it final.
    """
    shipped = [*(height for height, _ in ground.older), ground.height]
    found: list[tuple[int, int]] = []
    for height in sorted(set(heights)):
        if height > ground.height:
            continue
        end = shipped[bisect.bisect_left(shipped, height)]
        if not found or found[-1][1] < height:
            found.append((height, end))
    above = [height for height in heights if height > ground.height]
    if above:
        if found and found[-1][1] == ground.height:
            # What leads up to the start ends below it: the start opens the other run.
            first, _ = found.pop()
            if first < ground.height:
                found.append((first, ground.height - 1))
        found.append((ground.height, min(tip, max(above) + confirmations - 1)))
    return found


def _run(start: int, end: int, header_at: Callable[[int], bytes | None]) -> Run:
    headers = []
    for height in range(start, end + 1):
        raw = header_at(height)
        if raw is None:
            raise BundleRefused(f"the header of block {height} is not here yet: try again later")
        headers.append(raw)
    return Run(start, tuple(headers))
