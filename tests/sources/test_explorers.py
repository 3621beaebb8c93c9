"""Explorers: what each kind does differently, and what an explorer alone can do wrong."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from donations.demo import faults
from donations.demo.esplora import EsploraServer
from donations.demo.haskoin import HaskoinServer
from donations.errors import UpstreamMalformed, UpstreamMoved, UpstreamUnavailable
from donations.sources import rest
from donations.sources.base import Ask
from tests.running import scene
from tests.sources.kinds import ExplorerKind, look, open_kind, told, transfers

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from donations.ledger import Observation
    from donations.sources.base import Source

KINDS = ["Esplora", "Haskoin"]
every_kind = pytest.mark.parametrize("name", KINDS)


def opened(name: str, folder: Path) -> AbstractAsyncContextManager[tuple[ExplorerKind, Source]]:
    return open_kind(name, folder)  # type: ignore[return-value]


async def all_of(source: Source, kind: ExplorerKind, since: int = 0) -> list[Observation]:
    return await look(source, *(Ask(key, since) for key in kind.keys))


@every_kind
@scene
async def test_at_rest_an_address_costs_two_requests_a_poll(name: str, tmp_path: Path) -> None:
    """While nothing moves: the newest blocks, and what is counted at each address."""
    async with opened(name, tmp_path) as (kind, source):
        for key in kind.keys:
            kind.pay(key, 5_000)
        kind.confirm()
        await all_of(source, kind)
        kind.server.requests.clear()
        await all_of(source, kind)
        asked = sum(kind.server.requests.values())
        # Haskoin does not count what is unconfirmed apart: it is looked for.
        assert asked == 1 + len(kind.keys) * (1 if name == "Esplora" else 2)


@every_kind
@scene
async def test_long_histories_come_page_by_page(name: str, tmp_path: Path) -> None:
    """Every transaction once, in the order of the chain, and only new ones are read afterwards."""
    async with opened(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        for n in range(130):
            kind.pay(key, 1_000 + n)
            if n % 7 == 0:
                kind.confirm()
        kind.confirm()
        pending = kind.pay(key, 9_999)
        (observation,) = await look(source, Ask(key, 0))
        assert told(observation) == kind.truth(key).keys()
        assert observation.total == 131
        assert observation.transactions[-1].id == pending
        heights = [t.block.height for t in observation.transactions if t.block is not None]
        assert heights == sorted(heights)
        assert observation.balance == sum(1_000 + n for n in range(130))
        kind.confirm()
        kind.server.requests.clear()
        (observation,) = await look(source, Ask(key, 0))
        assert told(observation) == kind.truth(key).keys()
        pages = kind.server.requests["/address/txs/chain"]
        assert pages + kind.server.requests["/address/transactions"] <= 2


@every_kind
@scene
async def test_pages_that_go_round_are_refused(name: str, tmp_path: Path) -> None:
    """A second page that is the first again ends the look, at once and with its reason."""
    async with opened(name, tmp_path) as (kind, source):
        for n in range(60):
            kind.pay(kind.keys[0], 1_000 + n)
        kind.confirm()
        kind.server.loops = True
        with pytest.raises(UpstreamMalformed, match="circles"):
            await look(source, Ask(kind.keys[0], 0))
        assert sum(kind.server.requests.values()) < 10
        kind.server.loops = False
        (observation,) = await look(source, Ask(kind.keys[0], 0))
        assert len(observation.transactions) == 60


@every_kind
@scene
async def test_a_history_shorter_than_its_count_is_refused(name: str, tmp_path: Path) -> None:
    """A page that is missing is no absence: the explorer itself counts more."""
    async with opened(name, tmp_path) as (kind, source):
        for n in range(5):
            kind.pay(kind.keys[0], 1_000 + n)
        kind.confirm()
        method = "/address/txs/chain" if name == "Esplora" else "/address/transactions"
        kind.server.fault = faults.answer([], method)
        with pytest.raises(UpstreamMoved, match="counts 5"):
            await look(source, Ask(kind.keys[0], 0))


@every_kind
@scene
async def test_what_is_told_of_a_transaction_cannot_be_altered(name: str, tmp_path: Path) -> None:
    """Another amount, script or input under the same txid is refused."""
    async with opened(name, tmp_path) as (kind, source):
        kind.pay(kind.keys[0], 5_000)
        kind.confirm()
        method = "/address/txs/chain" if name == "Esplora" else "/address/transactions"
        right: list[Any] = []

        def note(handle: Any, *parts: Any) -> Any:
            answer = handle(*parts)
            if isinstance(answer, list) and answer and "txid" in answer[0]:
                right[:] = [answer]
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind.server, "call", note)
            await look(source, Ask(kind.keys[0], 0))
        ((item,),) = right
        outputs = "vout" if name == "Esplora" else "outputs"
        inputs = "vin" if name == "Esplora" else "inputs"
        script = "scriptpubkey" if name == "Esplora" else "pkscript"
        index = "vout" if name == "Esplora" else "output"
        (first, *others) = item[outputs]
        lies: list[dict[str, Any]] = [
            item | {outputs: [first | {"value": first["value"] + 1}, *others]},
            item | {outputs: [first | {script: "00" + first[script][2:]}, *others]},
            item | {outputs: [*others, first]},
            item | {inputs: [item[inputs][0] | {index: 77}, *item[inputs][1:]]},
            item | {"version": 1},
            item | {"locktime": 5},
            item | {"txid": "ab" * 32},
        ]
        for lie in lies:
            kind.server.fault = faults.answer([lie], method)
            with pytest.raises(UpstreamMalformed, match="another transaction"):
                await look(kind.source(), Ask(kind.keys[0], 0))


@every_kind
@scene
async def test_a_header_has_to_have_its_hash(name: str, tmp_path: Path) -> None:
    """A block whose fields give another hash than it is told under is refused."""
    async with opened(name, tmp_path) as (kind, source):
        kind.confirm()
        method = "/blocks" if name == "Esplora" else "/block/best"
        server = kind.server
        if isinstance(server, EsploraServer):
            newest: Any = server._blocks({})
            newest[0]["nonce"] += 1
        else:
            newest = server._best({})
            newest["nonce"] += 1
        kind.server.fault = faults.answer(newest, method)
        with pytest.raises(UpstreamMalformed, match="does not have its hash"):
            await look(source, Ask(kind.keys[0], 0))


@every_kind
@scene
async def test_a_reorg_at_the_same_height_is_seen(name: str, tmp_path: Path) -> None:
    """When another branch holds the same gifts at the same heights, and nothing that is counted
    differs, they are told in their new blocks."""
    async with opened(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        kind.pay(key, 5_000)
        kind.confirm()
        kind.confirm()
        await look(source, Ask(key, 0))
        kind.chain.reorg(2)
        (observation,) = await look(source, Ask(key, 0))
        assert told(observation) == kind.truth(key).keys()


@every_kind
@scene
async def test_a_block_that_is_replaced_in_the_middle_is_seen(name: str, tmp_path: Path) -> None:
    """A tip that gives way to another one of its height, with a gift in it, between the blocks and
    the history: the gift is not told in the old one."""
    async with opened(name, tmp_path) as (kind, source):
        key = kind.keys[0]
        gift = kind.pay(key, 5_000)

        def replace(method: str) -> None:
            if method in ("/address/txs/mempool", "/address/transactions"):
                kind.server.before = None
                kind.chain.reorg(1, blocks=1, keep=[gift])

        kind.server.before = replace
        (observation,) = await look(source, Ask(key, 0))
        assert told(observation) == kind.truth(key).keys()


@scene
async def test_fifty_unconfirmed_are_too_many_to_see(tmp_path: Path) -> None:
    """Esplora lists 50 unconfirmed transactions and no more: from there on it can hide some, so it
    tells nothing, and why."""
    async with opened("Esplora", tmp_path) as (kind, source):
        for n in range(49):
            kind.pay(kind.keys[0], 1_000 + n)
        (observation,) = await look(source, Ask(kind.keys[0], 0))
        assert len(observation.transactions) == 49
        kind.pay(kind.keys[0], 5_000)
        with pytest.raises(UpstreamMalformed, match="Electrum server tells them all"):
            await look(source, Ask(kind.keys[0], 0))
        kind.confirm()
        (observation,) = await look(source, Ask(kind.keys[0], 0))
        assert len(observation.transactions) == 50


@scene
async def test_an_electrum_server_in_the_dress_of_esplora_is_refused(tmp_path: Path) -> None:
    """Its sums are balances: it is named, and the cure with it."""
    async with opened("Esplora", tmp_path) as (kind, source):
        kind.pay(kind.keys[0], 5_000)
        kind.confirm()
        assert isinstance(kind.server, EsploraServer)
        kind.server.electrum = True
        with pytest.raises(UpstreamMalformed, match="name the Electrum server itself"):
            await look(source, Ask(kind.keys[0], 0))


@scene
async def test_deleted_transactions_are_not_there(tmp_path: Path) -> None:
    """Haskoin may still list what was replaced, as deleted: that is absence."""
    async with opened("Haskoin", tmp_path) as (kind, source):
        key = kind.keys[0]
        stays = kind.pay(key, 4_000)
        kind.confirm()
        gone = kind.pay(key, 5_000)
        (before,) = await look(source, Ask(key, 0))
        gift = next(each for each in transfers(before) if each.id == gone)
        kind.double_spend(gone)
        assert isinstance(kind.server, HaskoinServer)
        kind.server.deleted.append(gone)
        (after,) = await look(source, Ask(key, 0, unsettled=(gift,)))
        assert [t.id for t in after.transactions if t.ours] == [stays]
        assert [t.ours for t in after.transactions] == [True, False], "and the rival"


@every_kind
@scene
async def test_a_refusal_in_json_is_no_answer(name: str, tmp_path: Path) -> None:
    """The status comes before the body: "429" with JSON in it is a pause, not a hash."""
    async with opened(name, tmp_path) as (kind, source):
        kind.server.fault = faults.http_status(429, retry_after=30)
        with pytest.raises(UpstreamUnavailable, match="HTTP 429") as caught:
            await look(source, Ask(kind.keys[0], 0))
        assert caught.value.retry_after == 30
        assert sum(kind.server.requests.values()) == 1


@every_kind
@scene
async def test_public_hosts_are_asked_one_at_a_time_with_pauses(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never two requests at once, never one within a quarter of a second of the last."""
    monkeypatch.setattr(rest, "is_near", lambda _url: False)
    moments: list[float] = []
    async with opened(name, tmp_path) as (kind, _):
        kind.pay(kind.keys[0], 5_000)
        kind.confirm()
        kind.server.before = lambda _method: moments.append(time.monotonic())
        source = kind.source()
        await asyncio.gather(*(look(source, Ask(key, 0)) for key in kind.keys))
    assert len(moments) > 3
    assert min(b - a for a, b in itertools.pairwise(moments)) > 0.24


@scene
async def test_what_a_cache_repeats_is_waited_out(tmp_path: Path) -> None:
    """When something moved and the answers may be repeated for a second by a cache, the source
    looks again after that second, not before."""
    async with opened("Esplora", tmp_path) as (kind, source):
        key = kind.keys[0]
        await look(source, Ask(key, 0))
        kind.server.headers = {"Cache-Control": "public, max-age=1"}
        moments: list[float] = []

        def move(method: str) -> None:
            if method == "/address":
                moments.append(time.monotonic())
                if len(moments) == 1:
                    kind.confirm()

        kind.pay(key, 5_000)
        kind.server.before = move
        (observation,) = await look(source, Ask(key, 0))
        assert told(observation) == kind.truth(key).keys()
        assert moments[-1] - moments[0] > 1
