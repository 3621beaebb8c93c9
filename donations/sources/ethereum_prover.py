"""Proving final Ethereum gifts: operators agree on a header, one of them shows the rest.

An Ethereum header carries no work of its own, so a proof is worth what the agreement on the
header is: at least two operators, and never fewer than must agree on a gift.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from donations.errors import DonationsError, Unprovable
from donations.ledger import Kind, State, Transfer
from donations.proof.ethereum_evidence import INTERNAL, Claim, EthereumEvidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.ledger import Block
    from donations.sources.ethereum_proofs import EthereumProofs

_LEAST_OPERATORS = 2


@dataclass(slots=True)
class Proven:
    """What one attempt brought: evidence by the id of the transfer, and what went wrong.

    ``failures`` are by operator; a ProvenLie among them convicts it. ``unprovable`` are ids for
    which it would not help to ask again.
    """

    evidence: dict[str, EthereumEvidence] = field(default_factory=dict)
    failures: dict[str, DonationsError] = field(default_factory=dict)
    unprovable: set[str] = field(default_factory=set)


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
    answers = await asyncio.gather(*(_holds(proofs, block) for proofs in operators.values()))
    holding = []
    for operator, answer in zip(operators, answers, strict=True):
        if isinstance(answer, DonationsError):
            proven.failures[operator] = answer
        elif answer:
            holding.append(operator)
    if len(holding) < max(_LEAST_OPERATORS, agree):
        return proven
    left, later = list(claims), set()
    for operator in holding:
        if not left:
            break
        try:
            found = await operators[operator].evidence(block, left)
        except DonationsError as error:
            proven.failures[operator] = error
            if not isinstance(error, Unprovable):
                later |= {claim.id for claim in left}
            continue
        for identity, evidence in found.items():
            if isinstance(evidence, EthereumEvidence):
                named = replace(evidence, operators=frozenset(holding))
                proven.evidence[identity] = named
            else:
                proven.failures.setdefault(operator, evidence)
                if not isinstance(evidence, Unprovable):
                    later.add(identity)
        left = [claim for claim in left if claim.id not in proven.evidence]
    proven.unprovable = {claim.id for claim in left} - later
    return proven


async def _holds(proofs: EthereumProofs, block: Block) -> bool | DonationsError:
    try:
        return await proofs.holds(block)
    except DonationsError as error:
        return error
