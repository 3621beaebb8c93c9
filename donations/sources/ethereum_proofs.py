"""What one Ethereum endpoint shows to prove gifts: headers, whole blocks, states (EIP-1186).

Nothing of it is believed: each answer is checked against the hash of a block that operators agree
on. An endpoint without eth_getProof can still show payments and logs, and agree on headers.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import (
    DonationsError,
    ProvenLie,
    Unprovable,
    UpstreamMalformed,
    UpstreamUnavailable,
)
from donations.proof.account import account_at
from donations.proof.ethereum_evidence import (
    INTERNAL,
    Claim,
    EthereumEvidence,
    check_evidence,
)
from donations.proof.ethereum_fields import listed, octets
from donations.proof.ethereum_header import EthereumHeader, header_of
from donations.proof.ethereum_inclusion import EthereumInclusion, Growth, WholeBlock
from donations.sources.ethereum_reading import NO_SUCH_METHOD, single_receipts
from donations.sources.ethereum_rpc import RpcError, StrictProvider, block_of, good, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.ledger import Block
    from donations.sources.ethereum_rpc import Item

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """Evidence, and for income from inside calls the transactions that brought it, if known."""

    evidence: EthereumEvidence
    inside: tuple[tuple[str, int], ...] = ()


Answers = dict[Claim, "Shown | DonationsError"]


class EthereumProofs:
    """One endpoint. Its methods raise UpstreamError."""

    def __init__(self, rpc: StrictProvider, operator: str) -> None:
        self._rpc, self._operator = rpc, operator
        self._shows_states = True

    async def holds(self, block: Block) -> bool:
        """Whether its chain has the block, at or below what it calls finalized."""
        items: list[Item] = [
            ("eth_getBlockByNumber", [number, False]) for number in ("finalized", hex(block.height))
        ]
        final, there = await self._rpc.ask(items)
        if block_of(good(final, "eth_getBlockByNumber")).height < block.height:
            return False
        return block_of(good(there, "eth_getBlockByNumber")) == block

    async def evidence(self, block: Block, claims: Sequence[Claim]) -> Answers:
        """What proves each claim about this block, or why it cannot be proven here.

        One request, whatever the claims. Raises ProvenLie too, and Unprovable when it is the
        block that cannot be read.
        """
        inside = {claim.address for claim in claims if claim.id.endswith(f":{INTERNAL}")}
        states = sorted(inside) if self._shows_states else []
        below, at = hex(block.height - 1), {"blockHash": block.hash}
        items: list[Item] = [
            ("eth_getBlockByHash", [block.hash, True]),
            ("eth_getBlockReceipts", [hex(block.height)]),
        ]
        if states:
            items.append(("eth_getBlockByNumber", [below, False]))
        items += [("eth_getProof", [a, [], when]) for a in states for when in (below, at)]
        answer, receipts, *rest = await self._rpc.ask(items)
        told = good(answer, "eth_getBlockByHash")
        header = _header(told, block)
        if isinstance(receipts, RpcError) and receipts.code == NO_SUCH_METHOD:
            receipts = await single_receipts(self._rpc, told)
        outcomes = good(receipts, "eth_getBlockReceipts")
        proofs = dict(zip(states, zip(rest[1::2], rest[2::2], strict=True), strict=True))

        def check() -> Answers:
            whole = WholeBlock(header, told, outcomes)
            return {
                claim: self._answer(whole, claim, rest[:1], proofs.get(claim.address))
                for claim in claims
            }

        # A full block takes a fifth of a second: readers must not wait for it.
        return await asyncio.to_thread(check)

    def _answer(
        self,
        whole: WholeBlock,
        claim: Claim,
        parents: Sequence[Any],
        proofs: tuple[Any, Any] | None,
    ) -> Shown | DonationsError:
        inside: tuple[tuple[str, int], ...] = ()
        shown: Growth | EthereumInclusion
        try:
            if claim.id.endswith(f":{INTERNAL}"):
                shown = self._growth(whole, claim, parents, proofs)
                inside = _inside(whole, claim)
            else:
                shown = whole.inclusion(whole.position(claim.id.partition(":")[0]))
            evidence = EthereumEvidence(whole.header.raw, shown)
            check_evidence(evidence, claim)
        except ProvenLie:
            raise
        except DonationsError as error:
            return error
        return Shown(evidence, inside)

    def _growth(
        self,
        whole: WholeBlock,
        claim: Claim,
        parents: Sequence[Any],
        proofs: tuple[Any, Any] | None,
    ) -> Growth:
        if proofs is None:
            raise Unprovable(f"{self._operator} has no eth_getProof")
        parent = header_of(good(parents[0], "eth_getBlockByNumber"))
        before, after = (
            self._nodes(answer, header, claim.address)
            for answer, header in zip(proofs, (parent, whole.header), strict=True)
        )
        payments = whole.payments(claim.address)
        return Growth(parent.raw, before, after, whole.withdrawals, payments)

    def _nodes(self, answer: Any, header: EthereumHeader, address: str) -> tuple[bytes, ...]:
        """The nodes of an account's proof, which must show what is told beside them."""
        if isinstance(answer, RpcError):
            if answer.code == NO_SUCH_METHOD:
                if self._shows_states:
                    logger.info("%s has no eth_getProof: it only agrees", self._operator)
                self._shows_states = False
                raise Unprovable(f"{self._operator} has no eth_getProof")
            if answer.pruned:
                raise Unprovable(f"{self._operator} keeps the state of {header.number} no longer")
            raise UpstreamUnavailable(f"eth_getProof: error {answer.code}: {answer.message[:120]}")
        nodes = tuple(octets(node, "accountProof") for node in listed(answer, "accountProof"))
        account = account_at(header.state_root, address, nodes)
        balance, nonce = quantity(answer.get("balance")), quantity(answer.get("nonce"))
        if (account.balance, account.nonce) != (balance, nonce):
            raise ProvenLie(
                "an account whose own proof denies its balance or nonce",
                f"{address} in block {header.number} {header.hash}: told {balance} wei and nonce "
                f"{nonce}, proven {account.balance} wei and nonce {account.nonce}",
            )
        return nodes


def _header(told: Any, block: Block) -> EthereumHeader:
    if told is None:
        raise Unprovable(f"block {block.height} is not kept any more")
    header = header_of(told)
    if (header.hash, header.number, header.time) != (block.hash, block.height, block.time):
        raise UpstreamMalformed(f"another block than {block.hash}, which was asked for")
    return header


def _inside(whole: WholeBlock, claim: Claim) -> tuple[tuple[str, int], ...]:
    """Who brought it, where that explains all of it: rows under one transfer, the same sum."""
    found = whole.inside(claim.address)
    return found if sum(wei for _, wei in found) == claim.amount else ()
