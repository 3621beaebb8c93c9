"""How the operators of the running trackers and the sources of prices fare, for the author."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from donations.author_facts import UpstreamLine
from donations.chains.base import server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from donations.prices.pricing import Pricing
    from donations.tracker import Tracker


def price_lines(pricing: Pricing | None) -> Iterator[UpstreamLine]:
    """One line for each source of prices, as of now."""
    if pricing is None:
        return
    now, clock = time.time(), time.monotonic()
    for asked in pricing.asked:
        yield UpstreamLine(
            chain="prices",
            operator=asked.name,
            server=asked.source.server,
            answered_at=None
            if asked.answered_at is None
            else int(now - (clock - asked.answered_at)),
            reason=None if asked.error is None else asked.error.why,
            resting=asked.resting,
            broken=False,
            evidence="",
            until=None,
        )


def upstream_lines(trackers: Iterable[Tracker]) -> Iterator[UpstreamLine]:
    """One line for each operator of each chain, as of now."""
    now, clock = time.time(), time.monotonic()
    for tracker in trackers:
        convicted = {each.operator: each for each in tracker.quarantine.active}
        for operator in tracker.operators:
            answered, conviction = operator.answered_at, convicted.get(operator.name)
            yield UpstreamLine(
                chain=tracker.chain,
                operator=operator.name,
                server=server(operator.source.url),
                answered_at=None if answered is None else int(now - (clock - answered)),
                reason=None if operator.error is None else operator.error.why,
                resting=operator.paused,
                broken=operator.open,
                evidence="" if conviction is None else conviction.evidence,
                until=None if conviction is None else conviction.until,
            )
