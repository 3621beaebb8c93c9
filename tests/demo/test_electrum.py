"""The simulated Electrum servers speak as the protocol documents say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from donations.demo.electrum import ElectrumServer
from donations.demo.electrum_words import status
from donations.demo.transaction import scripthash, sha256d
from donations.demo.utxo import UtxoChain
from donations.demo.view import HistoryRow
from tests.demo.clients import ElectrumClient, electrum
from tests.demo.folding import fold, unshown

OURS = bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")
NAME = "2a6c4b2e9f19920ab6f9cfdbab78d7f533d5ab23bd7dddd0d8337c4126b14559"


def world(**options: Any) -> tuple[UtxoChain, ElectrumServer]:
    """A chain and a server over it."""
    chain = UtxoChain("btc", start=1_700_000_000)
    return chain, ElectrumServer(chain, **options)


def test_version_is_negotiated() -> None:
    """The highest version that both sides speak is agreed on, and it is asked for once."""

    async def scene() -> None:
        _, server = world(protocol=("1.4", "1.6"))
        async with server, electrum(server, "") as client:
            assert (await client.call("server.version", "x", ["1.4", "1.5.1"]))[1] == "1.5.1"
            assert await client.error("server.version", "x", "1.4") == 1
        _, old = world(protocol=("1.4", "1.4.2"))
        async with old, electrum(old, "") as client:
            assert (await client.call("server.version", "x", ["1.4", "1.6"]))[1] == "1.4.2"

    asyncio.run(scene())


def test_version_is_first_at_1_6() -> None:
    """A server that speaks only 1.6 hangs up on who does not say his version first."""

    async def scene() -> None:
        _, server = world(protocol=("1.6", "1.6"))
        async with server, electrum(server, "") as client:
            assert await client.error("server.ping") == 1
            with pytest.raises(EOFError):
                await client.message()

    asyncio.run(scene())


def test_unknown_versions_end_the_connection() -> None:
    """Without a common version there is an error and the line is closed."""

    async def scene() -> None:
        _, server = world(protocol=("1.4", "1.6"))
        async with server, electrum(server, "") as client:
            assert await client.error("server.version", "x", ["1.7", "1.8"]) == 1
            with pytest.raises(EOFError):
                await client.message()

    asyncio.run(scene())


@pytest.mark.parametrize("protocol", ["1.4", "1.6"])
def test_headers_have_the_shape_of_the_version(protocol: str) -> None:
    """block.headers gives one string before 1.6 and a list from then on, 2016 at most."""

    async def scene() -> None:
        chain, server = world()
        chain.mine(2_100)
        async with server, electrum(server, protocol) as client:
            answer = await client.call("blockchain.block.headers", 100, 5_000)
            assert answer["count"] == answer["max"] == 2_016
            joined = "".join(answer["headers"]) if protocol == "1.6" else answer["hex"]
            assert joined == "".join(each.header.hex() for each in chain.best[100:2_116])
            assert (await client.call("blockchain.block.headers", 9_999, 1))["count"] == 0
            assert await client.error("blockchain.block.header", 9_999) == 1

    asyncio.run(scene())


def test_checkpoint_proof_folds() -> None:
    """With cp_height a header comes with a branch over block hashes, and it folds to the root."""

    async def scene() -> None:
        chain, server = world()
        async with server, electrum(server) as client:
            proof = await client.call("blockchain.block.header", 37, 90)
            (leaf,) = unshown([chain.best[37].hash])
            assert fold(leaf, 37, unshown(proof["branch"])) == unshown([proof["root"]])[0]
            assert proof["header"] == chain.best[37].header.hex()

    asyncio.run(scene())


def test_history_and_balance_follow_the_chain() -> None:
    """Mempool rows carry a fee and 0 or -1, confirmed rows their height; balances agree."""

    async def scene() -> None:
        chain, server = world()
        async with server, electrum(server) as client:
            confirmed = chain.pay(OURS, 1_000)
            chain.mine()
            plain = chain.pay(OURS, 2_000, fee=300)
            child = chain.pay(OURS, 4_000, from_mempool_parent=True)
            rows = await client.call("blockchain.scripthash.get_history", NAME)
            assert rows == [
                {"tx_hash": confirmed, "height": 102},
                {"tx_hash": plain, "height": 0, "fee": 300},
                {"tx_hash": child, "height": -1, "fee": 1_000},
            ]
            assert await client.call("blockchain.scripthash.get_mempool", NAME) == rows[1:]
            assert await client.call("blockchain.scripthash.get_balance", NAME) == {
                "confirmed": 1_000,
                "unconfirmed": 6_000,
            }
            coins = await client.call("blockchain.scripthash.listunspent", NAME)
            assert [(each["tx_hash"], each["value"], each["height"]) for each in coins] == [
                (confirmed, 1_000, 102),
                (plain, 2_000, 0),
                (child, 4_000, 0),
            ]

    asyncio.run(scene())


def test_merkle_answers_fold_to_the_header() -> None:
    """get_merkle and id_from_pos prove their transaction against the header of its block."""

    async def scene() -> None:
        chain, server = world()
        txids = [chain.pay(OURS, each) for each in range(1_000, 6_000, 1_000)]
        chain.mine()
        async with server, electrum(server) as client:
            for txid in txids:
                proof = await client.call("blockchain.transaction.get_merkle", txid, 102)
                by_place = await client.call(
                    "blockchain.transaction.id_from_pos", 102, proof["pos"], True
                )
                assert by_place == {"tx_hash": txid, "merkle": proof["merkle"]}
                root = fold(unshown([txid])[0], proof["pos"], unshown(proof["merkle"]))
                assert root == chain.best[102].header[36:68]
                assert await client.error("blockchain.transaction.get_merkle", txid, 101) == 1

    asyncio.run(scene())


def test_raw_transactions() -> None:
    """transaction.get gives the raw bytes of what stands, and an error for anything else."""

    async def scene() -> None:
        chain, server = world()
        async with server, electrum(server) as client:
            txid = chain.pay(OURS, 1_000)
            raw = await client.call("blockchain.transaction.get", txid)
            assert raw == chain.transactions[txid].raw.hex()
            chain.evict(txid)
            assert await client.error("blockchain.transaction.get", txid) == 2

    asyncio.run(scene())


async def _history_status(client: ElectrumClient) -> str | None:
    rows = await client.call("blockchain.scripthash.get_history", NAME)
    return status(HistoryRow(each["tx_hash"], each["height"]) for each in rows)


def test_subscribers_are_told_each_new_status_and_tip() -> None:
    """A changed history is told by its status, a new tip by its header."""

    async def scene() -> None:
        chain, server = world()
        async with server, electrum(server) as client:
            assert await client.call("blockchain.scripthash.subscribe", NAME) is None
            tip = await client.call("blockchain.headers.subscribe")
            assert tip == {"height": 101, "hex": chain.tip.header.hex()}
            txid = chain.pay(OURS, 1_000)
            ((method, params),) = await client.notifications()
            assert method == "blockchain.scripthash.subscribe"
            assert params == [NAME, await _history_status(client)]
            chain.mine()
            told = dict(await client.notifications())
            assert told["blockchain.headers.subscribe"][0]["height"] == 102
            assert told["blockchain.scripthash.subscribe"][1] == await _history_status(client)
            chain.reorg(1, keep=())
            chain.evict(txid)
            told = dict(await client.notifications())
            assert told["blockchain.scripthash.subscribe"] == [NAME, None]
            assert await client.call("blockchain.scripthash.unsubscribe", NAME) is True
            chain.pay(OURS, 1_000)
            assert await client.notifications() == []

    asyncio.run(scene())


def test_a_block_replaced_at_the_same_height_tells_only_the_header() -> None:
    """When a reorg re-mines a payment at its height, no status changes and none is told."""

    async def scene() -> None:
        chain, server = world()
        chain.pay(OURS, 1_000)
        chain.mine()
        async with server, electrum(server) as client:
            await client.call("blockchain.scripthash.subscribe", NAME)
            await client.call("blockchain.headers.subscribe")
            chain.reorg(1)
            assert [method for method, _ in await client.notifications()] == [
                "blockchain.headers.subscribe"
            ]

    asyncio.run(scene())


def test_batches_are_answered_as_batches() -> None:
    """A list of calls is answered by a list, one answer for each id; each call is counted."""

    async def scene() -> None:
        chain, server = world()
        async with server, electrum(server) as client:
            calls = [
                {"id": each, "method": "blockchain.block.header", "params": [each]}
                for each in range(5)
            ]
            client.writer.write(_line([*calls, {"id": 9, "method": "nonsense", "params": []}]))
            answers = {each["id"]: each for each in await client.message()}
            assert answers[9]["error"]["code"] == -32601
            assert [answers[each]["result"] for each in range(5)] == [
                each.header.hex() for each in chain.best[:5]
            ]
            assert server.requests["blockchain.block.header"] == 5
            assert server.batches == 1

    asyncio.run(scene())


def _line(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


@pytest.mark.parametrize("fulcrum", [False, True])
def test_too_long_a_history(fulcrum: bool) -> None:
    """ElectrumX refuses a history above its limit; Fulcrum says that there is none."""

    async def scene() -> None:
        chain, server = world(fulcrum=fulcrum)
        server.answers.history_limit = 2
        for each in range(3):
            chain.pay(OURS, 1_000 + each)
        async with server, electrum(server) as client:
            if fulcrum:
                assert await client.call("blockchain.scripthash.get_history", NAME) == []
                assert await client.call("blockchain.scripthash.subscribe", NAME) is None
            else:
                assert await client.error("blockchain.scripthash.get_history", NAME) == 10001

    asyncio.run(scene())


def test_operators_differ_in_what_they_know() -> None:
    """Two servers of one chain: one lags, is frozen, hides and invents; the other does not."""

    async def scene() -> None:
        chain, honest = world()
        liar = ElectrumServer(chain)
        txid = chain.pay(OURS, 1_000)
        chain.mine()
        async with honest, liar, electrum(honest) as good, electrum(liar) as bad:
            liar.view.lag = 1
            rows = await bad.call("blockchain.scripthash.get_history", NAME)
            assert rows == [{"tx_hash": txid, "height": 0, "fee": 1_000}]
            assert (await bad.call("blockchain.headers.subscribe"))["height"] == 101
            liar.view.lag = 0
            liar.view.freeze()
            chain.reorg(1, drop=[txid])
            rows = await bad.call("blockchain.scripthash.get_history", NAME)
            assert rows == [{"tx_hash": txid, "height": 102}]
            assert await good.call("blockchain.scripthash.get_history", NAME) == []
            liar.view.thaw()
            second = chain.pay(OURS, 2_000)
            liar.view.hidden.add(second)
            invented = liar.view.invent(OURS, 5_000, height=50)
            rows = await bad.call("blockchain.scripthash.get_history", NAME)
            assert rows == [{"tx_hash": invented, "height": 50}]
            assert await bad.error("blockchain.transaction.get", second) == 2
            raw = await bad.call("blockchain.transaction.get", invented)
            assert sha256d(bytes.fromhex(raw))[::-1].hex() == invented
            assert await good.error("blockchain.transaction.get", invented) == 2
            liar.answers.genesis = "00" * 32
            assert (await bad.call("server.features"))["genesis_hash"] == "00" * 32
            assert (await good.call("server.features"))["genesis_hash"] == chain.genesis_hash

    asyncio.run(scene())


def test_a_stopped_server_comes_back_at_its_port() -> None:
    """stop() cuts clients off and refuses new ones; start() opens the same port again."""

    async def scene() -> None:
        _, server = world()
        await server.start()
        async with electrum(server) as client:
            await server.stop()
            with pytest.raises((EOFError, ConnectionError)):
                await client.message()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        await server.start()
        async with electrum(server) as client:
            assert await client.call("server.ping") is None
        await server.stop()

    asyncio.run(scene())


def test_names_are_checked() -> None:
    """Malformed arguments get the errors of the protocol, not a dead connection."""

    async def scene() -> None:
        _, server = world()
        async with server, electrum(server) as client:
            assert await client.error("blockchain.scripthash.get_history", "xyz") == 1
            assert await client.error("blockchain.transaction.get", 5) == 1
            assert await client.error("blockchain.block.header", "1") == 1
            assert await client.error("blockchain.block.header") == -32602
            assert await client.error("blockchain.address.get_history", "1Buy") == -32601
            assert await client.call("server.ping") is None

    asyncio.run(scene())


def test_the_watched_name() -> None:
    """The scripthash used here is that of the script."""
    assert scripthash(OURS) == NAME
