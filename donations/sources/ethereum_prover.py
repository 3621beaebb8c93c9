"""Proving final Ethereum gifts: operators agree on a header, one of them shows the rest.

An Ethereum header carries no work of its own, so a proof is worth what the agreement on the
header is: at least two operators, and never fewer than must agree on a gift.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from donations.errors import DonationsError, ProvenLie, Unprovable
from donations.ledger import Kind, State, Transfer
from donations.proof.ethereum_evidence import INTERNAL, Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.ledger import Block
    from donations.sources.ethereum_proofs import Answers, EthereumProofs, Shown

_LEAST_OPERATORS = 2


@dataclass(slots=True)
class Proven:
    """What one attempt brought, and what went wrong.

    ``failures`` are by operator; a ProvenLie among them convicts it. ``unprovable`` are claims for
    which it would not help to ask again.
    """

    shown: dict[Claim, Shown] = field(default_factory=dict)
    failures: dict[str, DonationsError] = field(default_factory=dict)
    unprovable: set[Claim] = field(default_factory=set)


def claim_of(transfer: Transfer, symbol: str, contracts: Mapping[str, str]) -> Claim | None:
    """What has to be proven of a transfer; None if it is of no provable kind, or not final.

    ``symbol`` is the chain's own asset, ``contracts`` are those of tokens by symbol.
    """
    block = transfer.block
    if transfer.state is not State.FINAL or not transfer.settled or block is None:
        return None
    if transfer.kind is not Kind.GIFT or transfer.spends:
        return None
    contract = None if transfer.key.asset == symbol else contracts.get(transfer.key.asset)
    named, ordinal = len(transfer.hash) == len(block.hash), transfer.id.partition(":")[2]
    if contract is None:
        known = transfer.key.asset == symbol and ordinal in ("", INTERNAL)
    else:
        known = ordinal.isdecimal()
    if not named or not known:
        return None  # an opening, or income between two blocks
    return Claim(transfer.id, transfer.key.address, transfer.amount, block.hash, contract)


async def prove(
    block: Block, claims: Sequence[Claim], operators: Mapping[str, EthereumProofs], agree: int
) -> Proven:
    """Evidence for claims about one block, from whoever can show it. Raises nothing.

    Takes one request to each operator for the header and, mostly, one to one of them for the rest.
    """
    proven = Proven()
    votes = await asyncio.gather(*(_holds(proofs, block) for proofs in operators.values()))
    holding = []
    for operator, vote in zip(operators, votes, strict=True):
        if isinstance(vote, DonationsError):
            proven.failures[operator] = vote
        elif vote:
            holding.append(operator)
    least = max(_LEAST_OPERATORS, agree)
    if len(holding) < least:
        return proven
    left, later = list(claims), set()
    for operator in holding:
        if not left:
            break
        try:
            answers: Answers = await operators[operator].evidence(block, left)
        except DonationsError as error:
            answers = dict.fromkeys(left, error)
        for claim, answer in answers.items():
            if isinstance(answer, DonationsError):
                proven.failures.setdefault(operator, answer)
                if not isinstance(answer, Unprovable):
                    later.add(claim)
            else:
                proven.shown[claim] = answer
        left = [claim for claim in left if claim not in proven.shown]
    # The word of one who was caught just now is no agreement.
    honest = frozenset(
        operator for operator in holding if not isinstance(proven.failures.get(operator), ProvenLie)
    )
    if len(honest) < least:
        proven.shown.clear()
        return proven
    for claim, shown in proven.shown.items():
        proven.shown[claim] = replace(shown, evidence=replace(shown.evidence, operators=honest))
    proven.unprovable = set(left) - later
    return proven


async def _holds(proofs: EthereumProofs, block: Block) -> bool | DonationsError:
    try:
        return await proofs.holds(block)
    except DonationsError as error:
        return error
