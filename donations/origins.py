"""From where the watch of an address begins.

An Electrum server tells the whole history. On Ethereum it can be searched only where enough
endpoints still hold every state; else the watch begins at a final block that all can read, and what
lay there is an opening entry, never "received". The choice is made once a key, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.chains.base import Protocol
from donations.sources.base import Ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.config import ChainSettings
    from donations.ledger import Key
    from donations.operators import Operator
    from donations.records import Standing
    from donations.store import Store


@dataclass(frozen=True, slots=True)
class Origin:
    """``height`` of the first block looked at; ``opening``: with an opening entry there."""

    height: int
    opening: bool


class Origins:
    """The origins of the keys of one chain."""

    def __init__(self, settings: ChainSettings, keys: Iterable[Key], store: Store) -> None:
        self._settings, self._store = settings, store
        self._known: dict[Key, Origin] = {}
        self._wanted = list(keys) if settings.chain.protocol is Protocol.ETHEREUM else []

    @property
    def decided(self) -> bool:
        return all(key in self._known for key in self._wanted)

    async def load(self) -> None:
        """Take the origins decided before. Raises StoreError."""
        facts = await self._store.run(self._store.facts)
        for key in self._wanted:
            value = facts.get(_name(key))
            if value is not None:
                height, _, kind = value.partition(" ")
                self._known[key] = Origin(int(height), kind == "opening")

    async def decide(self, operators: Sequence[Operator]) -> bool:
        """Decide once every operator was tried and enough of them answered. Raises StoreError."""
        probes = [operator.probe for operator in operators if operator.probe is not None]
        if len(probes) < max(1, self._settings.agree) or not all(o.tried for o in operators):
            return False
        whole = sum(1 for probe in probes if probe.reaches_genesis) >= self._settings.agree
        final = min(probe.final_height for probe in probes)
        for key in self._wanted:
            if key in self._known:
                continue
            native = key.asset == self._settings.chain.symbol
            origin = Origin(0, False) if whole and native else Origin(final, True)
            value = f"{origin.height} {'opening' if origin.opening else 'history'}"
            await self._store.run(self._store.remember, _name(key), value)
            self._known[key] = origin
        return True

    def floor(self, key: Key) -> int:
        """The lowest height that is ever asked for: above an opening entry, else 0.

        What lay below it is in the opening, and would count twice.
        """
        origin = self._known.get(key)
        return origin.height + 1 if origin is not None and origin.opening else 0

    def first_ask(self, key: Key, operator: Operator, standing: Standing | None) -> Ask:
        """The first question to an operator about a key.

        One that joins later, or cannot look back, starts at what is final already.
        """
        origin = self._known.get(key)
        if origin is None:
            return Ask(key, 0)
        if standing is not None and standing.complete and origin.height != 0:
            return Ask(key, standing.final_height)
        if origin.opening:
            return Ask(key, origin.height, opening=True)
        reaches = operator.probe is not None and operator.probe.reaches_genesis
        if reaches:
            return Ask(key, 0)
        return Ask(key, standing.final_height if standing else operator_final(operator))


def operator_final(operator: Operator) -> int:
    """The final height an operator told when it was probed."""
    return 0 if operator.probe is None else operator.probe.final_height


def _name(key: Key) -> str:
    return f"origin {key.chain} {key.address} {key.asset}"
