"""The tracker of one chain: observe -> agree -> apply -> save -> publish.

Each operator is followed by a task of its own, so that none waits for a slow one. Whatever an
operator tells is held; then the view of its key is made, applied, saved and only then believed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from donations.chains.base import Protocol, server
from donations.errors import BadObservation, DonationsError, ProvenLie, StoreError
from donations.header_keeper import HeaderKeeper
from donations.lateness import Lateness
from donations.prover import ChainProver
from donations.quarantine import Quarantine
from donations.settling import Settling
from donations.sources.base import Failure
from donations.sources.base import Prover as ProvingSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from donations.books import Annotation
    from donations.config import ChainSettings
    from donations.evidence import EthereumProof
    from donations.ledger import Change, Claim, Key, Observation, Transaction, Transfer
    from donations.operators import Operator
    from donations.records import Annotated, Standing
    from donations.store import Store

logger = logging.getLogger(__name__)


class Tracker:
    """All addresses of one chain.

    ``changed`` hears what each commit changed; ``moved`` is called after each that readers may see.
    """

    def __init__(
        self,
        settings: ChainSettings,
        operators: Sequence[Operator],
        store: Store,
        *,
        poll_seconds: int,
        grace_seconds: int,
        changed: Callable[[Sequence[Change]], None],
        moved: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings, self.operators = settings, tuple(operators)
        self.chain = settings.chain.name
        self.quarantine = Quarantine(self.chain, settings.upstreams, store, clock)
        self._store, self._poll = store, poll_seconds
        self._lateness = Lateness(settings.network.longest_gap, 2 * poll_seconds)
        self._keeper = self._headers(clock)
        self._settling = Settling(
            settings,
            self.operators,
            store,
            self._keeper,
            poll_seconds=poll_seconds,
            grace_seconds=grace_seconds,
            changed=changed,
            moved=moved,
            settled=self._settled,
            clock=clock,
        )
        self._prover = None if self._keeper is None else self._proofs(self._keeper)

    def _headers(self, clock: Callable[[], float]) -> HeaderKeeper | None:
        """What proves places in blocks: where proofs are asked for, and there is who has them."""
        ground = self.settings.network.ground
        able = any(isinstance(operator.source, ProvingSource) for operator in self.operators)
        if not self.settings.proofs or ground is None or not able:
            return None
        return HeaderKeeper(self.chain, ground, self._store, clock)

    def _proofs(self, keeper: HeaderKeeper) -> ChainProver:
        return ChainProver(
            self.chain,
            self.operators,
            keeper,
            self._store,
            self.quarantine,
            poll_seconds=self._poll,
            take=self._settling.take_proofs,
            moved=self._settling.settle_all,
            convict=self.convict,
        )

    async def load(self) -> None:
        """Take up where the store left off. Raises StoreError."""
        await self._settling.load()
        await self.quarantine.load()
        for conviction in self.quarantine.active:
            for operator in self.operators:
                if operator.name == conviction.operator:
                    operator.error = ProvenLie(conviction.reason, conviction.evidence)
        if self._keeper is not None:
            await self._keeper.load()

    @property
    def keys(self) -> Sequence[Key]:
        """What is watched."""
        return self._settling.keys

    @property
    def standings(self) -> Mapping[Key, Standing]:
        """How far each key was told, for those that were."""
        return self._settling.standings

    @property
    def store_error(self) -> StoreError | None:
        """Why nothing can be saved at present."""
        return self._settling.store_error

    @property
    def disagree_since(self) -> Mapping[Key, int]:
        """Since when (Unix seconds) the operators differ, for the keys on which they do."""
        return self._settling.differences.since

    def poll(self) -> None:
        """Ask every operator, as far as none is paused."""
        for operator in self.operators:
            operator.due.set()

    async def run(self) -> None:
        """Follow all operators until cancelled."""
        self.poll()
        async with asyncio.TaskGroup() as group:
            for operator in self.operators:
                group.create_task(self._follow(operator))
            if self._prover is not None:
                group.create_task(self._prover.run())

    async def _follow(self, operator: Operator) -> None:
        while True:
            if self.quarantine.holds(operator.name):
                await asyncio.sleep(self._poll)
                continue
            await operator.next_turn()
            if self.quarantine.holds(operator.name):
                continue
            try:
                await self._ask(operator)
            except ProvenLie as lie:
                await self.convict(operator, lie)
            except DonationsError as error:
                self._note(operator, error)
            except Exception as error:
                logger.exception("%s, %s: unexpected", self.chain, operator.name)
                self._note(operator, BadObservation(f"unexpected {type(error).__name__}"))

    def _note(self, operator: Operator, error: DonationsError) -> None:
        if isinstance(error, StoreError):
            self._settling.store_error = error
            logger.error("%s: %s", self.chain, error)
            return
        if operator.is_news(error):
            where = server(operator.source.url)
            logger.warning("%s, %s (%s): %s", self.chain, operator.name, where, error)
        operator.failed(error)

    async def convict(self, operator: Operator, lie: ProvenLie) -> None:
        """Take the vote away from an operator that was caught, and settle without it."""
        operator.error = lie
        try:
            await self.quarantine.convict(operator.name, lie)
            for agreement in self._settling.agreements.values():
                agreement.forget(operator.name)
            await operator.close()
            await self._settling.settle_all()
        except StoreError as error:
            self._note(operator, error)

    async def _ask(self, operator: Operator) -> None:
        if self.settings.chain.protocol is Protocol.ETHEREUM and not self._settling.origins.decided:
            operator.probe = operator.probe or await operator.source.probe()
            operator.answered()
            if not await self._settling.origins.decide(self.operators):
                return
            self.poll()
        if operator.open:
            operator.probe = await operator.source.probe()
        asks = [await self._settling.question(operator, key) for key in self.keys]
        failures: list[Failure] = []
        late: list[Failure] = []
        more: list[Observation] = []
        async for told in operator.source.observe(asks):
            if isinstance(told, Failure):
                failures.append(told)
                continue
            operator.answered()
            if self.quarantine.holds(operator.name):
                return
            self._settling.agreements[told.key].hold(told)
            await self._settling.settle(told.key)
            standing = self.standings.get(told.key)
            why = self._lateness.judge(told, None if standing is None else standing.tip)
            late = [] if why is None else [Failure(told.key, why)]
            if self._prover is not None:
                self._prover.heard(operator.name, told.tip)
            if told.until is not None:
                more.append(told)
        for failure in failures:
            if isinstance(failure.error, ProvenLie):
                raise failure.error
        if len(failures) == len(asks):
            raise failures[0].error
        if failures or late:
            for failure in [*failures, *late]:
                if operator.is_news(failure.error):
                    address = failure.key.address
                    logger.warning("%s, %s: %s", address, operator.name, failure.error)
            operator.error = [*failures, *late][0].error
            operator.heed(failure.error for failure in failures)
        elif operator.recovered():
            logger.info("%s, %s: answers again", self.chain, operator.name)
        if more:
            await self._await_progress(operator, more)

    async def _await_progress(self, operator: Operator, partial: Iterable[Observation]) -> None:
        """A long history is told in portions: ask for the next when this one was applied."""
        deadline, advanced = time.monotonic() + self._poll, self._settling.advanced
        while time.monotonic() < deadline:
            for told in partial:
                if self._settling.coverage.is_past(operator.name, told):
                    operator.due.set()
                    return
            advanced.clear()
            try:
                await asyncio.wait_for(advanced.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return

    def _settled(self, key: Key, claims: Sequence[Claim], placed: bool) -> None:
        if self._prover is not None:
            self._prover.settled(key, claims, placed=placed)

    async def annotate(self, annotation: Annotation, expects: int | None) -> Annotated:
        """Keep what the author wrote about a transfer of this chain: see `Store.annotate`."""
        return await self._settling.annotate(annotation, expects)

    async def fill(self, opening: Transfer, past: Sequence[Transaction]) -> None:
        """Let a history take the place of an opening entry. Raises StoreError."""
        await self._settling.fill(opening, past)

    async def prove(self, proofs: Sequence[EthereumProof]) -> None:
        """Keep what proves final gifts on Ethereum, and raise their level. Raises StoreError."""
        await self._settling.take_ethereum_proofs(proofs)
