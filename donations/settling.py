"""The settling of the addresses of one chain: agree -> apply -> save, and only then believe.

What operators told is held here. Each view, and each proof, changes a ledger in a turn of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from donations.agreement import Agreement
from donations.coverage import Coverage
from donations.differences import Differences
from donations.gate import gate, without_known
from donations.journal import Journal
from donations.ledger import Key, View, apply, disown, prove, supersede
from donations.origins import Origins
from donations.records import Batch, Standing
from donations.unsettled import Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from donations.books import Annotation
    from donations.config import ChainSettings
    from donations.errors import StoreError
    from donations.evidence import EthereumProof, Proof
    from donations.header_keeper import HeaderKeeper
    from donations.ledger import Block, Change, Claim, Observation, Transaction, Transfer
    from donations.operators import Operator
    from donations.records import Annotated
    from donations.sources.base import Ask
    from donations.store import Store

# An operator that was silent for so many polls has no vote any more.
_SILENT_POLLS = 3


class Settling:
    """All addresses of one chain.

    ``keeper`` has the headers of what is proven, where proofs are asked for. ``changed`` hears what
    each commit changed, ``moved`` is called after each that readers may see, ``settled`` when a
    whole history was applied: what is only claimed there, and whether something is newly placed.
    """

    def __init__(
        self,
        settings: ChainSettings,
        operators: Sequence[Operator],
        store: Store,
        keeper: HeaderKeeper | None,
        *,
        poll_seconds: int,
        grace_seconds: int,
        changed: Callable[[Sequence[Change]], None],
        moved: Callable[[], None],
        settled: Callable[[Key, Sequence[Claim], bool], None],
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._operators, self._keeper = settings, operators, keeper
        self._store, self._clock = store, clock
        self._changed, self._moved, self._settled = changed, moved, settled
        self._silent_seconds, self._grace = _SILENT_POLLS * poll_seconds, grace_seconds
        self.chain = settings.chain.name
        self.keys = [
            Key(self.chain, address, asset)
            for address in settings.addresses
            for asset in (settings.chain.symbol, *(token.symbol for token in settings.tokens))
        ]
        self.standings: dict[Key, Standing] = {}
        self.store_error: StoreError | None = None
        self.agreements = {key: Agreement(settings.agree) for key in self.keys}
        self.origins = Origins(settings, self.keys, store)
        self.coverage = Coverage(settings, self.keys, self.origins, store)
        self.differences = Differences(self.chain, grace_seconds)
        # Set whenever something was applied.
        self.advanced = asyncio.Event()
        self._unsettled = Unsettled(self.keys)
        self._journal = Journal(self.chain)
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Take up where the store left off. Raises StoreError."""
        store = self._store
        facts = await store.run(store.facts)
        await self.coverage.load(facts)
        standings = await store.run(store.standings)
        self.standings = {key: s for key, s in standings.items() if key in self.keys}
        self._unsettled.load(await store.run(store.unsettled, self.chain), self.standings)
        claims = await store.run(store.claims)
        self.differences.load(facts, (c for c in claims if c.key in self.keys))
        await self.origins.load()

    # -- asking

    async def question(self, operator: Operator, key: Key) -> Ask:
        """What an operator is asked about a key now. Raises StoreError."""
        unsettled = tuple(t for t in self._unsettled[key].values() if not t.settled)
        ask = self.coverage.ask(operator, key, unsettled, self.standings.get(key))
        anchor = self.coverage.anchor(ask.since)
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
        heights = self._unsettled.heights(key)
        heights |= {max(self.coverage.recorded)} if self.coverage.recorded else set()
        for operator in self._operators:
            latest = self.agreements[key].latest(operator.name)
            if latest is not None:
                heights.add(latest.tip.height)
        return frozenset(heights)

    # -- settling

    async def settle_all(self) -> None:
        """Settle every key. Raises StoreError."""
        for key in self.keys:
            await self.settle(key)

    async def settle(self, key: Key) -> None:
        """Make the view of ``key``, apply, save, and only then believe it. Raises StoreError."""
        async with self._turn:
            now = int(self._clock())
            oldest = now - self._silent_seconds
            agreement, recorded = self.agreements[key], self.coverage.recorded
            view = agreement.view(self._unsettled[key], recorded, oldest=oldest)
            if view is None:
                await self._note_split(key, agreement.is_split(recorded, oldest=oldest), now)
                return
            recorded, fork = self.coverage.follow(view)
            ledger = {**self._unsettled[key], **await self._mentioned(key, view)}
            view = await self._gated(without_known(view, ledger), ledger)
            self.differences.note(view, now)
            changes = apply(ledger, view, now=now, grace=self._grace)
            ledger.update({change.after.id: change.after for change in changes})
            unsure = self.coverage.unsure(key, ledger, view)
            agreed = self.coverage.agreed_after(key, view)
            disowned = await self._disowned(key, changes, now)
            complete = key in self.standings and self.standings[key].complete
            batch = Batch(
                changes=(*changes, *disowned),
                cursors=self.coverage.cursors_after(view, agreed, fork, self._told(view)),
                standing=Standing(
                    key=key,
                    tip=view.tip,
                    final_height=view.final_height,
                    at=view.at,
                    sources=len(view.operators),
                    complete=complete or view.until is None,
                    balance=view.balance,
                ),
                blocks=recorded if recorded != self.coverage.recorded else {},
                history=not complete,
                facts=(self.coverage.fact(), *self.differences.facts()),
                claims=self.differences.claims(key) if view.until is None else None,
                whole=view.until is None,
            )
            await self._store.run(self._store.save, batch)
            self.coverage.believe(key, recorded, agreed, batch.cursors)
            self.store_error = None
            self.standings[key] = batch.standing
            self._unsettled.believe(key, ledger, batch.changes, unsure, view.final_height)
            self.advanced.set()
            self._changed(batch.changes)
        if batch.history:
            self._journal.history(key, len(batch.changes), view.total)
        else:
            self._journal.changes(batch.changes)
        if batch.standing.complete:
            self._moved()
            placed = any(c.after.waits_for_proof for c in changes) or not complete
            self._settled(key, view.claimed, placed)

    def _told(self, view: View) -> dict[str, Observation]:
        """What each operator told last that has a vote in ``view``."""
        told: dict[str, Observation] = {}
        for operator in self._operators:
            last = self.agreements[view.key].latest(operator.name)
            if last is not None and last.at >= view.at - self._silent_seconds:
                told[operator.name] = last
        return told

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
        return -1 if tip is None else tip.height - self._settings.confirmations + 1

    async def _mentioned(self, key: Key, view: View) -> dict[str, Transfer]:
        """Transfers not in memory that the view names, or whose block may be gone."""
        names = {t.id for t in view.transactions} | {c.transaction.id for c in view.claimed}
        names -= self._unsettled[key].keys()
        found = await self._store.run(self._store.transfers, key, names)
        above = self.coverage.suspect_above(key)
        if above is not None:
            found += await self._store.run(self._store.final_above, key, above)
        return {transfer.id: transfer for transfer in found}

    async def _disowned(self, key: Key, changes: Iterable[Change], now: int) -> tuple[Change, ...]:
        """Gifts at other addresses that a transaction from this one turns into own transfers."""
        spending = [c.after.id for c in changes if c.before is None and c.after.spends]
        elsewhere = await self._store.run(self._store.gifts_elsewhere, key, spending)
        return disown(elsewhere, now)

    async def _note_split(self, key: Key, split: bool, now: int) -> None:
        """Without a view nothing is saved, but since when there is none outlives a restart."""
        if split is not (key in self.differences.since):
            self.differences.note_split(key, split, now)
            for name, value in self.differences.facts():
                await self._store.run(self._store.remember, name, value)

    async def fill(self, opening: Transfer, past: Sequence[Transaction]) -> None:
        """Let what came before the watch take the place of its opening entry. Raises StoreError."""
        key, block = opening.key, opening.block
        if block is None:
            raise ValueError("an opening entry has a block")
        async with self._turn:
            now = int(self._clock())
            view = View(
                key=key,
                tip=block,
                final_height=block.height,
                since=0,
                transactions=tuple(past),
                blocks={block.height: block},
                at=now,
                operators=frozenset(),
            )
            names = [transaction.id for transaction in past]
            known = await self._store.run(self._store.transfers, key, names)
            changes = apply({t.id: t for t in known}, view, now=now, grace=self._grace)
            changes = (*changes, supersede(opening, now))
            batch = Batch(
                changes=(*changes, *await self._disowned(key, changes, now)),
                cursors=(),
                standing=self.standings[key],
                blocks={},
                history=True,
            )
            await self._store.run(self._store.save, batch)
            self._changed(batch.changes)
        self._journal.history(key, len(past), len(past))
        self._moved()

    # -- the author's word

    async def annotate(self, annotation: Annotation, expects: int | None) -> Annotated:
        """Keep what the author wrote about a transfer of this chain, and believe it.

        Raises Conflict, NotFound, StoreError: see `Store.annotate`.
        """
        async with self._turn:
            kept = await self._store.run(self._store.annotate, annotation, expects)
            if kept.change is not None:
                if kept.change.after.key in self.keys:
                    self._unsettled.renew(kept.change.after)
                self._changed((kept.change,))
        self._moved()
        return kept

    # -- proofs

    async def take_proofs(self, proofs: Sequence[Proof], places: dict[str, Block]) -> None:
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
                self._unsettled.keep(change.after)
            self._changed(changes)
        self._journal.changes(changes)
        if places.keys() - {change.after.id for change in changes}:
            await self.settle_all()
        self._moved()

    async def take_ethereum_proofs(self, proofs: Sequence[EthereumProof]) -> None:
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
                self._unsettled.renew(change.after)
            self._changed(changes)
        self._moved()
