"""From a payment in a simulated world to what its giver reads, and hears."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp

from donations.app import running
from donations.demo.story import BTC_SCRIPT, ETH_ADDRESS
from donations.demo.world import World
from tests.running import agrees, config_on, scene, until
from tests.web.test_live import Listener

if TYPE_CHECKING:
    from pathlib import Path


class Giver:
    """One who looks at the page again and again."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._refresh: str | None = None

    def waits(self) -> bool:
        """Whether the page looks again by itself."""
        return self._refresh == "30"

    async def read(self, number: str) -> str:
        """The words of the page."""
        async with self._session.get("/thanks", params={"tx": number, "lang": "en"}) as answer:
            assert answer.status == 200
            self._refresh = answer.headers.get("Refresh")
            body = (await answer.text()).partition("<h1>")[2].partition("<footer>")[0]
        return " ".join(re.sub(r"<[^>]+>", " ", body).split())

    async def reads(self, number: str, said: str) -> None:
        """Look until the page says this."""

        async def is_said() -> bool:
            return said in await self.read(number)

        await until(is_said, what=f"{said!r}")


@scene
async def test_a_payment_is_seen_confirmed_and_final(tmp_path: Path) -> None:
    """The giver reads: not seen, seen, confirmed once, final; and the same after a restart."""
    async with World(1) as world:
        config = config_on(world, tmp_path)
        async with (
            running(config) as (service, port),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            giver = Giver(session)
            await until(lambda: agrees(service, world))
            early = await giver.read("ab" * 32)
            assert "Not seen yet" in early
            assert ETH_ADDRESS in early
            listener = await Listener.connect(port)
            await listener.hear_edition(service.live.edition)
            before = service.live.edition

            txid = world.btc.pay(BTC_SCRIPT, 150_000)
            while listener.heard[-1] == before:
                assert await listener.hear()
            listener.hang_up()
            await giver.reads(txid, "0.0015 BTC Seen")
            assert giver.waits()
            world.btc.mine()
            await giver.reads(txid, "Confirmed once")
            for _ in range(4):
                world.btc.mine()
            await giver.reads(txid, "Confirmed 5 times")
            world.btc.mine()
            await giver.reads(txid, "arrived for good")
            assert not giver.waits()
        async with (
            running(config) as (service, port),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            giver = Giver(session)
            assert "arrived for good" in await giver.read(txid), "read from the store at once"


@scene
async def test_a_replaced_payment_says_by_which(tmp_path: Path) -> None:
    """A raised fee leads the giver on; a payment that was taken back is told as such."""
    async with (
        World(2) as world,
        running(config_on(world, tmp_path, only=("btc",))) as (service, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        giver = Giver(session)
        await until(lambda: agrees(service, world))
        first = world.btc.pay(BTC_SCRIPT, 150_000)
        await giver.reads(first, "Seen")
        second = world.btc.replace(first, BTC_SCRIPT)
        await giver.reads(first, second)
        await giver.reads(first, "pays this blog too")
        await giver.reads(second, "Seen")
        third = world.btc.replace(second)
        await giver.reads(second, third)
        await giver.reads(second, "does not pay this blog")
        assert not giver.waits()


@scene
async def test_ether_is_found_by_its_transaction_or_its_block(tmp_path: Path) -> None:
    """A plain payment has its own number, one from inside a contract that of its block."""
    async with (
        World(3, final_lag=3) as world,
        running(config_on(world, tmp_path, only=("eth",))) as (service, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        giver = Giver(session)
        await until(lambda: agrees(service, world))
        plain = world.eth.pay(ETH_ADDRESS, 5 * 10**16)
        world.eth.mine()
        await giver.reads(plain, "0.05 ETH Confirmed once")
        await giver.reads(plain[2:].upper(), "0.05 ETH")
        inside = world.eth.pay_inside(ETH_ADDRESS, 7 * 10**16)
        world.eth.mine()
        block = world.eth.tip.hash
        await giver.reads(block, "0.07 ETH")
        assert "that of a block" in await giver.read(block)
        assert "shown under its block" in await giver.read(inside)
        for _ in range(4):
            world.eth.mine()
        await giver.reads(plain, "arrived for good")
        await giver.reads(block, "arrived for good")
