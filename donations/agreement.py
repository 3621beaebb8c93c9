"""PURE: observations of several operators -> one view, and who agreed.

For each transaction an operator votes: present in block B, in its mempool, absent within its
coverage, or silent. Silent is an operator

- that does not cover the place where we believe the transaction to be,
- whose tip lies on the recorded chain below the recorded tip (it lags), or is too old to count,
- that listed the transaction before and does not now, at the same tip (a mempool that forgot),
- that holds the very block we believe the transaction in, and yet does not list it.

``required`` operators make a verdict. The view stands at the highest block that many share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from donations.errors import BadObservation
from donations.ledger import Block, Claim, Observation, State, Transaction, Transfer, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Held:
    observation: Observation
    listed: frozenset[str]
    forgotten: frozenset[str]


class Agreement:
    """The latest observation of each operator about one key."""

    def __init__(self, required: int) -> None:
        self.required = required
        self._held: dict[str, _Held] = {}

    def hold(self, observation: Observation) -> None:
        """Take an observation in the place of the operator's last one.

        Raises BadObservation for one that lists a transaction twice: it would have two votes.
        """
        listed = frozenset(t.id for t in observation.transactions)
        if len(listed) != len(observation.transactions):
            raise BadObservation(f"{observation.operator} lists a transaction twice")
        last = self._held.get(observation.operator)
        forgotten = NOTHING
        if last is not None and last.observation.tip.hash == observation.tip.hash:
            forgotten = (last.listed | last.forgotten) - listed
        self._held[observation.operator] = _Held(observation, listed, forgotten)

    def forget(self, operator: str) -> None:
        """Take away the vote of an operator until it tells something again."""
        self._held.pop(operator, None)

    def latest(self, operator: str) -> Observation | None:
        held = self._held.get(operator)
        return None if held is None else held.observation

    def view(
        self,
        believed: Mapping[str, Transfer],
        recorded: Mapping[int, Block],
        *,
        oldest: int,
    ) -> View | None:
        """The view that enough operators share, or None while they do not.

        ``believed`` are the transfers of the ledger (by id), ``recorded`` the blocks we stood on
        by height, ``oldest`` the Unix time before which an observation no longer counts.
        """
        voters = self._voters(recorded, oldest)
        shared = _shared_blocks([held.observation for held in voters], self.required)
        if not shared:
            return None
        tip = shared[max(shared)]
        present, claimed, undecided = self._count(voters, believed, shared)
        observations = [held.observation for held in voters]
        at_tip = [o for o in observations if o.blocks.get(tip.height) == tip]
        return View(
            key=observations[0].key,
            tip=tip,
            final_height=min(_kth(self.required, (o.final_height for o in at_tip)), tip.height),
            since=-_kth(self.required, (-o.since for o in observations)),
            until=_until(self.required, observations),
            transactions=tuple(present),
            blocks=shared,
            at=_kth(self.required, (o.at for o in at_tip)),
            operators=frozenset(o.operator for o in at_tip),
            balance=_balance(self.required, tip, observations),
            undecided=frozenset(undecided),
            claimed=tuple(claimed),
            total=max((o.total for o in observations if o.total is not None), default=None),
            omissions=frozenset(
                (held.observation.operator, transaction.id)
                for transaction in present
                for held in voters
                if transaction.block is not None and _leaves_out(held, transaction)
            ),
        )

    def is_split(self, recorded: Mapping[int, Block], *, oldest: int) -> bool:
        """Whether enough operators answer, and yet so many share no block: forks, or lies."""
        observations = [held.observation for held in self._voters(recorded, oldest)]
        return len(observations) >= self.required and not _shared_blocks(
            observations, self.required
        )

    def _voters(self, recorded: Mapping[int, Block], oldest: int) -> list[_Held]:
        return [
            held
            for held in self._held.values()
            if held.observation.at >= oldest and not _lags(held.observation, recorded)
        ]

    def _count(
        self, voters: list[_Held], believed: Mapping[str, Transfer], shared: Mapping[int, Block]
    ) -> tuple[list[Transaction], list[Claim], set[str]]:
        votes: dict[str, list[Transaction]] = defaultdict(list)
        for held in voters:
            for transaction in held.observation.transactions:
                votes[transaction.id].append(transaction)
        present: list[tuple[int, Transaction]] = []
        claimed: list[Claim] = []
        undecided: set[str] = set()
        for identity, tellers in votes.items():
            agreed = _placement(tellers, self.required, shared, believed.get(identity))
            if agreed is not None:
                present.append((len(tellers), agreed))
            elif not self._absent(identity, believed, voters):
                undecided.add(identity)
                claimed.append(self._claim(tellers, voters))
        for identity in believed:
            if identity not in votes and not self._absent(identity, believed, voters):
                undecided.add(identity)
        standing = _without_conflicts(present, believed)
        kept = {transaction.id for transaction in standing}
        lost = [transaction for _, transaction in present if transaction.id not in kept]
        claimed += [self._claim(votes[transaction.id], voters) for transaction in lost]
        return standing, claimed, undecided

    def _claim(self, tellers: list[Transaction], voters: Iterable[_Held]) -> Claim:
        """One that is told to be in a block stands for others: that much can be judged."""
        told = next((teller for teller in tellers if teller.block is not None), tellers[0])
        holders = [held for held in voters if told.id in held.listed]
        without = [held for held in voters if _leaves_out(held, told)]
        return Claim(
            told,
            frozenset(held.observation.operator for held in holders),
            contradicted=len(without) >= self.required,
        )

    def _absent(
        self, identity: str, believed: Mapping[str, Transfer], voters: Iterable[_Held]
    ) -> bool:
        transfer = believed.get(identity)
        if transfer is None:
            return False
        missing = sum(
            1
            for held in voters
            if identity not in held.listed
            and identity not in held.forgotten
            and _covers(held.observation, transfer)
        )
        return missing >= self.required


def _leaves_out(held: _Held, transaction: Transaction) -> bool:
    """Whether an operator holds the block of a transaction, tells all of it, and not this one."""
    block, observation = transaction.block, held.observation
    if block is None or transaction.id in held.listed or observation.since > block.height:
        return False
    until = observation.tip.height if observation.until is None else observation.until
    return block.height <= until and observation.blocks.get(block.height) == block


def _lags(observation: Observation, recorded: Mapping[int, Block]) -> bool:
    """A lower tip on the recorded chain is lagging; another hash anywhere is a reorg and counts."""
    if not recorded or observation.tip.height >= max(recorded):
        return False
    return not any(
        height in recorded and recorded[height].hash != block.hash
        for height, block in observation.blocks.items()
    )


def _covers(observation: Observation, transfer: Transfer) -> bool:
    block = transfer.block
    if block is None:
        return observation.until is None
    if not observation.since <= block.height <= (observation.until or block.height):
        return False
    held = observation.blocks.get(block.height)
    return held is None or held.hash != block.hash


def _shared_blocks(observations: list[Observation], required: int) -> dict[int, Block]:
    """The blocks that enough operators hold, of the chain that leads to the highest of them."""
    holders: Counter[Block] = Counter()
    for observation in observations:
        holders.update(observation.blocks.values())
    shared = [block for block, count in holders.items() if count >= required]
    if not shared:
        return {}
    tip = max(shared, key=lambda block: (block.height, holders[block], block.hash))
    on_chain = [o for o in observations if o.blocks.get(tip.height) == tip]
    below: Counter[Block] = Counter()
    for observation in on_chain:
        below.update(b for b in observation.blocks.values() if b.height <= tip.height)
    return {block.height: block for block, count in below.items() if count >= required}


def _placement(
    tellers: list[Transaction],
    required: int,
    shared: Mapping[int, Block],
    believed: Transfer | None,
) -> Transaction | None:
    """What enough operators tell alike: in a block that enough of them name, else unconfirmed.

    A block off the shared chain is no place. A block of the shared chain keeps what it was agreed
    to hold, whoever tells it from the mempool still.
    """
    if len(tellers) < required:
        return None
    first = tellers[0]
    if _is_place(first.block, shared) and all(teller == first for teller in tellers[1:]):
        return first
    ((content, count),) = Counter(map(_content, tellers)).most_common(1)
    if count < required:
        return None
    alike = [t for t in tellers if _content(t) == content]
    places = Counter(t.block for t in alike if _is_place(t.block, shared))
    block = next((block for block, votes in places.most_common(1) if votes >= required), None)
    if block is None and believed is not None and believed.state in (State.SEEN, State.CONFIRMED):
        stood = believed.block
        block = stood if stood is not None and shared.get(stood.height) == stood else None
    return replace(alike[0], block=block, own=any(t.own for t in tellers))


def _is_place(block: Block | None, shared: Mapping[int, Block]) -> bool:
    return block is not None and shared.get(block.height, block) == block


def _content(told: Transaction) -> tuple[object, ...]:
    """What no operator may add to or alter alone: all but the place, and whether it is ours."""
    return (told.consumes, told.brings, told.spends, told.kind, told.coinbase)


def _without_conflicts(
    present: list[tuple[int, Transaction]], believed: Mapping[str, Transfer]
) -> list[Transaction]:
    """Of transactions that consume the same thing keep one.

    One in a block stands before one in a mempool, then the one more operators have, then the one
    believed already.
    """
    order = sorted(
        present,
        key=lambda vote: (vote[1].block is None, -vote[0], vote[1].id not in believed, vote[1].id),
    )
    consumer: dict[str, str] = {}
    standing = []
    for _, transaction in order:
        if all(consumer.get(c, transaction.hash) == transaction.hash for c in transaction.consumes):
            consumer.update(dict.fromkeys(transaction.consumes, transaction.hash))
            standing.append(transaction)
    return standing


def _kth(required: int, values: Iterable[int]) -> int:
    """The largest value that at least ``required`` of ``values`` reach."""
    return sorted(values, reverse=True)[required - 1]


def _until(required: int, observations: list[Observation]) -> int | None:
    complete = sum(1 for o in observations if o.until is None)
    if complete >= required:
        return None
    partial = sorted((o.until for o in observations if o.until is not None), reverse=True)
    return partial[required - complete - 1]


def _balance(required: int, tip: Block, observations: list[Observation]) -> int | None:
    balances = Counter(
        o.balance for o in observations if o.balance is not None and o.tip.hash == tip.hash
    )
    if not balances:
        return None
    balance, count = balances.most_common(1)[0]
    return balance if count >= required else None
