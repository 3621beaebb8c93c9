"""Explorers as provers: headers that link, and each transaction's place in its block."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from donations.demo import faults
from donations.demo.esplora import EsploraServer
from donations.demo.haskoin import HaskoinServer
from donations.errors import BadObservation, ProvenLie, UpstreamMoved, UpstreamUnavailable
from donations.proof.headers import parse_header
from donations.proof.inclusion import check_inclusion
from donations.sources import explorer_proofs
from donations.sources.base import Prover
from donations.sources.explorer_proofs import branch_of
from tests.running import scene
from tests.sources.kinds import ExplorerKind, open_kind

if TYPE_CHECKING:
    from pathlib import Path

every_kind = pytest.mark.parametrize("name", ["Esplora", "Haskoin"])


def crowded(kind: Any, transactions: int) -> int:
    """A block of so many gifts and its coinbase; its height."""
    for n in range(transactions):
        kind.pay(kind.keys[0], 1_000 + n)
    kind.confirm()
    height: int = kind.chain.height
    kind.confirm()
    return height


@every_kind
@scene
async def test_headers_link_to_the_tip(name: str, tmp_path: Path) -> None:
    """Read some at a time, they are the chain's own, and end where it ends."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ExplorerKind)
        assert isinstance(source, Prover)
        found: list[bytes] = []
        while told := await source.headers(len(found), 2_016):
            found += told
        assert found == [block.header for block in kind.chain.best]
        assert await source.headers(len(found) - 3, 1) == found[-3:-2]
        for parent, child in itertools.pairwise(map(parse_header, found)):
            assert child.previous == parent.hash


@every_kind
@scene
async def test_headers_of_long_ago_are_left_to_others(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explorer is not asked for years of headers, some at a time."""
    monkeypatch.setattr(explorer_proofs, "_FARTHEST", 20)
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(source, Prover)
        with pytest.raises(UpstreamUnavailable, match="too many requests"):
            await source.headers(kind.chain.height - 21, 10)
        assert await source.headers(kind.chain.height - 20, 10)


@every_kind
@pytest.mark.parametrize("transactions", [0, 1, 2, 6, 7])
@scene
async def test_every_transaction_of_a_block_is_proven(
    name: str, transactions: int, tmp_path: Path
) -> None:
    """The coinbase and all others, whatever the shape of the tree."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ExplorerKind)
        assert isinstance(source, Prover)
        height = crowded(kind, transactions)
        block = kind.chain.best[height]
        for position, each in enumerate(block.transactions):
            inclusion = await source.inclusion(each.txid, height)
            proven = check_inclusion(inclusion, parse_header(block.header), height)
            assert (proven.txid, inclusion.position) == (each.txid, position)
            assert inclusion.raw == each.stripped
            with pytest.raises(UpstreamMoved):
                await source.inclusion(each.txid, height - 1)


@scene
async def test_a_branch_that_leads_elsewhere_is_a_lie(tmp_path: Path) -> None:
    """Another position, another hash, another depth, told twice while the header stands."""
    async with open_kind("Esplora", tmp_path) as (kind, source):
        assert isinstance(kind, ExplorerKind)
        assert isinstance(kind.server, EsploraServer)
        assert isinstance(source, Prover)
        height = crowded(kind, 6)
        block = kind.chain.best[height]
        txid = block.transactions[3].txid
        right = kind.server.call

        def lying(change: dict[str, Any]) -> Any:
            def call(handle: Any, *parts: Any) -> Any:
                answer = right(handle, *parts)
                proof = isinstance(answer, dict) and "merkle" in answer and answer["pos"] == 3
                return answer | change if proof else answer

            return call

        truth = right(kind.server._merkle_proof, txid, {})
        for change in (
            {"pos": 2},
            {"merkle": truth["merkle"][::-1]},
            {"merkle": ["ab" * 32, *truth["merkle"][1:]]},
            {"merkle": truth["merkle"][1:]},
        ):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(kind.server, "call", lying(change))
                with pytest.raises((ProvenLie, BadObservation)) as caught:
                    await source.inclusion(txid, height)
            assert isinstance(caught.value, ProvenLie), change
        assert (await source.inclusion(txid, height)).position == 3


@scene
async def test_a_proof_of_a_block_that_lost_is_not_one_of_its_successor(tmp_path: Path) -> None:
    """Branches that agree with each other, and lead to another block than the one of the chain."""
    async with open_kind("Esplora", tmp_path) as (kind, source):
        assert isinstance(kind, ExplorerKind)
        assert isinstance(source, Prover)
        height = crowded(kind, 6)
        txid = kind.chain.best[height].transactions[3].txid
        right, answers = kind.server.call, {}

        def record(handle: Any, *parts: Any) -> Any:
            answer = answers[handle.__name__, str(parts[0])] = right(handle, *parts)
            return answer

        def repeat(handle: Any, *parts: Any) -> Any:
            if handle.__name__ == "_txid":
                return next(told for (name, _), told in answers.items() if name == "_txid")
            return answers.get((handle.__name__, str(parts[0]))) or right(handle, *parts)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind.server, "call", record)
            await source.inclusion(txid, height)
            for name, place in list(answers):
                if name == "_blocks":
                    del answers[name, place]
            kind.chain.reorg(2)
            patch.setattr(kind.server, "call", repeat)
            with pytest.raises(ProvenLie, match="does not lead to its own block"):
                await source.inclusion(txid, height)


@scene
async def test_a_block_that_loses_a_transaction_proves_nothing(tmp_path: Path) -> None:
    """A Haskoin Store that leaves one out of a block's list contradicts its header."""
    async with open_kind("Haskoin", tmp_path) as (kind, source):
        assert isinstance(kind, ExplorerKind)
        assert isinstance(kind.server, HaskoinServer)
        assert isinstance(source, Prover)
        height = crowded(kind, 6)
        block = kind.chain.best[height]
        right = kind.server._block(block.hash, {})
        kind.server.fault = faults.answer(right | {"tx": right["tx"][:-1]}, "/block")
        with pytest.raises(ProvenLie):
            await source.inclusion(block.transactions[2].txid, height)


def test_a_lone_node_pairs_with_itself() -> None:
    """The branch of the last of three: itself, then what the first two make."""
    txids = ["01" * 32, "02" * 32, "03" * 32]
    branch = branch_of(txids, 2)
    assert branch[0] == bytes.fromhex(txids[2])
    assert branch[1] != branch_of(txids, 0)[1]
    assert branch_of(txids[:1], 0) == ()
