"""What only the Electrum source has to keep: its silence at rest, its portions, cut histories."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.chains.base import Network
from donations.demo import faults
from donations.errors import BadObservation, UpstreamError, UpstreamUnavailable
from donations.ledger import Block
from donations.sources import electrum, electrum_connection
from donations.sources.base import Ask
from tests.running import scene, until
from tests.sources.kinds import SCRIPTS, ElectrumKind, look, open_kind, transfers

if TYPE_CHECKING:
    from pathlib import Path

    from donations.sources.base import Source

electrum_kinds = pytest.mark.parametrize(
    "name", ["ElectrumX 1.6", "Fulcrum", "ElectrumX 1.4.2", "BCH Fulcrum"]
)


async def caught_up(source: Source, kind: ElectrumKind) -> None:
    """Look until the pushes of the server have come in."""

    async def at_tip() -> bool:
        (observation,) = await look(source, Ask(kind.keys[0], 0))
        return observation.tip.hash == kind.chain.tip.hash

    await until(at_tip)


@electrum_kinds
@scene
async def test_headers_alone_cost_nothing(name: str, tmp_path: Path) -> None:
    """Blocks that hold nothing of ours, and looks at them, make no request at all."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        kind.pay(kind.keys[0], 5_000)
        kind.chain.mine()
        await look(source, *(Ask(key, 0) for key in kind.keys))
        await caught_up(source, kind)
        kind.server.requests.clear()
        for _ in range(20):
            kind.chain.mine()
            await caught_up(source, kind)
        await look(source, *(Ask(key, 0) for key in kind.keys))
        assert not kind.server.requests


@electrum_kinds
@scene
async def test_a_gift_costs_its_own_reading(name: str, tmp_path: Path) -> None:
    """One gift takes one history, one balance and one transaction, of its address only."""
    async with open_kind(name, tmp_path) as (kind, source):
        for units in range(1_000, 1_020):
            kind.pay(kind.keys[0], units)
        await look(source, *(Ask(key, 0) for key in kind.keys))
        kind.server.requests.clear()
        identity = kind.pay(kind.keys[0], 5_000)

        async def seen() -> bool:
            told = await look(source, *(Ask(key, 0) for key in kind.keys))
            return identity in {t.id for t in told[0].transactions}

        await until(seen)
        assert kind.server.requests["blockchain.transaction.get"] == 1
        assert kind.server.requests["blockchain.scripthash.get_history"] == 1
        assert kind.server.requests["blockchain.scripthash.subscribe"] == 0


@electrum_kinds
@scene
async def test_portions_cover_exactly(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long history comes in portions, cut between blocks, which together are all of it, each
    transaction once; the mempool comes with the last."""
    monkeypatch.setattr(electrum, "PORTION", 10)
    monkeypatch.setattr(electrum, "_MANY", 5)
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        key = kind.keys[0]
        for block in range(30):
            for n in range(block % 5):
                kind.pay(key, 1_000 + n)
            kind.chain.mine()
        for n in range(23):  # more than a portion in one block
            kind.pay(key, 2_000 + n)
        kind.chain.mine()
        kind.pay(key, 3_000)
        since, told = 0, []
        for _ in range(20):
            (observation,) = await look(source, Ask(key, since))
            heights = [t.block.height for t in observation.transactions if t.block is not None]
            assert observation.since == since
            assert all(since <= h <= (observation.until or h) for h in heights)
            told += [t.id for t in observation.transactions]
            kind.memory.record(observation)
            if observation.until is None:
                break
            assert len(heights) == len(observation.transactions) >= 6
            assert max(heights) == observation.until
            since = observation.until + 1
        assert observation.until is None
        assert sorted(told) == sorted(txid for txid, _, _, _ in kind.truth(key))
        # A last portion of a few may be read ahead and asked for at the same time.
        assert len(told) <= kind.server.requests["blockchain.transaction.get"] <= len(told) + 5


@electrum_kinds
@scene
async def test_a_history_that_lost_what_was_final_is_refused(name: str, tmp_path: Path) -> None:
    """A server whose index is empty, on the very chain that we recorded, is not believed; one whose
    tip is told with a longer history is."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        key = kind.keys[0]
        kind.pay(key, 5_000)
        kind.chain.mine(20)
        tip = kind.chain.best[-1]
        anchor = Block(tip.height, tip.hash, tip.time)
        ask = Ask(key, anchor.height + 1, settled=1, anchor=anchor)
        kind.server.fault = faults.empty_history()
        with pytest.raises((BadObservation, UpstreamError)):
            await look(source, ask)
        kind.server.fault = None
        await look(source, ask)


@electrum_kinds
@scene
async def test_an_empty_history_with_a_status_is_refused(name: str, tmp_path: Path) -> None:
    """A history that does not hash to the status it was announced with is not told."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        kind.pay(kind.keys[0], 5_000)
        kind.chain.mine()
        kind.server.fault = faults.empty_history()
        with pytest.raises(UpstreamError):
            await look(source, Ask(kind.keys[0], 0))


@pytest.mark.parametrize(("name", "given"), [("ElectrumX 1.6", "bch"), ("BCH Fulcrum", "btc")])
@scene
async def test_the_other_coins_server_is_refused(name: str, given: str, tmp_path: Path) -> None:
    """BTC and BCH share their first blocks: the landmark tells a server of the wrong one."""
    async with open_kind(name, tmp_path) as (kind, own):
        assert isinstance(kind, ElectrumKind)
        other = type(kind.chain)(given, 0, start=1_700_000_000)
        assert other.genesis_hash == kind.chain.genesis_hash
        network = Network("mainnet", other.genesis_hash, landmark=other.landmark)
        right = Network("mainnet", other.genesis_hash, landmark=kind.chain.landmark)
        with pytest.raises(UpstreamError, match="another network"):
            await look(kind.source(network), Ask(kind.keys[0], 0))
        await look(kind.source(right), Ask(kind.keys[0], 0))
        await own.close()


@scene
async def test_a_genesis_that_is_only_claimed_is_not_believed(tmp_path: Path) -> None:
    """What server.features says of the network is not asked: headers are."""
    async with open_kind("ElectrumX 1.6", tmp_path) as (kind, _):
        assert isinstance(kind, ElectrumKind)
        kind.server.answers.genesis = "ab" * 32
        with pytest.raises(UpstreamError, match="another network"):
            await look(kind.source(Network("mainnet", "ab" * 32)), Ask(kind.keys[0], 0))


@scene
async def test_a_server_of_an_unknown_protocol_is_refused(tmp_path: Path) -> None:
    """Without a common version a look and a probe fail like any other upstream that is no use."""
    async with open_kind("ElectrumX 1.6", tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        kind.server.answers.protocol = ("1.7", "1.8")
        with pytest.raises(UpstreamError):
            await look(source, Ask(kind.keys[0], 0))
        with pytest.raises(UpstreamError):
            await source.probe()


@electrum_kinds
@scene
async def test_a_rival_of_an_input_that_never_was_ends_nothing(name: str, tmp_path: Path) -> None:
    """An invented transaction may consume an output that its parent does not have; when it is
    gone, the search for its rival is over, not the look."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        key = kind.keys[0]
        parent = kind.pay(key, 5_000)
        kind.chain.mine()
        fake = kind.server.view.invent(SCRIPTS[key.address], 7_000)
        (observation,) = await look(source, Ask(key, 0))
        assert fake in {t.id for t in observation.transactions}
        gift = next(g for g in transfers(observation) if g.id == fake)
        gift = replace(gift, consumes=frozenset({f"{parent}:999"}))
        del kind.server.view.invented[fake]
        kind.server.catch_up()

        async def gone() -> bool:
            (now,) = await look(source, Ask(key, 0, unsettled=(gift,)))
            return {t.id for t in now.transactions} == {parent}

        await until(gone)


@electrum_kinds
@scene
async def test_a_history_that_is_too_long_is_an_error(name: str, tmp_path: Path) -> None:
    """ElectrumX says that a history is too large, Fulcrum tells an empty one with no status: the
    first fails; the second is what an address without history looks like, and others outvote it."""
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        for units in range(1_000, 1_010):
            kind.pay(kind.keys[0], units)
        kind.chain.mine()
        kind.server.answers.history_limit = 5
        if kind.server.answers.fulcrum:
            (observation,) = await look(source, Ask(kind.keys[0], 0))
            assert observation.transactions == ()
        else:
            with pytest.raises(UpstreamUnavailable, match="too large"):
                await look(source, Ask(kind.keys[0], 0))


@electrum_kinds
@scene
async def test_a_line_that_died_without_a_word_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that neither speaks nor hangs up is asked for a sign of life after a silence, and
    left when none comes: who waits for a push is told, and the next look is over a new line."""
    monkeypatch.setattr(electrum_connection, "PING_SECONDS", 0.2)
    monkeypatch.setattr(electrum_connection, "CALL_SECONDS", 0.5)
    monkeypatch.setattr(electrum, "_SHORT_LIVED_SECONDS", 0.0)
    async with open_kind(name, tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        await look(source, Ask(kind.keys[0], 0))
        while True:
            try:  # what was pushed so far
                await asyncio.wait_for(source.wait(), 0.05)
            except TimeoutError:
                break
        await until(lambda: kind.server.requests["server.ping"] >= 2)
        made = kind.server.connections_made
        assert made == 1, "a sign of life keeps the line"
        kind.server.fault = faults.hang()
        await asyncio.wait_for(source.wait(), 5)
        kind.server.fault = None
        await look(source, Ask(kind.keys[0], 0))
        assert kind.server.connections_made == made + 1
