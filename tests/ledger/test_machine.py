"""The ledger against a naive model, over chain lives that hypothesis makes up and shrinks."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from donations.ledger import Change, State, Transfer, View, apply, next_since
from tests.ledger.build import GRACE, KEY, START, sums
from tests.ledger.life import Life, Model, Tx

COINS = st.sets(st.integers(0, 7), min_size=1, max_size=2)
UNITS = st.lists(st.integers(1, 10**6), max_size=2)


class ChainLife(RuleBasedStateMachine):
    """Mempool, blocks, reorgs, rivals, evictions and returns, seen through shuffled views."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.model = Model()
        self.ledger: dict[str, Transfer] = {}
        self.told: list[Change] = []
        self.now = START
        self.stood: dict[int, str] = {}
        self.final_height = -1
        self.forked_above: int | None = None
        self.expected = self.model.look(self.life, self.now)

    @initialize(seed=st.integers(0, 2**32))
    def shuffle(self, seed: int) -> None:
        self.dice = random.Random(seed)

    # -- what happens in the world

    def _coins(self, numbers: set[int]) -> list[str]:
        """Coins come in generations, so that a long chain does not use all of them up."""
        return [f"coin:{self.life.height // 4}:{number}" for number in numbers]

    @rule(coins=COINS, units=UNITS)
    def pay(self, coins: set[int], units: list[int]) -> None:
        self.life.broadcast(self._coins(coins), units)
        self.look()

    @rule(data=st.data(), coins=COINS, units=UNITS, confirmed=st.booleans())
    def spend_ours(
        self, data: st.DataObject, coins: set[int], units: list[int], confirmed: bool
    ) -> None:
        places = self.life.places()
        ours = [self.life.known[name] for name in places if self.life.known[name].brings]
        if ours:
            parent = data.draw(st.sampled_from(ours))
            self.life.broadcast(self._coins(coins) if confirmed else [], units, parent)
        self.look()

    @precondition(lambda self: self.life.mempool)
    @rule(data=st.data(), units=UNITS)
    def replace(self, data: st.DataObject, units: list[int]) -> None:
        old = data.draw(st.sampled_from(self.life.mempool))
        if not old.spends:
            self.life.broadcast(sorted(old.consumes)[:1], units)
        self.look()

    @precondition(lambda self: self.life.mempool)
    @rule(data=st.data())
    def evict(self, data: st.DataObject) -> None:
        self.life.evict(data.draw(st.sampled_from(self.life.mempool)))
        self.look()

    @precondition(lambda self: self.life.known)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        tx = self.life.known[data.draw(st.sampled_from(sorted(self.life.known)))]
        if tx.id not in self.life.places():
            self.life.offer(tx)
        self.look()

    @rule(blocks=st.integers(1, 7), everything=st.booleans())
    def mine(self, blocks: int, everything: bool) -> None:
        for _ in range(blocks):
            self.life.mine(self._chosen(everything))
        self.look()

    @rule(
        depth=st.integers(1, 9),
        more=st.integers(-1, 3),
        keep=st.booleans(),
        revive=st.booleans(),
        everything=st.booleans(),
    )
    def reorganise(self, depth: int, more: int, keep: bool, revive: bool, everything: bool) -> None:
        depth = min(depth, self.life.height)
        self.life.disconnect(depth, keep)
        if revive and self.life.known:
            self.life.offer(self.life.known[self.dice.choice(sorted(self.life.known))])
        for _ in range(max(depth + more, 1)):
            self.life.mine(self._chosen(everything))
        self.look()

    @rule(seconds=st.sampled_from([1, GRACE // 2, GRACE, 3 * GRACE]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.look()

    @rule(depth=st.integers(1, 9), keep=st.booleans())
    def there_and_back(self, depth: int, keep: bool) -> None:
        """Chain A, then chain B, then A again: what stood, stands as it did."""
        before = self._standing()
        expected = self.expected
        finals = dict(self.model.final)
        life = self.life
        kept = (list(life.blocks), [list(c) for c in life.mined], list(life.mempool))
        life.disconnect(min(depth, life.height), keep)
        for _ in range(depth + 1):
            life.mine(self._chosen(everything=False))
        self.look()
        life.blocks, life.mined, life.mempool = kept
        self.look()
        if self.model.final == finals:
            assert self.expected == expected
            assert self._standing() == before

    def _standing(self) -> dict[str, Transfer]:
        """What counts, except what is final in a block that the chain does not hold."""
        on_chain = {None, *self.life.blocks}
        return {
            t.id: t for t in self.ledger.values() if t.bucket is not None and t.block in on_chain
        }

    def _chosen(self, everything: bool) -> list[Tx]:
        if everything:
            return list(self.life.mempool)
        return [tx for tx in self.life.mempool if self.dice.random() < 0.5]

    # -- what the ledger makes of it

    def look(self) -> None:
        """Apply what an honest world tells, the way the tracker does."""
        told = self._view()
        changes = apply(self._handed(told), told, now=self.now, grace=GRACE)
        whole = apply(self.ledger, told, now=self.now, grace=GRACE)
        assert sorted(whole, key=_name) == sorted(changes, key=_name)
        for change in changes:
            assert change.before == self.ledger.get(change.after.id)
            assert change.before is None or change.before.first_seen == change.after.first_seen
            assert not change.final_reversed or (
                change.before is not None
                and change.before.state is State.FINAL
                and change.evidence != ""
            )
            self.ledger[change.after.id] = change.after
        self.told += changes
        self.stood = {b.height: b.hash for b in self.life.blocks}
        self.final_height = self.life.final_height
        assert apply(self._handed(told), told, now=self.now, grace=GRACE) == ()
        self.expected = self.model.look(self.life, self.now)

    def _view(self) -> View:
        """Everything from the cursor up, in any order.

        A fork draws the cursor down to it, until nothing final is in doubt any more: what was final
        may be mined again at any height above the fork.
        """
        life = self.life
        since = max(0, next_since(self.ledger.values(), self.final_height))
        on_chain = set(life.blocks)
        if all(t.block in on_chain for t in self.ledger.values() if t.state is State.FINAL):
            self.forked_above = None
        fork = self._fork()
        if fork < max(self.stood, default=-1):
            known = fork if self.forked_above is None else self.forked_above
            self.forked_above = min(fork, known)
        if self.forked_above is not None:
            since = min(since, self.forked_above + 1)
        if self.dice.random() < 0.2:
            since = 0
        listed = [
            life.known[name].at(block)
            for name, block in life.places().items()
            if block is None or block.height >= since
        ]
        self.dice.shuffle(listed)
        blocks = list(life.blocks)
        self.dice.shuffle(blocks)
        return View(
            key=KEY,
            tip=life.blocks[-1],
            final_height=life.final_height,
            since=since,
            transactions=tuple(listed),
            blocks={b.height: b for b in blocks},
            at=self.now,
            operators=frozenset({"north"}),
        )

    def _fork(self) -> int:
        same = [b.height for b in self.life.blocks if self.stood.get(b.height) == b.hash]
        return max(same, default=-1)

    def _handed(self, told: View) -> dict[str, Transfer]:
        """What the tracker hands over: the unsettled, the named, and finals above a fork."""
        named = {t.id for t in told.transactions}
        handed = {
            t.id: t
            for t in self.ledger.values()
            if not t.settled
            or t.id in named
            or (t.block is not None and told.blocks.get(t.block.height) != t.block)
        }
        items = list(handed.items())
        self.dice.shuffle(items)
        return dict(items)

    # -- what must always hold

    @invariant()
    def totals_are_those_of_the_model(self) -> None:
        assert sums(self.ledger.values()) == self.expected

    @invariant()
    def no_two_rivals_both_count(self) -> None:
        taken: dict[str, str] = {}
        for transfer in self.ledger.values():
            if transfer.bucket is not None:
                for thing in transfer.consumes:
                    assert taken.setdefault(thing, transfer.id) == transfer.id

    @invariant()
    def the_changes_retell_the_ledger(self) -> None:
        retold: dict[str, Transfer] = {}
        for change in self.told:
            assert change.before == retold.get(change.after.id)
            retold[change.after.id] = change.after
        assert retold == self.ledger

    @invariant()
    def final_is_never_left_silently(self) -> None:
        for change in self.told:
            if change.before is not None and change.before.state is State.FINAL:
                stayed = change.after.state is State.FINAL
                moved = change.before.block != change.after.block
                assert change.final_reversed == (not stayed or moved)


def _name(change: Change) -> str:
    return change.after.id


@settings(
    max_examples=400,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
class Lives(ChainLife):
    """The lives that a run of the tests looks at."""


TestLives = Lives.TestCase
