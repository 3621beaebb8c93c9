"""The weather on the line of a simulated server is what its name says."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from typing import TYPE_CHECKING

import aiohttp
import pytest

from donations.demo import faults
from donations.demo.electrum import ElectrumServer
from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.transaction import scripthash
from donations.demo.utxo import UtxoChain
from tests.demo.clients import electrum, http

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fault_strikes_its_methods_and_times() -> None:
    """A fault hits the methods it names, as often as it says, and nothing else."""
    fault = faults.null("a", times=2)
    assert not fault.strikes(["b"])
    assert fault.strikes(["b", "a"])
    assert fault.strikes(["a"])
    assert not fault.strikes(["a"])
    assert faults.null().strikes(["anything"])
    assert fault.bend("b", {"id": 1, "result": 5}) == {"id": 1, "result": 5}
    assert fault.bend("a", {"id": 1, "result": 5}) == {"id": 1, "result": None}


def test_electrum_answers_can_be_bent() -> None:
    """Wrong ids, null, errors, empty histories and empty envelopes come in a well-formed line."""

    async def scene() -> None:
        async with ElectrumServer(UtxoChain()) as server, electrum(server) as client:
            server.fault = faults.wrong_id(times=1)
            assert (await client.envelope("server.ping"))["id"] != 2
            server.fault = faults.null("server.banner")
            assert await client.call("server.banner") is None
            server.fault = faults.rpc_error(-101, "excessive resource usage", times=1)
            assert await client.error("server.ping") == -101
            assert await client.call("server.ping") is None
            server.fault = faults.empty_history()
            assert await client.call("blockchain.scripthash.get_history", "00" * 32) == []
            server.fault = faults.missing()
            assert (await client.envelope("server.ping")).keys() == {"jsonrpc", "id"}

    asyncio.run(scene())


def test_electrum_lines_can_break() -> None:
    """Hanging, closing, truncating, dripping, growing and nonsense happen to the line itself."""

    async def scene() -> None:
        async with ElectrumServer(UtxoChain()) as server:
            async with electrum(server) as client:
                server.fault = faults.hang("server.banner")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await client.call("server.banner")
                server.fault = faults.oversize(300_000)
                assert await client.call("server.ping") is None
                server.fault = faults.drip(seconds=0)
                assert await client.call("server.ping") is None
                server.fault = faults.html()
                with pytest.raises(json.JSONDecodeError):
                    await client.call("server.ping")
                server.fault = faults.garbage()
                with pytest.raises(UnicodeDecodeError):
                    await client.call("server.ping")
                server.fault = faults.twice()
                first = await client.envelope("server.ping")
                assert await client.message() == first
                server.fault = faults.truncate(7)
                with pytest.raises(EOFError, match="jsonr"):
                    await client.call("server.ping")
            server.fault = None
            async with electrum(server) as client:
                server.fault = faults.close()
                with pytest.raises(EOFError):
                    await client.call("server.ping")

    asyncio.run(scene())


def test_a_mute_server_does_not_notify() -> None:
    """A mute server answers but tells nothing by itself, until it catches up."""

    async def scene() -> None:
        chain = UtxoChain()
        async with ElectrumServer(chain) as server, electrum(server) as client:
            await client.call("blockchain.headers.subscribe")
            server.mute = True
            chain.mine()
            assert await client.notifications() == []
            server.mute = False
            server.catch_up()
            assert len(await client.notifications()) == 1

    asyncio.run(scene())


def test_a_late_server_tells_the_tip_first() -> None:
    """A late server tells a new tip but no status, until it catches up."""

    async def scene() -> None:
        chain = UtxoChain()
        script = chain.script()
        async with ElectrumServer(chain) as server, electrum(server) as client:
            await client.call("blockchain.headers.subscribe")
            await client.call("blockchain.scripthash.subscribe", scripthash(script))
            server.late = True
            chain.pay(script, 1_000)
            chain.mine()
            assert [each for each, _ in await client.notifications()] == [
                "blockchain.headers.subscribe"
            ]
            server.late = False
            server.catch_up()
            assert [each for each, _ in await client.notifications()] == [
                "blockchain.scripthash.subscribe"
            ]

    asyncio.run(scene())


def test_http_answers_can_be_bent() -> None:
    """Status, Retry-After, redirects, pages, bombs and short batches reach an HTTP client."""

    async def scene() -> None:
        async with EthereumServer(EthereumChain()) as server, http(server.url) as client:
            call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
            server.fault = faults.http_status(429, retry_after=7, times=1)
            async with client.session.post(server.url, json=call) as response:
                assert response.status == 429
                assert response.headers["Retry-After"] == "7"
            server.fault = faults.redirect("http://127.0.0.1:9/")
            async with client.session.post(
                server.url, json=call, allow_redirects=False
            ) as response:
                assert response.status == 302
            server.fault = faults.html()
            async with client.session.post(server.url, json=call) as response:
                assert response.content_type == "text/html"
            server.fault = faults.gzip_bomb(3_000_000)
            async with client.session.post(server.url, json=call) as response:
                assert int(response.headers["Content-Length"]) < 10_000
                assert len(await response.read()) > 3_000_000
            server.fault = faults.short_batch()
            assert len(await client.post([call | {"id": each} for each in range(3)])) == 2
            server.fault = faults.twice()
            answers = await client.post([call | {"id": each} for each in range(3)])
            assert [each["id"] for each in answers] == [0, 0, 1]
            server.fault = faults.wrong_id("eth_chainId")
            assert (await client.envelope("eth_chainId"))["id"] != 7
            assert (await client.envelope("eth_blockNumber"))["id"] == 7

    asyncio.run(scene())


def test_the_world_can_change_between_two_answers() -> None:
    """``before`` runs ahead of each answer, so a poll can be made to meet a reorg in its middle."""

    async def scene() -> None:
        utxo, ether = UtxoChain(), EthereumChain()
        async with ElectrumServer(utxo) as server, electrum(server) as client:
            server.before = lambda method: utxo.mine()
            tip = await client.call("blockchain.headers.subscribe")
            assert tip["height"] == 102
        async with EthereumServer(ether) as endpoint, http(endpoint.url) as caller:
            endpoint.before = lambda method: ether.mine()
            calls = [{"id": each, "method": "eth_blockNumber", "params": []} for each in range(2)]
            answers = await caller.post(calls)
            assert [each["result"] for each in answers] == [hex(101), hex(102)]

    asyncio.run(scene())


def test_slow_answers_are_right() -> None:
    """A slow answer comes late, and is the right one."""

    async def scene() -> None:
        async with EthereumServer(EthereumChain()) as server, http(server.url) as client:
            server.fault = faults.slow(0.05)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.call("eth_chainId")
            assert await client.call("eth_chainId") == "0x1"
        async with ElectrumServer(UtxoChain()) as other, electrum(other) as caller:
            other.fault = faults.slow(0.01)
            assert await caller.call("server.ping") is None

    asyncio.run(scene())


def test_http_lines_can_break() -> None:
    """Hanging ends in the client's time-out, closing and truncation in errors of the connection."""

    async def scene() -> None:
        async with EthereumServer(EthereumChain()) as server, http(server.url) as client:
            for fault, error in (
                (faults.close(), aiohttp.ServerDisconnectedError),
                (faults.truncate(10), aiohttp.ClientPayloadError),
            ):
                server.fault = fault
                with pytest.raises(error):
                    await client.call("eth_chainId")
            server.fault = faults.hang()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.call("eth_chainId")
            server.fault = faults.drip(seconds=0)
            assert await client.call("eth_chainId") == "0x1"

    asyncio.run(scene())


def test_electrum_over_tls(tmp_path: Path) -> None:
    """Given a certificate the server speaks TLS, and its URL says so."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2"]
    made = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(
        ["openssl", "req", "-x509", *made, *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    theirs = ssl.create_default_context(cafile=str(certificate))

    async def scene() -> None:
        server = ElectrumServer(UtxoChain(), tls=ours)
        async with server, electrum(server, ssl=theirs, server_hostname="localhost") as client:
            assert server.url == f"ssl://127.0.0.1:{server.port}"
            assert await client.call("server.ping") is None

    asyncio.run(scene())
