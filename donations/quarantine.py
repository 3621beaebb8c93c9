"""Operators that were caught in a lie: out of the vote for a day, with what shows it.

A conviction outlives restarts, and ends earlier when the operator's upstreams are configured anew.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Final

from donations.evidence import Conviction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from donations.chains.base import Upstream
    from donations.errors import ProvenLie
    from donations.store import Store

logger = logging.getLogger(__name__)

SECONDS: Final = 24 * 3600


class Quarantine:
    """Of one chain. ``clock`` tells Unix seconds."""

    def __init__(
        self, chain: str, upstreams: Iterable[Upstream], store: Store, clock: Callable[[], float]
    ) -> None:
        self._chain, self._store, self._clock = chain, store, clock
        self._configurations = configurations(upstreams)
        self._convicted: dict[str, Conviction] = {}

    async def load(self) -> None:
        """Take up the convictions that were kept. Raises StoreError."""
        kept = await self._store.run(self._store.convictions)
        mine = (each for each in kept if each.chain == self._chain)
        self._convicted = {
            each.operator: each for each in valid(mine, self._configurations, self._clock())
        }

    @property
    def active(self) -> list[Conviction]:
        """The convictions that hold at present."""
        now = self._clock()
        return [each for each in self._convicted.values() if each.until > now]

    def holds(self, operator: str) -> bool:
        """Whether an operator is out of the vote."""
        return any(each.operator == operator for each in self.active)

    async def convict(self, operator: str, lie: ProvenLie) -> None:
        """Take an operator out of the vote. Raises StoreError, and holds all the same."""
        now = int(self._clock())
        conviction = Conviction(
            chain=self._chain,
            operator=operator,
            reason=str(lie),
            evidence=lie.evidence,
            at=now,
            until=now + SECONDS,
            configuration=self._configurations.get(operator, ""),
        )
        self._convicted[operator] = conviction
        logger.warning(
            "%s: %s is caught in a lie and out of the vote for a day: %s (%s)",
            self._chain, operator, lie, lie.evidence,
        )  # fmt: skip
        await self._store.run(self._store.convict, conviction)


def configurations(upstreams: Iterable[Upstream]) -> dict[str, str]:
    """What stands for the upstreams of each operator: a digest, since URLs may hold keys."""
    urls: dict[str, list[str]] = {}
    for upstream in upstreams:
        urls.setdefault(upstream.operator, []).append(upstream.url)
    return {
        operator: hashlib.sha256("\n".join(sorted(each)).encode()).hexdigest()
        for operator, each in urls.items()
    }


def valid(kept: Iterable[Conviction], known: Mapping[str, str], now: float) -> Iterable[Conviction]:
    """Those of the convictions that are not over, of operators configured as they were."""
    return (
        each for each in kept if each.until > now and known.get(each.operator) == each.configuration
    )


def read_convicted(
    store: Store, upstreams: Mapping[str, Iterable[Upstream]], now: float
) -> list[Conviction]:
    """The convictions that hold now, as the database has them; ``upstreams`` are by chain.

    Raises StoreError.
    """
    kept = store.convictions()
    return [
        conviction
        for chain, its in upstreams.items()
        for conviction in valid((c for c in kept if c.chain == chain), configurations(its), now)
    ]
