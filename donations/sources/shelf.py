"""What has been read of a chain's transactions, so that no operator is asked for it twice.

The content of a transaction follows from its txid, whoever sent it: one operator's reading serves
the others. Recent readings stay in memory, recorded ones are in the store.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.proof.transaction import without_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.ledger import Key
    from donations.proof.transaction import RawTransaction
    from donations.sources.base import Memory

_KEPT = 4_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a transaction consumes, and which of its outputs pay watched addresses."""

    txid: str
    consumes: frozenset[str]
    outputs: tuple[tuple[str, str, int], ...]  # (outpoint, address, units)
    coinbase: bool

    @classmethod
    def of(cls, transaction: RawTransaction, addresses: dict[bytes, str]) -> Content:
        """Match outputs by script bytes: the same script has several spellings as an address."""
        scripts = [without_token(script) for script, _ in transaction.outputs]
        return cls(
            txid=transaction.txid,
            consumes=frozenset(transaction.inputs),
            outputs=tuple(
                (f"{transaction.txid}:{n}", addresses[script], transaction.outputs[n][1])
                for n, script in enumerate(scripts)
                if script in addresses
            ),
            coinbase=transaction.coinbase,
        )


class Shelf:
    """The readings of one chain. ``turn`` is held by whoever reads much, so that others wait."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._recent: OrderedDict[str, Content] = OrderedDict()
        self._outputs: dict[str, tuple[str, int]] = {}
        self.turn = asyncio.Lock()

    def put(self, content: Content) -> None:
        """Keep a reading; the oldest go."""
        self._recent[content.txid] = content
        self._outputs.update({o: (address, units) for o, address, units in content.outputs})
        while len(self._recent) > _KEPT:
            _, old = self._recent.popitem(last=False)
            for outpoint, _, _ in old.outputs:
                self._outputs.pop(outpoint, None)

    async def contents(self, key: Key, txids: Iterable[str]) -> dict[str, Content]:
        """The readings there are of ``txids``, as far as they touch ``key``."""
        wanted = set(txids)
        found = {txid: self._recent[txid] for txid in wanted & self._recent.keys()}
        for transfer in await self._memory.transfers(key, wanted - found.keys()):
            found[transfer.id] = Content(
                txid=transfer.id,
                consumes=transfer.consumes,
                outputs=tuple(
                    (outpoint, key.address, units) for outpoint, units in transfer.brings
                ),
                coinbase=transfer.coinbase,
            )
        return found

    async def owners(self, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        """(address, units) of those outpoints that pay a watched address."""
        wanted = set(outpoints)
        found = {o: self._outputs[o] for o in wanted & self._outputs.keys()}
        found.update(await self._memory.outputs(wanted - found.keys()))
        return found
