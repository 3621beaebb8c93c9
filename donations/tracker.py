"""The tracker of one chain: observe -> agree -> apply -> save -> publish.

Each operator is followed by a task of its own, so that none waits for a slow one. Whatever an
operator tells is held; then the view of its key is made, applied, saved and only then believed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from donations.agreement import Agreement
from donations.chains.base import Protocol, server
from donations.differences import Differences
from donations.errors import BadObservation, DonationsError, ProvenLie, StoreError
from donations.gate import gate
from donations.header_keeper import HeaderKeeper
from donations.ledger import (
    Block,
    Change,
    Key,
    News,
    Observation,
    State,
    Transfer,
    View,
    apply,
    disown,
    is_deep,
    next_since,
    prove,
)
from donations.origins import Origins
from donations.prover import ChainProver
from donations.quarantine import Quarantine
from donations.sources.base import Ask, Failure
from donations.sources.base import Prover as ProvingSource
from donations.store import Batch, Cursor, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from donations.config import ChainSettings
    from donations.evidence import EthereumProof, Proof
    from donations.operators import Operator
    from donations.store import Store

logger = logging.getLogger(__name__)

# How many block hashes are recorded a chain: a reorg is judged by them.
RECORDED_BLOCKS = 150
# More changes at once than these are told as a number.
_TOLD_EACH = 20
# An operator that was silent for so many polls has no vote any more.
_SILENT_POLLS = 3


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
        self.standings: dict[Key, Standing] = {}
        self.store_error: StoreError | None = None
        self._store, self._clock = store, clock
        self._changed, self._moved = changed, moved
        self._poll, self._grace = poll_seconds, grace_seconds
        self.keys = [
            Key(self.chain, address, asset)
            for address in settings.addresses
            for asset in (settings.chain.symbol, *(token.symbol for token in settings.tokens))
        ]
        self._agreements = {key: Agreement(settings.agree) for key in self.keys}
        self._ledgers: dict[Key, dict[str, Transfer]] = {key: {} for key in self.keys}
        self._cursors: dict[tuple[str, Key], Cursor] = {}
        self._recorded: dict[int, Block] = {}
        # From which height the next views have to tell everything: below, enough operators did.
        self._agreed: dict[Key, int] = {}
        # The last common height of a reorg below which a final transfer may have been.
        self._suspect_above: dict[Key, int] = {}
        self._read: dict[Key, int] = {}
        self._origins = Origins(settings, self.keys, store)
        self._differences = Differences(self.chain, grace_seconds)
        self.quarantine = Quarantine(self.chain, settings.upstreams, store, clock)
        self._keeper, self._prover = self._proofs(settings, poll_seconds)
        self._turn = asyncio.Lock()
        self._advanced = asyncio.Event()

    def _proofs(
        self, settings: ChainSettings, poll_seconds: int
    ) -> tuple[HeaderKeeper | None, ChainProver | None]:
        """What proves places in blocks: where proofs are asked for, and there is who has them."""
        ground = settings.network.ground
        able = any(isinstance(operator.source, ProvingSource) for operator in self.operators)
        if not settings.proofs or ground is None or not able:
            return None, None
        keeper = HeaderKeeper(self.chain, ground, self._store, self._clock)
        prover = ChainProver(
            self.chain,
            self.operators,
            keeper,
            self._store,
            self.quarantine,
            poll_seconds=poll_seconds,
            take=self._take_proofs,
            moved=self._settle_all,
            convict=self.convict,
        )
        return keeper, prover

    async def load(self) -> None:
        """Take up where the store left off. Raises StoreError."""
        store = self._store
        self._recorded = await store.run(store.blocks, self.chain)
        standings = await store.run(store.standings)
        self.standings = {key: s for key, s in standings.items() if key in self._ledgers}
        for cursor in await store.run(store.cursors, self.chain):
            self._cursors[cursor.operator, cursor.key] = cursor
        for key in self.keys:
            sinces = sorted((c.since for c in self._cursors.values() if c.key == key), reverse=True)
            if len(sinces) >= max(1, self.settings.agree):
                self._agreed[key] = sinces[max(1, self.settings.agree) - 1]
        for transfer in await store.run(store.unsettled, self.chain):
            standing = self.standings.get(transfer.key)
            deep = standing is not None and is_deep(transfer, standing.final_height)
            if transfer.key in self._ledgers and not deep:
                self._ledgers[transfer.key][transfer.id] = transfer
        facts = await store.run(store.facts)
        self._suspect_above = self._suspects_of(facts.get(self._suspects_fact, ""))
        claims = await store.run(store.claims)
        self._differences.load(facts, (c for c in claims if c.key in self._ledgers))
        await self._origins.load()
        await self.quarantine.load()
        for conviction in self.quarantine.active:
            for operator in self.operators:
                if operator.name == conviction.operator:
                    operator.error = ProvenLie(conviction.reason, conviction.evidence)
        if self._keeper is not None:
            await self._keeper.load()

    @property
    def disagree_since(self) -> Mapping[Key, int]:
        """Since when (Unix seconds) the operators differ, for the keys on which they do."""
        return self._differences.since

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
            self.store_error = error
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
            for agreement in self._agreements.values():
                agreement.forget(operator.name)
            await operator.close()
            await self._settle_all()
        except StoreError as error:
            self._note(operator, error)

    async def _ask(self, operator: Operator) -> None:
        if self.settings.chain.protocol is Protocol.ETHEREUM and not self._origins.decided:
            operator.probe = operator.probe or await operator.source.probe()
            operator.answered()
            if not await self._origins.decide(self.operators):
                return
            self.poll()
        if operator.open:
            operator.probe = await operator.source.probe()
        asks = [await self._question(operator, key) for key in self.keys]
        failures: list[Failure] = []
        more: list[Observation] = []
        async for told in operator.source.observe(asks):
            if isinstance(told, Failure):
                failures.append(told)
                continue
            operator.answered()
            if self.quarantine.holds(operator.name):
                return
            self._agreements[told.key].hold(told)
            await self._settle(told.key)
            if self._prover is not None:
                self._prover.heard(operator.name, told.tip)
            if told.until is not None:
                more.append(told)
        for failure in failures:
            if isinstance(failure.error, ProvenLie):
                raise failure.error
        if len(failures) == len(asks):
            raise failures[0].error
        if failures:
            for failure in failures:
                if operator.is_news(failure.error):
                    address = failure.key.address
                    logger.warning("%s, %s: %s", address, operator.name, failure.error)
            operator.error = failures[0].error
            operator.heed(failure.error for failure in failures)
        elif operator.recovered():
            logger.info("%s, %s: answers again", self.chain, operator.name)
        if more:
            await self._await_progress(operator, more)

    async def _await_progress(self, operator: Operator, partial: Iterable[Observation]) -> None:
        """A long history is told in portions: ask for the next when this one was applied."""
        deadline = time.monotonic() + self._poll
        while time.monotonic() < deadline:
            for told in partial:
                cursor = self._cursors.get((operator.name, told.key))
                if cursor is not None and cursor.since > told.since:
                    operator.due.set()
                    return
            self._advanced.clear()
            try:
                await asyncio.wait_for(self._advanced.wait(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return

    # -- asking

    async def _question(self, operator: Operator, key: Key) -> Ask:
        ledger = self._ledgers[key]
        unsettled = tuple(t for t in ledger.values() if not t.settled)
        cursor = self._cursors.get((operator.name, key))
        if cursor is None:
            ask = self._origins.first_ask(key, operator, self.standings.get(key))
        else:
            since = next_since(unsettled, cursor.since - 1)
            since = max(min(since, self._agreed.get(key, since)), self._origins.floor(key))
            ask = Ask(key, since, checkpoint=cursor.checkpoint)
        below = [height for height in self._recorded if height < ask.since]
        anchor = self._recorded[max(below)] if below else None
        settled = await self._store.run(self._store.count_final, key, ask.since) if anchor else 0
        recorded: list[Transfer] = []
        if ask.checkpoint is not None:
            above = ask.checkpoint.block.height
            recorded = [t for t in unsettled if t.bucket is not None and t.block is not None]
            recorded += await self._store.run(self._store.final_above, key, above)
        return replace(
            ask,
            unsettled=unsettled,
            settled=settled,
            anchor=anchor,
            compare=self._compare(key),
            recorded=tuple({t.id: t for t in recorded}.values()),
        )

    def _compare(self, key: Key) -> frozenset[int]:
        """Heights at which we want to know the operator's block: what we stand on, what is open."""
        heights = {t.block.height for t in self._ledgers[key].values() if t.block is not None}
        heights |= {max(self._recorded)} if self._recorded else set()
        for operator in self.operators:
            latest = self._agreements[key].latest(operator.name)
            if latest is not None:
                heights.add(latest.tip.height)
        return frozenset(heights)

    # -- settling

    async def _settle_all(self) -> None:
        for key in self.keys:
            await self._settle(key)

    async def _settle(self, key: Key) -> None:
        """Make the view of ``key``, apply, save, and only then believe it. Raises StoreError."""
        async with self._turn:
            now = int(self._clock())
            oldest = now - _SILENT_POLLS * self._poll
            agreement = self._agreements[key]
            view = agreement.view(self._ledgers[key], self._recorded, oldest=oldest)
            if view is None:
                split = agreement.is_split(self._recorded, oldest=oldest)
                await self._note_split(key, split, now)
                return
            recorded, fork = self._follow_chain(view)
            ledger = {**self._ledgers[key], **await self._mentioned(key, view)}
            view = await self._gated(_without_known(view, ledger), ledger)
            self._differences.note(view, now)
            changes = apply(ledger, view, now=now, grace=self._grace)
            ledger.update({change.after.id: change.after for change in changes})
            unsure = self._unsure(key, ledger, view)
            agreed = self._agreed_after(key, view)
            disowned = await self._disowned(key, changes, now)
            complete = key in self.standings and self.standings[key].complete
            batch = Batch(
                changes=(*changes, *disowned),
                cursors=self._new_cursors(key, view, agreed, fork),
                standing=Standing(
                    key=key,
                    tip=view.tip,
                    final_height=view.final_height,
                    at=view.at,
                    sources=len(view.operators),
                    complete=complete or view.until is None,
                    balance=view.balance,
                ),
                blocks=recorded if recorded != self._recorded else {},
                history=not complete,
                facts=((self._suspects_fact, self._suspects_text()), *self._differences.facts()),
                claims=self._differences.claims(key) if view.until is None else None,
            )
            await self._store.run(self._store.save, batch)
            self._recorded, self._agreed[key] = recorded, agreed
            self._believe(key, ledger, batch, unsure)
            self._changed(batch.changes)
        self._tell(batch, view.total)
        if batch.standing.complete:
            self._moved()
            if self._prover is not None:
                placed = any(c.after.waits_for_proof for c in changes) or not complete
                self._prover.settled(key, view.claimed, placed=placed)

    async def _gated(self, view: View, ledger: Mapping[str, Transfer]) -> View:
        """The view with what is proven, where proofs are asked for."""
        if self._keeper is None:
            return view
        await self._keeper.prefer(view.tip)
        told = [t.id for t in view.transactions if t.block is not None]
        names = {*told, *(claim.transaction.id for claim in view.claimed), *ledger}
        kept = await self._store.run(self._store.proven_places, self.chain, names)
        places = {identity: b for identity, b in kept.items() if self._keeper.holds(b)}
        return gate(view, ledger, places, self._proven_final())

    def _proven_final(self) -> int:
        """The last final block of our own headers."""
        tip = None if self._keeper is None else self._keeper.tip
        return -1 if tip is None else tip.height - self.settings.confirmations + 1

    async def _take_proofs(self, proofs: Sequence[Proof], places: dict[str, Block]) -> None:
        """Save proofs with what they change, and believe it. Raises StoreError.

        What is believed to stand elsewhere, or was only claimed, is left to the view.
        """
        async with self._turn:
            now = int(self._clock())
            changes: list[Change] = []
            for key in self.keys:
                standing = self.standings.get(key)
                if standing is not None and standing.complete:
                    changes += prove(
                        await self._store.run(self._store.transfers, key, places),
                        places,
                        final_height=min(standing.final_height, self._proven_final()),
                        tip=standing.tip.height,
                        now=now,
                    )
            await self._store.run(self._store.save_proofs, proofs, changes)
            for change in changes:
                self._keep(change.after)
            self._changed(changes)
        self._tell_changes(changes)
        if places.keys() - {change.after.id for change in changes}:
            await self._settle_all()
        self._moved()

    def _keep(self, transfer: Transfer) -> None:
        """Hold a transfer as long as views may change it."""
        ledger = dict(self._ledgers[transfer.key])
        ledger.pop(transfer.id, None)
        if not transfer.settled:
            ledger[transfer.id] = transfer
        self._ledgers[transfer.key] = ledger

    async def prove(self, proofs: Sequence[EthereumProof]) -> None:
        """Keep what proves final gifts on Ethereum, and raise their level. Raises StoreError.

        What does not stand in the proven block any more is left to the views.
        """
        async with self._turn:
            now = int(self._clock())
            changes: list[Change] = []
            for proof in proofs:
                standing = self.standings[proof.key]
                found = await self._store.run(self._store.transfers, proof.key, [proof.id])
                changes += prove(
                    found,
                    {proof.id: proof.block},
                    final_height=standing.final_height,
                    tip=standing.tip.height,
                    now=now,
                )
            held = {(change.after.key, change.after.id) for change in changes}
            kept = [proof for proof in proofs if (proof.key, proof.id) in held]
            await self._store.run(self._store.save_ethereum_proofs, kept, changes)
            for change in changes:
                key = change.after.key
                if change.after.id in self._ledgers[key]:
                    self._ledgers[key] = {**self._ledgers[key], change.after.id: change.after}
            self._changed(changes)
        self._moved()

    async def _mentioned(self, key: Key, view: View) -> dict[str, Transfer]:
        """Transfers not in memory that the view names, or whose block may be gone."""
        names = {t.id for t in view.transactions} | {c.transaction.id for c in view.claimed}
        names -= self._ledgers[key].keys()
        found = await self._store.run(self._store.transfers, key, names)
        if key in self._suspect_above:
            above = self._suspect_above[key]
            found += await self._store.run(self._store.final_above, key, above)
        return {transfer.id: transfer for transfer in found}

    async def _disowned(self, key: Key, changes: Iterable[Change], now: int) -> tuple[Change, ...]:
        """Gifts at other addresses that a transaction from this one turns into own transfers."""
        spending = [c.after.id for c in changes if c.before is None and c.after.spends]
        elsewhere = await self._store.run(self._store.gifts_elsewhere, key, spending)
        return disown(elsewhere, now)

    def _follow_chain(self, view: View) -> tuple[dict[int, Block], int | None]:
        """The recorded blocks after ``view``, and the last common height if it left them.

        A view that ends below what is recorded left it too: one operator after another may switch,
        and the block they share meanwhile contradicts nothing. What is final above the fork is
        suspect from then on, and everything above it has to be told again, at every key.
        """
        known = self._recorded
        tip = view.tip.height
        contradicted = any(known.get(h, block) != block for h, block in view.blocks.items())
        fork = None
        if contradicted or tip < max(known, default=tip):
            common = (h for h, block in view.blocks.items() if known.get(h) == block)
            fork = max(common, default=min(known) - 1)
            known = {h: block for h, block in known.items() if h <= fork}
            for key in self.keys:
                self._suspect_above[key] = min(fork, self._suspect_above.get(key, fork))
                again = max(fork + 1, self._origins.floor(key))
                self._agreed[key] = min(again, self._agreed.get(key, again))
            logger.warning("%s: a reorg above block %s", self.chain, fork)
        merged = {**known, **view.blocks}
        return {h: b for h, b in merged.items() if tip - RECORDED_BLOCKS < h <= tip}, fork

    def _unsure(self, key: Key, ledger: Mapping[str, Transfer], view: View) -> frozenset[str]:
        """What of a suspect key the view does not judge. Without any, the key is suspect no more.

        While a final transfer is in doubt it stays suspect: the new chain may hold the transaction
        in a lower block than the old one did.
        """
        above = self._suspect_above.get(key)
        if above is None:
            return frozenset()
        unsure = frozenset(
            t.id
            for t in ledger.values()
            if t.block is not None and t.block.height not in view.blocks
        )
        doubted = any(t.state is State.FINAL and not t.settled for t in ledger.values())
        from_fork = view.since <= max(above + 1, self._origins.floor(key))
        if from_fork and not unsure and not doubted and view.until is None:
            del self._suspect_above[key]
        return unsure

    @property
    def _suspects_fact(self) -> str:
        return f"suspect {self.chain}"

    def _suspects_text(self) -> str:
        """What a restart must know of a reorg that is not digested yet: one key a line."""
        return "\n".join(
            f"{key.address} {key.asset} {fork}" for key, fork in self._suspect_above.items()
        )

    def _suspects_of(self, text: str) -> dict[Key, int]:
        entries = (line.split() for line in text.splitlines())
        forks = {Key(self.chain, address, asset): int(fork) for address, asset, fork in entries}
        return {key: fork for key, fork in forks.items() if key in self._ledgers}

    def _agreed_after(self, key: Key, view: View) -> int:
        """The height from which everything has to be told, after ``view``.

        It moves up only over what the view covered.
        """
        before = self._agreed.get(key, view.since)
        if view.since > before:
            return before
        if view.until is not None:
            return view.until + 1
        after = view.final_height + 1
        after = min(after, self._suspect_above.get(key, after) + 1)
        return max(after, self._origins.floor(key))

    def _new_cursors(
        self, key: Key, view: View, agreed: int, fork: int | None
    ) -> tuple[Cursor, ...]:
        """The cursors that moved: of this key as far as was agreed, of all down to a fork."""
        cursors = dict(self._cursors)
        if fork is not None:
            for place, cursor in cursors.items():
                cursors[place] = replace(cursor, since=min(cursor.since, fork + 1))
        for operator in self.operators:
            told = self._agreements[key].latest(operator.name)
            if told is None or told.at < view.at - _SILENT_POLLS * self._poll:
                continue
            if told.until is None:
                since = min(told.final_height + 1, agreed)
            elif view.until is None or view.until >= told.until:
                since = told.until + 1
            else:
                continue
            cursors[operator.name, key] = Cursor(operator.name, key, max(0, since), told.checkpoint)
        return tuple(c for place, c in cursors.items() if self._cursors.get(place) != c)

    def _believe(
        self, key: Key, ledger: dict[str, Transfer], batch: Batch, unsure: frozenset[str]
    ) -> None:
        self.store_error = None
        self.standings[key] = batch.standing
        for cursor in batch.cursors:
            self._cursors[cursor.operator, cursor.key] = cursor
        # What another key is unsure of stays there until its own view: its next question needs it.
        final_height = batch.standing.final_height
        self._ledgers[key] = {
            t.id: t
            for t in ledger.values()
            if t.id in unsure or not (t.settled or is_deep(t, final_height))
        }
        for change in batch.changes:
            other = change.after.key
            if other != key and other in self._ledgers:
                self._ledgers[other] = {
                    **self._ledgers[other],
                    change.after.id: change.after,
                }
        self._advanced.set()

    async def _note_split(self, key: Key, split: bool, now: int) -> None:
        """Without a view nothing is saved, but since when there is none outlives a restart."""
        if split is not (key in self._differences.since):
            self._differences.note_split(key, split, now)
            for name, value in self._differences.facts():
                await self._store.run(self._store.remember, name, value)

    def _tell(self, batch: Batch, total: int | None) -> None:
        key = batch.standing.key
        if batch.history:
            self._read[key] = self._read.get(key, 0) + len(batch.changes)
            if self._read[key]:
                of_all = "" if total is None else f" of {total}"
                logger.info("%s: %s%s transactions read", key.address, self._read[key], of_all)
            return
        self._tell_changes(batch.changes)

    def _tell_changes(self, changes: Sequence[Change]) -> None:
        if len(changes) > _TOLD_EACH:
            logger.info(
                "%s: %s changes, the last: %s", self.chain, len(changes), _sentence(changes[-1])
            )
            changes = [change for change in changes if change.final_reversed]
        for change in changes:
            if change.news is News.PROVEN:
                continue
            level = logging.WARNING if change.final_reversed else logging.INFO
            logger.log(level, "%s", _sentence(change))


def _without_known(view: View, ledger: Mapping[str, Transfer]) -> View:
    """What stands already is no claim of who tells it once more, from further below than others."""
    standing = {t.id: t.block for t in ledger.values() if t.bucket is not None}
    claimed = (
        claim
        for claim in view.claimed
        if claim.transaction.block is None
        or standing.get(claim.transaction.id) != claim.transaction.block
    )
    return replace(view, claimed=tuple(claimed))


def _sentence(change: Change) -> str:
    after = change.after
    words = change.news.value
    if change.reorged:
        words += ", reorged"
    if change.final_reversed:
        words += f", final reversed: {change.evidence}"
    if change.news is News.REPLACED:
        words += f" by {after.replaced_by}"
    return f"{after.key.chain} {after.kind.value} {after.id} of {after.amount}: {words}"
