"""What an Electrum server shows for a header chain and for a transaction's place is checked."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from donations.demo import faults
from donations.demo.electrum_lies import ProofLie
from donations.errors import (
    BadObservation,
    ProvenLie,
    UpstreamError,
    UpstreamMalformed,
    UpstreamMoved,
    UpstreamUnavailable,
)
from donations.proof.header_chain import HeaderChain
from donations.proof.headers import parse_header
from donations.proof.inclusion import check_inclusion
from donations.proof.work import private_ground
from donations.sources.base import Prover
from donations.sources.electrum import ElectrumSource
from tests.sources.kinds import FLAVOURS, SCRIPTS, ElectrumKind, Flavour

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

SPEAKERS = {name: flavour for name, flavour in FLAVOURS.items() if flavour is not None}


def scene(
    folder: Path, play: Callable[[ElectrumKind, ElectrumSource], Awaitable[None]], flavour: Flavour
) -> None:
    """Play on a chain with a server and a source that asks it."""

    async def whole() -> None:
        kind = ElectrumKind(flavour, 7, folder)
        kind.chain.mine(150)  # so that the first blocks are asked for and not known
        async with kind.server:
            source = kind.source()
            assert isinstance(source, Prover)
            assert isinstance(source, ElectrumSource)
            try:
                await play(kind, source)
            finally:
                await source.close()

    asyncio.run(whole())


def gift(kind: ElectrumKind, among: int = 6) -> tuple[str, int]:
    """A confirmed gift, in a block with others: (txid, height)."""
    txids = [kind.pay(kind.keys[0], 1_000 + each) for each in range(among)]
    kind.confirm()
    return txids[among // 2], kind.chain.height


@pytest.mark.parametrize("flavour", SPEAKERS.values(), ids=SPEAKERS)
def test_a_chain_of_headers_is_built_from_a_server(tmp_path: Path, flavour: Flavour) -> None:
    """From block 0 to the tip, in answers of at most 2,016, in both shapes of the protocol."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        kind.chain.mine(2_100)
        top = kind.chain.height
        chain = HeaderChain(private_ground(kind.chain.genesis_hash))
        height = 0
        while told := await prover.headers(height, 9_999):
            assert len(told) <= 2_016
            chain.extend(height, told, now=int(time.time()))
            height += len(told)
        assert chain.tip is not None
        assert (chain.tip.height, chain.tip.hash) == kind.tip
        assert await prover.headers(5, 3) == [each.header for each in kind.chain.best[5:8]]
        assert await prover.headers(kind.chain.height + 1, 10) == []
        kind.chain.reorg(3)
        await prover.probe()
        told = await prover.headers(top - 10, 99)
        assert chain.extend(top - 10, told, now=int(time.time())) == top - 3
        assert (chain.tip.height, chain.tip.hash) == kind.tip

    scene(tmp_path, play, flavour)


@pytest.mark.parametrize("flavour", SPEAKERS.values(), ids=SPEAKERS)
def test_a_transaction_is_proven_from_a_server(tmp_path: Path, flavour: Flavour) -> None:
    """Every transaction of a block is, the coinbase too, with two round trips for each."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        _, height = gift(kind)
        chain = HeaderChain(private_ground(kind.chain.genesis_hash))
        chain.extend(0, await prover.headers(0, 2_016), now=int(time.time()))
        header = chain.header_at(height)
        assert header is not None
        for each in kind.chain.best[height].transactions:
            inclusion = await prover.inclusion(each.txid, height)
            proven = check_inclusion(inclusion, header, height)
            assert proven.txid == each.txid
            assert inclusion.raw == each.stripped
        assert kind.server.requests["blockchain.transaction.get_merkle"] == 7

    scene(tmp_path, play, flavour)


NO_LIES_ABOUT_PLACES = {ProofLie.ITEM, ProofLie.NONE, ProofLie.UNPAID}


@pytest.mark.parametrize("lie", [each for each in ProofLie if each not in NO_LIES_ABOUT_PLACES])
def test_a_lie_about_a_place_convicts_the_server(tmp_path: Path, lie: ProofLie) -> None:
    """Whatever is bent in its answers, they contradict each other, and the evidence names them."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        gift(kind)
        txid, height = gift(kind)
        kind.chain.mine()
        kind.server.answers.proof_lie = lie
        with pytest.raises(ProvenLie) as caught:
            await prover.inclusion(txid, height + (lie is ProofLie.MOVED))
        assert txid in caught.value.evidence
        kind.server.answers.proof_lie = None
        assert (await prover.inclusion(txid, height)).position > 0

    scene(tmp_path, play, SPEAKERS["Fulcrum"])


def test_a_header_without_work_convicts_the_server(tmp_path: Path) -> None:
    """It comes as the server sent it, and the chain of headers refuses it with the evidence."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        chain = HeaderChain(private_ground(kind.chain.genesis_hash))
        chain.extend(0, await prover.headers(0, 50), now=int(time.time()))
        kind.server.answers.proof_lie = ProofLie.UNPAID
        told = await prover.headers(50, 10)
        with pytest.raises(ProvenLie, match="lacks the work") as caught:
            chain.extend(50, told, now=int(time.time()))
        assert told[-1].hex() in caught.value.evidence

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


def test_a_server_that_forgot_a_block_is_no_liar(tmp_path: Path) -> None:
    """An empty branch is how a pruned server says that it cannot prove."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        kind.server.answers.proof_lie = ProofLie.NONE
        with pytest.raises(UpstreamUnavailable, match="no branch"):
            await prover.inclusion(txid, height)

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


def test_an_item_that_is_no_hash_is_malformed(tmp_path: Path) -> None:
    """Nobody is convicted of bytes that are no branch."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        kind.server.answers.proof_lie = ProofLie.ITEM
        with pytest.raises(UpstreamMalformed):
            await prover.inclusion(txid, height)

    scene(tmp_path, play, SPEAKERS["Fulcrum"])


def test_an_invented_transaction_has_no_place(tmp_path: Path) -> None:
    """A server that places a transaction which is in no block shows a branch that is none."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        _, height = gift(kind)
        script = next(iter(SCRIPTS.values()))
        for where in (height, height - 1):
            invented = kind.server.view.invent(script, 5_000 + where, height=where)
            with pytest.raises(ProvenLie) as caught:
                await prover.inclusion(invented, where)
            assert invented in caught.value.evidence

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


def test_other_bytes_than_those_asked_for_are_a_lie(tmp_path: Path) -> None:
    """A transaction with another txid than the one that was asked for convicts the server."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        other = kind.chain.best[height].transactions[1]
        kind.server.fault = faults.answer(other.raw.hex(), "blockchain.transaction.get")
        with pytest.raises(ProvenLie, match="asked for") as caught:
            await prover.inclusion(txid, height)
        assert other.txid in caught.value.evidence

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


@pytest.mark.parametrize("method", ["id_from_pos", "block.header"])
def test_a_reorg_while_a_proof_is_read_is_no_lie(tmp_path: Path, method: str) -> None:
    """Answers about two blocks contradict each other, and nobody lied: they are read again."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        for every_time in (False, True):
            txid, height = gift(kind)
            struck: list[str] = []

            def reorg(called: str, struck: list[str] = struck, again: bool = every_time) -> None:
                if called.endswith(method) and (again or not struck):
                    struck.append(called)
                    kind.pay(kind.keys[0], 9_000 + len(struck))
                    lost = [each.txid for each in kind.chain.tip.transactions[1:]]
                    kind.chain.reorg(1, blocks=1, keep=[*lost, *kind.chain.mempool])

            kind.server.before = reorg
            if every_time:
                with pytest.raises((UpstreamMoved, UpstreamUnavailable)):
                    await prover.inclusion(txid, height)
            else:
                inclusion = await prover.inclusion(txid, height)
                header = parse_header(kind.chain.best[height].header)
                assert check_inclusion(inclusion, header, height).txid == txid
            assert struck
            kind.server.before = None

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        (method, wrong)
        for method, values in {
            "blockchain.transaction.get": (None, 5, "zz", "00", {}),
            "blockchain.transaction.get_merkle": (
                None,
                {},
                {"block_height": 1, "merkle": [], "pos": True},
                {"block_height": 1, "merkle": "00", "pos": 0},
                {"block_height": 1, "merkle": [5], "pos": 0},
                {"block_height": 1, "merkle": ["00" * 32] * 31, "pos": 0},
            ),
            "blockchain.transaction.id_from_pos": (
                None,
                "ab" * 32,
                {"tx_hash": 5, "merkle": []},
                {"tx_hash": "ab" * 32},
            ),
            "blockchain.block.header": (None, "00" * 79, "x"),
        }.items()
        for wrong in values
    ],
)
def test_answers_of_another_form_are_refused(tmp_path: Path, method: str, wrong: Any) -> None:
    """An answer that the protocol does not document never becomes a proof, nor another error."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        await prover.headers(0, 1)
        if isinstance(wrong, dict) and "block_height" in wrong:
            wrong["block_height"] = height
        kind.server.fault = faults.answer(wrong, method)
        with pytest.raises((UpstreamError, BadObservation)):
            await prover.inclusion(txid, height)

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


@pytest.mark.parametrize(
    "wrong",
    [None, [], {}, {"hex": 5}, {"headers": "00"}, {"hex": "0" * 161}, {"hex": "00" * 81},
     {"headers": ["00" * 79]}, {"headers": [None]}, {"hex": "00" * 80 * 6}],
)  # fmt: skip
def test_headers_of_another_form_are_refused(tmp_path: Path, wrong: Any) -> None:
    """Headers of another size, more than asked for, or in no known shape are malformed."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        await prover.headers(0, 1)
        kind.server.fault = faults.answer(wrong, "blockchain.block.headers")
        with pytest.raises(UpstreamMalformed):
            await prover.headers(1, 5)

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


def test_what_a_server_does_not_have_is_unavailable(tmp_path: Path) -> None:
    """Its error is no proof and no lie."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        for wrong in ((txid, height - 1), ("ab" * 32, height), (txid, height + 9)):
            with pytest.raises(UpstreamUnavailable):
                await prover.inclusion(*wrong)

    scene(tmp_path, play, SPEAKERS["ElectrumX 1.6"])


def test_polls_and_proofs_share_one_connection(tmp_path: Path) -> None:
    """Asked at once by many, a source connects once."""

    async def play(kind: ElectrumKind, prover: ElectrumSource) -> None:
        txid, height = gift(kind)
        await asyncio.gather(
            *(prover.headers(each, 5) for each in range(20)),
            *(prover.inclusion(txid, height) for _ in range(20)),
        )
        assert kind.server.connections_made == 1

    scene(tmp_path, play, SPEAKERS["Fulcrum"])
