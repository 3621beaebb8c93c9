"""Gifts of the simulated world are proven by their evidence, and nothing else is by any."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.demo.ethereum_payment import ETHER
from donations.errors import BadObservation, DonationsError, Unprovable, UpstreamMalformed
from donations.proof.ethereum_evidence import (
    Claim,
    EthereumEvidence,
    check_evidence,
    check_together,
    evidence_from,
    evidence_json,
)
from donations.proof.ethereum_inclusion import EthereumInclusion, Growth
from donations.proof.ethereum_transaction import parse_ethereum_transaction
from tests.proof.ethereum import OURS, USDX, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.measured import Table

HONEST = ("payment", "internal", "token")


def kept(evidence: EthereumEvidence) -> EthereumEvidence:
    """The same, written down and read again."""
    return evidence_from(json.loads(json.dumps(evidence_json(evidence))))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", HONEST)
def test_gifts_of_each_kind_are_proven(name: str, seed: int) -> None:
    """A payment of type 0, 1 and 2, income from inside calls, and the second log of a token."""
    there = world(seed)
    claim = there.claims[name]
    evidence = there.evidence(claim)
    assert kept(evidence) == evidence
    assert check_evidence(evidence, claim).hash == there.block.hash


@pytest.mark.parametrize("name", HONEST)
def test_no_other_claim_is_proven(name: str) -> None:
    """Another amount, address, transaction, log, block or contract is not what was proven."""
    there = world()
    claim = there.claims[name]
    evidence = there.evidence(claim)
    other = there.block.executed[0].payment
    parent = there.block.parent
    wrong = [
        replace(claim, amount=claim.amount + 1),
        replace(claim, amount=0),
        replace(claim, address=there.chain.stranger()),
        replace(claim, id=other.hash + ":3"),
        replace(claim, id=f"{parent}:internal", block_hash=parent),
        replace(claim, id=f"{parent}:internal"),
        replace(claim, contract=USDX if claim.contract is None else None),
        replace(claim, contract=there.chain.stranger()),
        replace(claim, block_hash=parent),
    ]
    wrong += [each for each in there.claims.values() if each is not claim]
    for each in wrong:
        with pytest.raises((BadObservation, UpstreamMalformed)):
            check_evidence(evidence, each)
    if name == "token":
        for ordinal in ("0", "2", "-1", "x", "", "1.0"):
            with pytest.raises(BadObservation):
                check_evidence(evidence, replace(claim, id=claim.id[:-1] + ordinal))


def test_a_failed_payment_is_none() -> None:
    """The transaction is in the block, and so is its receipt, which says that nothing moved."""
    there = world()
    claim = there.claims["failed"]
    with pytest.raises(BadObservation, match="failed"):
        check_evidence(there.evidence(claim), claim)


def test_a_receipt_of_another_transaction_is_refused() -> None:
    """The success of one transaction is no success of another: both stand at one position."""
    there = world()
    failed, good = there.claims["failed"], there.claims["payment"]
    bad, fine = there.evidence(failed).shown, there.evidence(good).shown
    assert isinstance(bad, EthereumInclusion)
    assert isinstance(fine, EthereumInclusion)
    header = there.evidence(good).header
    for index in (bad.index, fine.index):
        mixed = EthereumInclusion(index, bad.transaction, fine.receipt)
        with pytest.raises(DonationsError):
            check_evidence(EthereumEvidence(header, mixed), failed)


def growth_of(name: str = "internal") -> tuple[Growth, EthereumEvidence, Claim]:
    there = world()
    claim = there.claims[name]
    evidence = there.evidence(claim)
    assert isinstance(evidence.shown, Growth)
    return evidence.shown, evidence, claim


def test_a_growth_is_of_two_neighbours() -> None:
    """Both states are those of the block and of its parent; none may stand for the other."""
    growth, evidence, claim = growth_of()
    for bent in (
        replace(growth, parent=evidence.header),
        replace(growth, before=growth.after),
        replace(growth, after=growth.before),
        replace(growth, before=growth.after, after=growth.before),
        replace(growth, before=()),
    ):
        with pytest.raises(DonationsError):
            check_evidence(replace(evidence, shown=bent), claim)
    there = world()
    earlier = there.chain.best[there.block.number - 2]
    wide = replace(growth, parent=there.header(earlier).raw, before=there.nodes(earlier))
    both = replace(claim, amount=claim.amount + 3 * ETHER)
    with pytest.raises(BadObservation, match="not the one before"):
        check_evidence(replace(evidence, shown=wide), both)


def test_withdrawals_and_payments_are_not_income_from_inside() -> None:
    """What a validator got, and what was paid from outside, is taken off what the account grew by.

    Withdrawals are all there or none are believed; a payment is shown once.
    """
    growth, evidence, claim = growth_of()
    for bent in (
        replace(growth, withdrawals=()),
        replace(growth, withdrawals=growth.withdrawals[:1]),
        replace(growth, withdrawals=growth.withdrawals[::-1]),
        replace(growth, payments=()),
        replace(growth, payments=growth.payments[:1]),
        replace(growth, payments=(growth.payments[0], *growth.payments)),
        replace(growth, payments=growth.payments[::-1]),
    ):
        with pytest.raises((BadObservation, UpstreamMalformed)):
            check_evidence(replace(evidence, shown=bent), claim)
    small = growth.payments[1]
    twice = replace(growth, payments=(growth.payments[0], small, small))
    with pytest.raises(UpstreamMalformed, match="there twice"):
        check_evidence(replace(evidence, shown=twice), replace(claim, amount=claim.amount - 3))


def test_no_wei_is_proven_twice() -> None:
    """A payment that is left out of the growth of its block, to be counted in it, is noticed."""
    there = world()
    pairs = [(there.evidence(there.claims[n]), there.claims[n]) for n in HONEST]
    check_together(pairs)
    with pytest.raises(BadObservation, match="twice"):
        check_together([*pairs, pairs[0]])
    growth, evidence, claim = growth_of()
    greedy = replace(claim, amount=claim.amount + 5 * ETHER)
    hiding = replace(evidence, shown=replace(growth, payments=growth.payments[1:]))
    assert check_evidence(hiding, greedy), "alone, it is what the account grew by"
    with pytest.raises(BadObservation, match="once more"):
        check_together([pairs[0], (hiding, greedy)])


def test_a_block_with_our_own_call_proves_no_income() -> None:
    """Where the address sent something, or earned fees, a growth may be a refund or a reward."""
    there = world()
    chain = there.chain
    for proposer, send in ((OURS, False), (None, True)):
        chain.pay_inside(OURS, 100)
        if send:
            chain.send(OURS, 1, back=1)
        (block,) = chain.mine(proposer=proposer)
        parent = chain.blocks[block.parent]
        growth = Growth(there.header(parent).raw, there.nodes(parent), there.nodes(block), (), ())
        grown = chain.balance(OURS, block) - chain.balance(OURS, parent)
        claim = Claim(f"{block.hash}:internal", OURS, grown, block.hash)
        with pytest.raises(BadObservation, match="sent something"):
            check_evidence(EthereumEvidence(there.header(block).raw, growth), claim)


def test_evidence_of_other_forms_is_refused() -> None:
    """JSON that is no evidence raises what a malformed answer raises, and nothing else."""
    good: dict[str, Any] = evidence_json(growth_of()[1])
    others: list[Any] = [
        None,
        [],
        {},
        {**good, "header": "0x0"},
        {**good, "header": 5},
        {**good, "operators": "one"},
        {**good, "operators": [1]},
        {**good, "growth": []},
        {**good, "growth": {**good["growth"], "before": None}},
        {**good, "growth": {**good["growth"], "before": ["0x1"]}},
        {**good, "growth": {**good["growth"], "payments": [{"index": "0x00"}]}},
        {**good, "growth": None},
        {**good, "growth": None, "inclusion": {"index": 1}},
    ]
    for bent in others:
        with pytest.raises(UpstreamMalformed):
            evidence_from(bent)


def test_logs_of_ether_name_who_paid_from_inside() -> None:
    """Where ether leaves logs (EIP-7708), the transactions behind income from inside are known.

    They explain all of it and are no income of their own: payments, failed calls, withdrawals and
    a contract that tells the same tale of another address are not among them.
    """
    there = world()
    chain = there.chain
    chain.amsterdam = True
    first = chain.pay_inside(OURS, 11, 13)
    chain.pay(OURS, 5)
    chain.pay(OURS, 6, failed=True)
    second = chain.pay_inside(OURS, 17, creation=True)
    chain.token(USDX, OURS, 19)
    chain.token(OURS, OURS, 1_000)
    chain.withdraw(OURS, 23)
    both = chain.make(chain.donor(), OURS, 29, moves=((chain.donor(), OURS, 31),), gas_used=50_000)
    (block,) = chain.mine()
    assert there.whole(block).inside(OURS) == ((first, 24), (second, 17), (both, 31))
    later = world(1)
    assert later.whole(later.block).inside(OURS) == ()


def mutations(told: dict[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Evidence in JSON with a few digits of one of its texts changed, or a list changed."""
    while True:
        bent = json.loads(json.dumps(told))
        spots = list(texts(bent))
        holder, key = chance.choice(spots)
        if isinstance(holder[key], list):
            items = holder[key]
            match chance.randrange(4):
                case 0 if items:
                    items.pop(chance.randrange(len(items)))
                case 1 if items:
                    items.insert(chance.randrange(len(items)), chance.choice(items))
                case 2:
                    chance.shuffle(items)
                case _:
                    items.append("0x" + chance.randbytes(chance.randrange(60)).hex())
        else:
            text = holder[key]
            at = chance.randrange(2, len(text)) if len(text) > 2 else 2
            match chance.randrange(5):
                case 0:
                    holder[key] = text[:at] + chance.choice("0123456789abcdef") + text[at + 1 :]
                case 1:
                    holder[key] = text[:at] + text[at + 2 :]
                case 2:
                    holder[key] = text[:at] + chance.randbytes(1).hex() + text[at:]
                case 3:
                    end = at + 2 * chance.randrange(1, 9)
                    holder[key] = text[:at] + chance.randbytes((end - at) // 2).hex() + text[end:]
                case _:
                    holder[key] = text[:at]
        if bent != told:
            yield bent


def texts(told: Any) -> Iterator[tuple[Any, Any]]:
    """Each text and each list in it, by what holds it and where."""
    pairs = told.items() if isinstance(told, dict) else enumerate(told)
    for key, each in pairs:
        if key == "operators":
            continue
        if isinstance(each, str | list):
            yield told, key
        if isinstance(each, dict | list):
            yield from texts(each)


def accepted(told: Any, claim: Claim) -> bool:
    try:
        check_evidence(evidence_from(told), claim)
    except DonationsError:
        return False
    return True


def test_mutated_evidence_proves_nothing(seed: int, long: bool, table: Table) -> None:
    """No byte of evidence can be changed: 20,000 mutations, none accepted (long: 500,000).

    Nothing but the errors of this project comes out of any of them.
    """
    chance, count = random.Random(seed), 500_000 if long else 20_000
    tried = wrong = 0
    for n, name in enumerate(HONEST):
        there = world(n)
        claim = there.claims[name]
        told = evidence_json(there.evidence(claim))
        assert accepted(told, claim)
        for bent in mutations(told, chance):
            tried += 1
            wrong += accepted(bent, claim)
            if tried >= count * (n + 1) // len(HONEST):
                break
    table.never("mutations of Ethereum evidence accepted", wrong, tried)


def test_a_transaction_of_an_unknown_type_proves_nothing_yet() -> None:
    """A later type of transaction is no lie: what pays with it stays agreed, not proven."""
    with pytest.raises(Unprovable, match="unknown type 5"):
        parse_ethereum_transaction(b"\x05" + bytes(40))
