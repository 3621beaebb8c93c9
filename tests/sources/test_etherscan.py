"""Explorers of Ethereum with the operator's own key: what they add, and what they never can."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from donations.chains.base import Explorer, Network
from donations.demo import faults
from donations.demo.etherscan import EtherscanServer
from donations.errors import UpstreamError, UpstreamMalformed, UpstreamUnavailable
from donations.ledger import Kind
from donations.sources.base import Ask
from donations.sources.ethereum import EthereumSource
from donations.sources.ethereum_past import Past
from donations.sources.etherscan import EtherscanApi
from donations.sources.etherscan_answers import (
    parse_called,
    parse_inside,
    parse_rows,
    parse_withdrawn,
)
from tests.running import scene
from tests.sources.kinds import ADDRESSES, FINAL_LAG, EthereumKind, look, told
from tests.sources.lives import EthereumLife

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from donations.ledger import Observation

KEY = "TESTKEYTESTKEYTESTKEY"
OURS = ADDRESSES[0]
KINDS = ["etherscan", "blockscout"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@asynccontextmanager
async def explored(
    kind: str, seed: int = 0, key: str = KEY
) -> AsyncIterator[tuple[EthereumKind, EtherscanServer, EtherscanApi]]:
    """A chain, its explorer, and our side of it; the endpoint of the chain listens too."""
    world = EthereumKind(seed)
    explorer = EtherscanServer(world.chain, KEY, blockscout=kind == "blockscout")
    async with world.server, explorer:
        api = EtherscanApi(Explorer(kind, explorer.url, key), 1)
        try:
            yield world, explorer, api
        finally:
            await api.close()
            for source in world.made:
                await source.close()


def source_on(world: EthereumKind, past: Past | None) -> EthereumSource:
    source = EthereumSource(
        world.server.url,
        "someone",
        network=Network("mainnet", chain_id=1),
        addresses=ADDRESSES,
        past=past,
    )
    world.made.append(source)
    return source


def kinds(observation: Observation) -> list[tuple[Kind, int]]:
    return [(t.kind, t.net) for t in observation.transactions]


@every_kind
@scene
async def test_payments_out_of_contracts_are_named(kind: str) -> None:
    """Each with the transaction around it; what failed, or only repeats a value, is none."""
    async with explored(kind) as (world, _, api):
        first = world.chain.pay_inside(OURS, 700, 300)
        world.chain.pay_inside(OURS, 5)
        height = world.chain.height + 1
        world.chain.mine()
        rows = await api.inside(OURS, height, height)
        assert [row.units for row in rows] == [700, 300, 5]
        assert {row.hash for row in rows[:2]} == {first}
        assert await api.inside(OURS, height + 1, height + 5) == []


@every_kind
@pytest.mark.parametrize("seed", range(4))
@scene
async def test_a_past_that_adds_up_replaces_the_opening_entry(kind: str, seed: int) -> None:
    """After any life before the watch, on a node without its states: every gift of it by its own
    name, exactly as a search by state would have told it. (What an explorer does not list, fees of
    blobs and of proposers, does not come up.)"""
    without = {"proposer", "delegate", "drain", "send"}
    without |= {"withdrawal"} if kind == "blockscout" else set()
    async with explored(kind, seed) as (world, _, api):
        key = next(k for k in world.keys if k.address == OURS and k.asset == "ETH")
        life = EthereumLife(world.chain, [OURS], "0x" + "22" * 20, random.Random(seed))
        for _ in range(60):
            life.step(without)
        world.chain.mine(30)
        searched = await look(source_on(world, None), Ask(key, 0))
        world.server.view.states = 20
        begin = world.chain.height - 4
        source = source_on(world, Past(api, [OURS]))
        (observation,) = await look(source, Ask(key, begin, opening=True))
        assert Kind.OPENING not in {t.kind for t in observation.transactions}
        assert {t.id: t for t in observation.transactions} == {
            t.id: t for t in searched[0].transactions
        }
        life.step(without | {"reorg", "back_to_old_branch"})
        world.chain.mine()
        (later,) = await look(source, Ask(key, begin, opening=True))
        names = {t.id for t in later.transactions}
        assert names >= {t.id for t in observation.transactions}, "told until it was agreed"
        (cut,) = await look(source, Ask(key, begin + 1, checkpoint=later.checkpoint))
        assert told(cut) <= world.truth(key).keys()


@every_kind
@scene
async def test_a_past_that_does_not_add_up_is_not_taken(kind: str) -> None:
    """One transaction left out, or invented elsewhere: the balance stays an opening entry."""
    async with explored(kind) as (world, explorer, api):
        key = next(k for k in world.keys if k.address == OURS and k.asset == "ETH")
        world.chain.pay(OURS, 5)
        hidden = world.chain.pay(OURS, 7)
        world.chain.mine(FINAL_LAG + 4)
        explorer.hidden.add(hidden)
        begin = world.chain.height - 2
        source = source_on(world, Past(api, [OURS]))
        (observation,) = await look(source, Ask(key, begin, opening=True))
        assert kinds(observation) == [(Kind.OPENING, 12)]


@scene
async def test_an_explorer_that_fails_holds_the_watch_up_for_three_polls() -> None:
    """While it may still answer nothing is decided; then the balance is an opening entry, for every
    operator alike."""
    async with explored("etherscan") as (world, explorer, api):
        key = next(k for k in world.keys if k.address == OURS and k.asset == "ETH")
        world.chain.pay(OURS, 5)
        world.chain.mine(FINAL_LAG + 4)
        explorer.fault = faults.html()
        past = Past(api, [OURS])
        ask = Ask(key, world.chain.height - 2, opening=True)
        for _ in range(2):
            with pytest.raises(UpstreamError):
                await look(source_on(world, past), ask)
        for _ in range(2):
            (observation,) = await look(source_on(world, past), ask)
            assert kinds(observation) == [(Kind.OPENING, 5)]


@every_kind
@scene
async def test_a_refused_key_is_never_repeated(kind: str) -> None:
    """The explorer repeats the key in its refusal; the error does not."""
    async with explored(kind, key="HUNTER2HUNTER2") as (_, explorer, api):
        with pytest.raises(UpstreamUnavailable, match="does not accept the key") as caught:
            await api.inside(OURS, 0, 10)
        assert "HUNTER2" in "".join(explorer.keys)
        assert "HUNTER2" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
        assert "HUNTER2" not in repr(Explorer(kind, "https://a.example", "HUNTER2"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": "0", "message": "NOTOK", "result": "Max rate limit reached"}, "pause"),
        ({"status": "0", "message": "NOTOK", "result": "Missing/Invalid API Key"}, "key"),
        ({"status": "0", "message": "NOTOK", "result": "Free API access is temporarily"}, "pause"),
        ({"status": "0", "message": "NOTOK", "result": []}, "refuses"),
        ({"status": "1", "message": "OK", "result": None}, "refuses"),
        ({"status": 1, "message": "OK", "result": []}, "refuses"),
        ({"message": "OK", "result": []}, "missing"),
        ([], "missing"),
        ("<html>", "missing"),
    ],
)
def test_a_refusal_is_no_empty_list(answer: Any, reason: str) -> None:
    """Whatever stands behind a status of 200, only "No ... found" means that there is nothing."""
    with pytest.raises(UpstreamError, match=reason):
        parse_rows(answer)


def test_no_rows_are_no_rows() -> None:
    """Both ways in which nothing is told."""
    results: tuple[Any, ...] = ([], None)
    for result in results:
        said = {"status": "0", "message": "No transactions found", "result": result}
        assert parse_rows(said) == []
    said = {"status": "0", "message": "No internal transactions found", "result": []}
    assert parse_inside(said) == []


def test_rows_of_both_explorers_as_they_were_told() -> None:
    """Etherscan and Blockscout of one internal payment (block 20,542,456), and a withdrawal."""
    row = {
        "blockNumber": "20542456",
        "timeStamp": "1723826543",
        "from": "0x253553366da8546fc250f225fe3d25d0c782303b",
        "to": "0x706a70067be19bdadbea3600db0626859ff25d74",
        "value": "77008458570671",
        "contractAddress": "",
        "type": "call",
        "isError": "0",
    }
    name = "0x0aa66c2ca8d917c7b18a0ba022abcacdca6e50d10a941e6f57c58e329f448ee6"
    both = [
        parse_inside({"status": "1", "message": "OK", "result": [row | {key: name}]})
        for key in ("hash", "transactionHash")
    ]
    assert both[0] == both[1]
    assert (both[0][0].hash, both[0][0].units) == (name, 77_008_458_570_671)
    withdrawal = {
        "withdrawalIndex": "22433829",
        "validatorIndex": "564618",
        "address": "0xf368a42d316070cd53515fbf67ac219aa29d5fe0",
        "amount": "520521839",
        "blockNumber": "18437074",
        "timestamp": "1698355763",
    }
    (told_,) = parse_withdrawn({"status": "1", "message": "OK", "result": [withdrawal]})
    assert told_.units == 520_521_839 * 10**9


@pytest.mark.parametrize(
    "value", ["1e3", "-1", "0x5", "", " 1", "1.0", 5, None, "9" * 79, "\u0663"]
)
def test_numbers_are_decimal_text_by_the_letter(value: Any) -> None:
    """Nothing else is a number, however close it comes."""
    row = {
        "blockNumber": "1", "from": "0x" + "11" * 20, "to": "0x" + "22" * 20, "type": "call",
        "isError": "0", "hash": "0x" + "33" * 32, "value": value,
    }  # fmt: skip
    with pytest.raises(UpstreamMalformed):
        parse_inside({"status": "1", "message": "OK", "result": [row]})
    with pytest.raises(UpstreamMalformed):
        parse_called({"status": "1", "message": "OK", "result": [row]})
