"""What a minority can do: operators that lie, lag or fall silent, in thousands of random programs.

The world of these programs only grows: gifts arrive and are mined, no reorg and no rival. So a sum
above the truth is a lie that was believed, and a sum that shrinks is one that silence took.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from donations.agreement import Agreement
from donations.errors import BadObservation
from donations.gate import gate
from donations.ledger import (
    Block,
    Bucket,
    Kind,
    Observation,
    State,
    Transaction,
    Transfer,
    View,
    apply,
)
from tests.ledger.build import DEPTH, GRACE, KEY, START, block, sums

if TYPE_CHECKING:
    from tests.measured import Table

PROGRAMS = 5_000
LONG_PROGRAMS = 100_000
QUIET_PROGRAMS = 1_000
STEPS = 12
_CHAIN = {h: block(h) for h in range(100)}
GIFT_BUCKETS = (Bucket.FINAL, Bucket.CONFIRMED, Bucket.PENDING)


@dataclass
class World:
    """Everything that is true, by step: `at` tells how it was some steps ago."""

    dice: random.Random
    tips: list[int] = field(default_factory=lambda: [20])
    lists: list[dict[str, Transaction]] = field(default_factory=lambda: [{}])

    def step(self) -> None:
        tip, listed = self.tips[-1], dict(self.lists[-1])
        name = f"t{len(self.tips)}"
        if self.dice.random() < 0.6:
            kind = self.dice.choice([Kind.GIFT, Kind.GIFT, Kind.UNATTRIBUTED])
            coinbase = self.dice.random() < 0.1
            listed[name] = Transaction(
                name,
                None,
                frozenset() if coinbase else frozenset({f"coin:{name}"}),
                brings=((f"{name}:0", self.dice.randint(1, 1_000)),),
                kind=kind,
                coinbase=coinbase,
            )
        if self.dice.random() < 0.6:
            tip += 1
            for known in list(listed.values()):
                if known.block is None and (known.coinbase or self.dice.random() < 0.6):
                    listed[known.id] = _placed(known, block(tip))
        self.tips.append(tip)
        self.lists.append({i: t for i, t in listed.items() if not (t.coinbase and t.block is None)})

    def told_by(self, operator: str, behind: int, at: int) -> Observation:
        """What an honest operator tells that is some steps behind."""
        moment = max(0, len(self.tips) - 1 - behind)
        tip = self.tips[moment]
        listed = list(self.lists[moment].values())
        self.dice.shuffle(listed)
        return _observation(operator, listed, {h: _CHAIN[h] for h in range(tip + 1)}, at)


def _placed(known: Transaction, place: Block | None) -> Transaction:
    return Transaction(
        known.id,
        place,
        known.consumes,
        known.brings,
        known.spends,
        known.own,
        known.kind,
        known.coinbase,
    )


def _observation(
    operator: str, listed: list[Transaction], blocks: dict[int, Block], at: int
) -> Observation:
    tip = blocks[max(blocks)]
    return Observation(
        operator=operator,
        key=KEY,
        tip=tip,
        final_height=tip.height - DEPTH + 1,
        since=0,
        transactions=tuple(listed),
        blocks=blocks,
        at=at,
    )


def _lie(world: World, operator: str, at: int) -> Observation:
    """A lie of one of many kinds, built upon what is true or will be."""
    dice = world.dice
    moment = dice.randrange(len(world.tips))
    listed = list(world.lists[moment].values())
    tip = world.tips[-1] + dice.choice([0, 0, 0, 1, 3, -2])
    fork = dice.choice([tip + 9, tip + 9, tip, tip - 3])
    blocks = {h: block(h, "x") if h >= fork else _CHAIN[h] for h in range(max(tip, 1) + 1)}
    for _ in range(dice.randint(1, 4)):
        kind = dice.randrange(9)
        mark = dice.randrange(3)
        if kind == 0 or not listed:
            place = dice.choice([None, blocks[dice.choice(list(blocks))]])
            made_up = (("out", dice.randint(1, 10**9)),)
            listed.append(
                Transaction(f"fake{mark}", place, frozenset({f"fake{mark}"}), brings=made_up)
            )
            continue
        victim = dice.choice(listed)
        listed.remove(victim)
        if kind == 1:
            more = ((victim.id + ":0", dice.randint(1, 10**9)),)
            listed.append(
                Transaction(victim.id, victim.block, victim.consumes, more, coinbase=False)
            )
        elif kind == 2:
            listed.append(_placed(victim, blocks[dice.choice(list(blocks))]))
        elif kind == 3:
            listed += [victim, victim]
        elif kind == 4:
            listed.append(Transaction(victim.id, victim.block, victim.consumes, victim.brings))
        elif kind == 5:
            listed += [victim, Transaction(f"fake{mark}", victim.block, victim.consumes)]
        elif kind == 6:
            listed.append(
                Transaction(
                    victim.id, victim.block, victim.consumes | {f"coin:t{mark}"}, victim.brings
                )
            )
        elif kind == 7:
            listed.append(_placed(victim, None))
    told = _observation(operator, listed, blocks, at)
    if dice.random() < 0.3:
        told = Observation(
            operator, KEY, told.tip, tip + 50, dice.choice([0, 30]), told.transactions, blocks, at
        )
    return told


def _bound(told: Observation, world: World) -> Observation:
    """Where a transaction is named by its bytes, one with other contents is another one."""

    def named(told: Transaction) -> Transaction:
        real = world.lists[-1].get(told.id)
        same = real is None or _placed(real, told.block) == told
        return told if same else replace(told, id=f"{told.id} altered")

    return replace(told, transactions=tuple(map(named, told.transactions)))


class Follower:
    """The way of the data for one key, from held observations to a ledger.

    ``places`` are proven blocks by transaction, where proofs are asked for.
    """

    def __init__(self, required: int, places: dict[str, Block] | None = None) -> None:
        self.agreement = Agreement(required)
        self.places = places
        self.ledger: dict[str, Transfer] = {}
        self.recorded: dict[int, Block] = {}

    def hear(self, told: Observation, *, oldest: int, now: int) -> View | None:
        try:
            self.agreement.hold(told)
        except BadObservation:
            return None
        view = self.agreement.view(self.ledger, self.recorded, oldest=oldest)
        if view is not None:
            if self.places is not None:
                view = gate(view, self.ledger, self.places, max(_CHAIN))
            for change in apply(self.ledger, view, now=now, grace=GRACE):
                self.ledger[change.after.id] = change.after
            merged = {**self.recorded, **view.blocks}
            self.recorded = {h: b for h, b in merged.items() if h <= view.tip.height}
        return view


def _reached(totals: dict[Bucket, int]) -> list[int]:
    """final, final and confirmed, and those with pending: each may only be too low."""
    so_far = 0
    levels = []
    for bucket in GIFT_BUCKETS:
        so_far += totals.get(bucket, 0)
        levels.append(so_far)
    return levels


def _truth(world: World) -> dict[Bucket, int]:
    follower = Follower(1)
    follower.hear(world.told_by("truth", 0, START), oldest=0, now=START)
    return sums(follower.ledger.values())


def _panel(dice: random.Random) -> tuple[int, list[str], list[str]]:
    """k, honest operators, and the k-1 that an adversary owns."""
    required = dice.randint(2, 4)
    honest = [f"honest{n}" for n in range(dice.randint(1, 4))]
    return required, honest, [f"liar{n}" for n in range(required - 1)]


def test_a_minority_never_raises_a_total(seed: int, long: bool, table: Table) -> None:
    """Whatever k-1 operators tell, no sum is above the truth, and nothing is counted of nothing.

    In every other program proofs are asked for, and found for a part of what is true.
    """
    programs, raised = LONG_PROGRAMS if long else PROGRAMS, 0
    for program in range(programs):
        here = f"seed {seed + program}"
        dice = random.Random(seed + program)
        world, now = World(dice), START
        required, honest, liars = _panel(dice)
        follower = Follower(required, {} if program % 2 else None)
        for _ in range(STEPS):
            now += dice.choice([1, 60, GRACE])
            world.step()
            for real in world.lists[-1].values():
                if follower.places is not None and real.block and dice.random() < 0.5:
                    follower.places[real.id] = real.block
            if dice.random() < 0.6:
                told = _lie(world, dice.choice(liars), now)
                if follower.places is not None:
                    told = _bound(told, world)
            else:
                told = world.told_by(dice.choice(honest), dice.choice([0, 0, 1, 4]), now)
            follower.hear(told, oldest=0, now=now)
            reached = _reached(sums(follower.ledger.values()))
            true = _reached(_truth(world))
            raised += any(r > t for r, t in zip(reached, true, strict=True))
            assert not raised, here
            for transfer in follower.ledger.values():
                real = world.lists[-1][transfer.id]
                assert (transfer.amount, transfer.coinbase) == (real.net, real.coinbase), here
                assert transfer.block in (None, real.block), here
                if follower.places is not None and transfer.state in (State.CONFIRMED, State.FINAL):
                    assert transfer.id in follower.places, here
    table.never("totals raised by k-1 sources, programs", raised, programs)


def test_the_lies_are_not_idle(seed: int) -> None:
    """Where one operator suffices, the same lies do raise totals: the law above is not empty."""
    fooled = 0
    for program in range(100):
        dice = random.Random(seed + program)
        world = World(dice)
        follower = Follower(1)
        for step in range(10):
            world.step()
            follower.hear(_lie(world, "liar", START + step), oldest=0, now=START + step)
        reached = _reached(sums(follower.ledger.values()))
        fooled += any(r > t for r, t in zip(reached, _reached(_truth(world)), strict=True))
    assert fooled > 50, f"seed {seed}: {fooled}"


def test_silence_of_the_rest_loses_nothing(seed: int) -> None:
    """With k of n answering, received never shrinks and in the end all that is true is counted."""
    for program in range(QUIET_PROGRAMS):
        here = f"seed {seed + program}"
        dice = random.Random(seed + program)
        world, now = World(dice), START
        required = dice.randint(1, 3)
        operators = [f"op{n}" for n in range(required + dice.randint(0, 3))]
        follower = Follower(required)
        received = 0
        for _ in range(STEPS):
            now += 60
            world.step()
            answering = dice.sample(operators, dice.randint(0, len(operators)))
            for operator in answering:
                told = world.told_by(operator, dice.choice([0, 0, 1, 4]), now)
                follower.hear(told, oldest=now - 180, now=now)
                _, with_confirmed, _ = _reached(sums(follower.ledger.values()))
                assert with_confirmed >= received, here
                received = with_confirmed
        now += 10 * GRACE
        for operator in dice.sample(operators, required):
            told = world.told_by(operator, 0, now)
            follower.hear(told, oldest=now - 180, now=now)
        assert sums(follower.ledger.values()) == _truth(world), here
        states = Counter(t.state for t in follower.ledger.values())
        assert not states[State.DROPPED], here
        assert not states[State.REPLACED], here
