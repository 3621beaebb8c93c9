"""The level of Ethereum gifts: each final one is proven once, in the background.

At rest nothing is asked. A gift that cannot be proven now is tried again later and later; one that
never can be stays agreed. Nothing here decides whether a gift counts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from donations.errors import ProvenLie, StoreError
from donations.evidence import EthereumProof
from donations.ledger import Level
from donations.sources.base import EthereumProver
from donations.sources.ethereum_prover import claim_of, prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from donations.ledger import Block, Key, Transfer
    from donations.proof.ethereum_evidence import Claim
    from donations.sources.ethereum_prover import Proven
    from donations.store import Store
    from donations.tracker import Tracker

logger = logging.getLogger(__name__)

_PAGE = 500
# Between two blocks, so that a long history is no burst; and between two tries of one gift.
_PAUSE_SECONDS = 1.0
_FIRST_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 86_400.0


@dataclass(slots=True)
class _Open:
    """A gift that is not proven yet. ``due`` is in monotonic seconds."""

    key: Key
    block: Block
    claim: Claim
    due: float = 0.0
    wait: float = _FIRST_WAIT_SECONDS


class EthereumLevels:
    """Proves the final gifts of one Ethereum chain."""

    def __init__(
        self, tracker: Tracker, store: Store, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.chain = tracker.chain
        self._tracker, self._store, self._clock = tracker, store, clock
        settings = tracker.settings
        self._symbol = settings.chain.symbol
        self._contracts = {token.symbol: token.contract for token in settings.tokens}
        self._open: dict[tuple[Key, str], _Open] = {}
        self._wake = asyncio.Event()

    def note(self, transfers: Iterable[Transfer]) -> None:
        """Hear of transfers as they are now."""
        for transfer in transfers:
            claim = claim_of(transfer, self._symbol, self._contracts)
            identity = (transfer.key, transfer.id)
            if claim is None or transfer.block is None or transfer.level is Level.PROVEN:
                self._open.pop(identity, None)
            elif identity not in self._open or self._open[identity].claim != claim:
                self._open[identity] = _Open(transfer.key, transfer.block, claim)
        self._wake.set()

    async def run(self) -> None:
        """Prove what is final, until cancelled."""
        await self._load()
        while True:
            self._wake.clear()
            if await self.prove_newest():
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), self.rest)
            except TimeoutError:
                continue

    @property
    def rest(self) -> float | None:
        """Seconds until something is to be tried (again); None: nothing is open."""
        nearest = min((each.due for each in self._open.values()), default=None)
        return None if nearest is None else max(0.0, nearest - self._clock())

    async def prove_newest(self) -> bool:
        """Try what is due in the newest block that holds such a gift; whether there was any."""
        now = self._clock()
        ready = [each for each in self._open.values() if each.due <= now]
        if ready:
            newest = max((each.block for each in ready), key=lambda block: block.height)
            await self._prove(newest, [each for each in ready if each.block == newest])
        return bool(ready)

    async def _load(self) -> None:
        """What an earlier run left open."""
        try:
            for key in self._tracker.keys:
                before: tuple[int, str] | None = None
                while page := await self._store.run(self._store.unproven, key, before, _PAGE):
                    self.note(page)
                    last = page[-1]
                    before = (0 if last.block is None else last.block.height, last.id)
        except StoreError as error:
            logger.error("what is not proven yet cannot be read: %s", error)

    async def _prove(self, block: Block, some: Sequence[_Open]) -> None:
        operators = {
            operator.name: operator.source.proofs
            for operator in self._tracker.operators
            if isinstance(operator.source, EthereumProver)
            and not (operator.paused or operator.open)
            and not self._tracker.quarantine.holds(operator.name)
        }
        claims = [each.claim for each in some]
        proven = await prove(block, claims, operators, self._tracker.settings.agree)
        for operator in self._tracker.operators:
            error = proven.failures.get(operator.name)
            if isinstance(error, ProvenLie):
                await self._tracker.convict(operator, error)
            elif error is not None:
                logger.info("block %s, %s: %s", block.height, operator.name, error)
                operator.heed([error])
        try:
            await self._keep(block, some, proven)
        except StoreError as error:
            logger.error("what proves gifts of block %s cannot be kept: %s", block.height, error)
        for each in some:
            if each.claim in proven.unprovable:
                self._open.pop((each.key, each.claim.id), None)
            each.due = self._clock() + each.wait
            each.wait = min(2 * each.wait, _LONGEST_WAIT_SECONDS)

    async def _keep(self, block: Block, some: Sequence[_Open], proven: Proven) -> None:
        proofs = [
            EthereumProof(each.key, each.claim.id, block, shown.evidence, shown.inside)
            for each in some
            if (shown := proven.shown.get(each.claim)) is not None
        ]
        if proofs:
            await self._tracker.prove(proofs)
