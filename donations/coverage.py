"""What was told of one chain so far, in which blocks, and what has to be told again.

A reorg is judged by the hashes recorded here: what lies above its fork is told anew at every key,
and what was final there is suspect until a view has judged it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from donations.ledger import Key, State, next_since
from donations.records import Cursor
from donations.sources.base import Ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from donations.config import ChainSettings
    from donations.ledger import Block, Observation, Transfer, View
    from donations.operators import Operator
    from donations.origins import Origins
    from donations.records import Standing
    from donations.store import Store

logger = logging.getLogger(__name__)

# How many block hashes are recorded a chain: a reorg is judged by them.
RECORDED_BLOCKS = 150


class Coverage:
    """Of one chain. ``recorded`` has its last blocks, by height."""

    def __init__(
        self, settings: ChainSettings, keys: Sequence[Key], origins: Origins, store: Store
    ) -> None:
        self.recorded: dict[int, Block] = {}
        self._chain, self._operators = settings.chain.name, max(1, settings.agree)
        self._keys, self._origins, self._store = keys, origins, store
        self._cursors: dict[tuple[str, Key], Cursor] = {}
        # From which height the next views have to tell everything: below, enough operators did.
        self._agreed: dict[Key, int] = {}
        # The last common height of a reorg below which a final transfer may have been.
        self._suspect_above: dict[Key, int] = {}

    async def load(self, facts: Mapping[str, str]) -> None:
        """Take up where the store left off. Raises StoreError."""
        self.recorded = await self._store.run(self._store.blocks, self._chain)
        for cursor in await self._store.run(self._store.cursors, self._chain):
            self._cursors[cursor.operator, cursor.key] = cursor
        for key in self._keys:
            sinces = sorted((c.since for c in self._cursors.values() if c.key == key), reverse=True)
            if len(sinces) >= self._operators:
                self._agreed[key] = sinces[self._operators - 1]
        self._suspect_above = self._suspects_of(facts.get(self._suspects_fact, ""))

    def ask(
        self,
        operator: Operator,
        key: Key,
        unsettled: Iterable[Transfer],
        standing: Standing | None,
    ) -> Ask:
        """From where an operator is asked about a key, and what it told last."""
        cursor = self._cursors.get((operator.name, key))
        if cursor is None:
            return self._origins.first_ask(key, operator, standing)
        since = next_since(unsettled, cursor.since - 1)
        since = max(min(since, self._agreed.get(key, since)), self._origins.floor(key))
        return Ask(key, since, checkpoint=cursor.checkpoint)

    def anchor(self, since: int) -> Block | None:
        """The highest recorded block below a height."""
        below = [height for height in self.recorded if height < since]
        return self.recorded[max(below)] if below else None

    def is_past(self, operator: str, told: Observation) -> bool:
        """Whether what was told is applied, so that the next may be asked for."""
        cursor = self._cursors.get((operator, told.key))
        return cursor is not None and cursor.since > told.since

    def suspect_above(self, key: Key) -> int | None:
        """Above which height what is final at a key may be gone; None when all of it stands."""
        return self._suspect_above.get(key)

    def follow(self, view: View) -> tuple[dict[int, Block], int | None]:
        """The recorded blocks after ``view``, and the last common height if it left them.

        A view that ends below what is recorded left it too: one operator after another may switch,
        and the block they share meanwhile contradicts nothing. What is final above the fork is
        suspect from then on, and everything above it has to be told again, at every key.
        """
        known = self.recorded
        tip = view.tip.height
        contradicted = any(known.get(h, block) != block for h, block in view.blocks.items())
        fork = None
        if contradicted or tip < max(known, default=tip):
            common = (h for h, block in view.blocks.items() if known.get(h) == block)
            fork = max(common, default=min(known) - 1)
            known = {h: block for h, block in known.items() if h <= fork}
            for key in self._keys:
                self._suspect_above[key] = min(fork, self._suspect_above.get(key, fork))
                again = max(fork + 1, self._origins.floor(key))
                self._agreed[key] = min(again, self._agreed.get(key, again))
            logger.warning("%s: a reorg above block %s", self._chain, fork)
        merged = {**known, **view.blocks}
        return {h: b for h, b in merged.items() if tip - RECORDED_BLOCKS < h <= tip}, fork

    def unsure(self, key: Key, ledger: Mapping[str, Transfer], view: View) -> frozenset[str]:
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

    def agreed_after(self, key: Key, view: View) -> int:
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

    def cursors_after(
        self, view: View, agreed: int, fork: int | None, told: Mapping[str, Observation]
    ) -> tuple[Cursor, ...]:
        """The cursors that move: of this key as far as was agreed, of all down to a fork.

        ``told`` has what each operator that has a vote told last.
        """
        key, cursors = view.key, dict(self._cursors)
        if fork is not None:
            for place, cursor in cursors.items():
                cursors[place] = replace(cursor, since=min(cursor.since, fork + 1))
        for name, last in told.items():
            if last.until is None:
                since = min(last.final_height + 1, agreed)
            elif view.until is None or view.until >= last.until:
                since = last.until + 1
            else:
                continue
            cursors[name, key] = Cursor(name, key, max(0, since), last.checkpoint)
        return tuple(c for place, c in cursors.items() if self._cursors.get(place) != c)

    def believe(
        self, key: Key, recorded: dict[int, Block], agreed: int, cursors: Iterable[Cursor]
    ) -> None:
        """What was saved is so."""
        self.recorded, self._agreed[key] = recorded, agreed
        for cursor in cursors:
            self._cursors[cursor.operator, cursor.key] = cursor

    def fact(self) -> tuple[str, str]:
        """What a restart must know of a reorg that is not digested yet: one key a line."""
        lines = (f"{key.address} {key.asset} {fork}" for key, fork in self._suspect_above.items())
        return self._suspects_fact, "\n".join(lines)

    @property
    def _suspects_fact(self) -> str:
        return f"suspect {self._chain}"

    def _suspects_of(self, text: str) -> dict[Key, int]:
        entries = (line.split() for line in text.splitlines())
        forks = {Key(self._chain, address, asset): int(fork) for address, asset, fork in entries}
        return {key: fork for key, fork in forks.items() if key in self._keys}
