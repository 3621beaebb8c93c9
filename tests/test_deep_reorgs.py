"""Reorgs below what was final, through the real tracker and store, with operators told by hand.

Blocks a.. are the old chain, x.. the new one above the fork at height 95; the cursor stands at 106.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from donations.chains import CHAINS
from donations.config import ChainSettings
from donations.ledger import Bucket, Key, Observation
from donations.operators import Operator
from donations.store import Store
from donations.tracker import Tracker

from .ledger.build import block, chain, gift

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from donations.ledger import Block, Transaction
    from donations.sources.base import Ask, Failure, Probe

ADDRESS = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
KEY = Key("btc", ADDRESS, "BTC")
GRACE = 1200
START = 1_700_100_000
OLD, NEW = chain(110), chain(112, "x", above=95)


@dataclass
class Told:
    """What every operator tells at the moment."""

    now: int = START
    blocks: Mapping[int, Block] = field(default_factory=lambda: OLD)
    transactions: Sequence[Transaction] = ()


class Teller:
    """A source that tells what it was told."""

    url = "tcp://127.0.0.1:1"

    def __init__(self, operator: str, told: Told) -> None:
        self.operator, self._told = operator, told

    async def probe(self) -> Probe:
        raise NotImplementedError

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return None

    async def observe(self, asks: Sequence[Ask]) -> AsyncIterator[Observation | Failure]:
        told = self._told
        tip = told.blocks[max(told.blocks)]
        for ask in asks:
            yield Observation(
                operator=self.operator,
                key=ask.key,
                tip=tip,
                final_height=tip.height - 5,
                since=ask.since,
                transactions=tuple(
                    t for t in told.transactions if t.block is None or t.block.height >= ask.since
                ),
                blocks={h: b for h, b in told.blocks.items() if h > tip.height - 150},
                at=told.now,
            )


def lives(folder: Path, operators: int, restarts: bool, moments: Sequence[Told]) -> int:
    """What the totals say is received after the moments, with or without a restart between them."""

    async def run() -> int:
        told = Told()
        store = tracker = None
        for moment in moments:
            told.now, told.blocks = moment.now, moment.blocks
            told.transactions = moment.transactions
            if tracker is None or store is None or restarts:
                if store is not None:
                    store.close()
                store = Store(folder / "ledger", UTC)
                store.open({"btc": "mainnet"})
                tracker = _tracker(operators, told, store)
                await tracker.load()
            for operator in tracker.operators:
                await tracker._ask(operator)
        assert store is not None
        received = sum(
            total.units
            for (_, _, bucket), total in store.months().items()
            if bucket in (Bucket.FINAL, Bucket.CONFIRMED)
        )
        store.close()
        return received

    return asyncio.run(run())


def _tracker(operators: int, told: Told, store: Store) -> Tracker:
    btc = CHAINS["btc"]
    settings = ChainSettings(
        chain=btc,
        network=btc.networks["mainnet"],
        addresses=(ADDRESS,),
        confirmations=6,
        agree=operators,
        upstreams=(),
        tokens=(),
    )
    return Tracker(
        settings,
        [Operator(name, [Teller(name, told)]) for name in "abc"[:operators]],
        store,
        poll_seconds=60,
        grace_seconds=GRACE,
        changed=lambda _: None,
        moved=lambda: None,
        clock=lambda: told.now,
    )


BEFORE = Told(START, OLD, [gift("t", 1000, block(100))])


def after(seconds: int, blocks: Mapping[int, Block], *transactions: Transaction) -> Told:
    return Told(START + seconds, blocks, transactions)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("operators", [1, 2])
class TestBelowWhatWasFinal:
    """Every law with one and two operators, and with a restart at every moment."""

    def test_a_gift_mined_again_lower_than_before_still_counts(
        self, tmp_path: Path, operators: int, restarts: bool
    ) -> None:
        """A final gift that the new chain holds below the cursor is found there."""
        again = gift("t", 1000, NEW[97])
        moments = [BEFORE, *(after(s, NEW, again) for s in (60, 700, 1400, 1500))]
        assert lives(tmp_path, operators, restarts, moments) == 1000

    def test_a_new_gift_in_the_replaced_blocks_counts(
        self, tmp_path: Path, operators: int, restarts: bool
    ) -> None:
        """What the new chain holds above the fork is told anew, although the cursor was higher."""
        new = (gift("t", 1000, NEW[100]), gift("u", 7, NEW[97], consumes=["coin:u"]))
        moments = [BEFORE, *(after(s, NEW, *new) for s in (60, 700, 1400))]
        assert lives(tmp_path, operators, restarts, moments) == 1007

    def test_an_erased_gift_counts_no_more_after_the_grace(
        self, tmp_path: Path, operators: int, restarts: bool
    ) -> None:
        """A new chain that is lower at first and grows later erases as well as a longer one."""
        low = chain(97, "x", above=95)
        moments = [BEFORE, after(60, low), *(after(s, NEW) for s in (120, 1400, 2900))]
        assert lives(tmp_path, operators, restarts, moments) == 0

    def test_a_chain_that_comes_back_changes_nothing(
        self, tmp_path: Path, operators: int, restarts: bool
    ) -> None:
        """A to B and back to A, even after a grace too short: the gift is final as before."""
        longer = chain(114)
        same = gift("t", 1000, block(100))
        moments = [BEFORE, after(60, NEW), after(900, longer, same), after(1500, longer, same)]
        assert lives(tmp_path, operators, restarts, moments) == 1000
