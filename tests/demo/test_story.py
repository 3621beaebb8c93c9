"""The world of the demo: complete, lively, and true to its own books."""

from __future__ import annotations

import asyncio
import itertools
from importlib.resources import files

import pytest

from donations.demo.oracle import balance, eth_facts, received, utxo_facts
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT, ETH_ADDRESS, PAST, Story
from donations.demo.world import World
from tests.demo.clients import electrum, http


def tell_nobody(_: str) -> None:
    """Listen to nothing."""


def test_a_world_serves_three_chains() -> None:
    """Every operator of every chain answers at the URL that the world gives."""

    async def scene() -> None:
        async with World(operators=3) as world:
            for server in (*world.btc_servers, *world.bch_servers):
                async with electrum(server, "1.4") as client:
                    features = await client.call("server.features")
                    assert features["genesis_hash"] == world.btc.genesis_hash
            for url in world.urls("eth"):
                async with http(url) as client:
                    assert await client.call("eth_chainId") == "0x1"
            assert len({*world.urls("btc"), *world.urls("bch"), *world.urls("eth")}) == 9

    asyncio.run(scene())


@pytest.mark.parametrize("seed", range(3))
def test_a_story_goes_on(seed: int) -> None:
    """A thousand moments bring gifts and accidents of all kinds, and the books balance."""
    told: list[str] = []
    world = World(seed, past=PAST, final_lag=8)
    story = Story(world, seed, told.append)
    story.begin()
    for _, happen in itertools.islice(story.moments(), 1_000):
        happen()
    for chain, script in ((world.btc, BTC_SCRIPT), (world.bch, BCH_SCRIPT)):
        facts = utxo_facts(chain, [script])
        assert received(facts, script.hex(), chain.height) > balance(facts, script.hex()) > 0
    facts = eth_facts(world.eth, [ETH_ADDRESS])
    assert received(facts, ETH_ADDRESS, world.eth.height) == world.eth.balance(ETH_ADDRESS)
    text = "\n".join(told)
    for part in ("BTC", "BCH", "ETH", "smart wallet", "replaces", "back", "reorg", "spends"):
        assert part in text


def test_a_story_is_its_seed() -> None:
    """The same seed tells the same story."""

    def tale() -> list[str]:
        told: list[str] = []
        story = Story(World(7, start=1_700_000_000), 7, told.append)
        for _, happen in itertools.islice(story.moments(), 100):
            happen()
        return told

    assert tale() == tale()


def test_the_past_is_past() -> None:
    """The gifts of the prologue lie in blocks before now, and the last block is recent."""
    world = World(past=PAST)
    Story(world, tell=tell_nobody).begin()
    clock = world.btc.tip.time
    for chain in (world.btc, world.bch, world.eth):
        assert abs(chain.tip.time - clock) < 60
        times = [each.time for each in chain.best]
        assert times == sorted(times)
        assert not (chain.pending if chain is world.eth else ())


def test_a_fast_story_runs() -> None:
    """run() waits between moments and ends when it is cancelled."""

    async def scene() -> None:
        begun = asyncio.Event()
        story = Story(World(), tell=lambda _: begun.set())
        task = asyncio.ensure_future(story.run(speed=1_000))
        async with asyncio.timeout(5):
            await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_the_post_has_its_places() -> None:
    """The sample post is complete in itself, with one place for the widget and each address."""
    post = files("donations.demo").joinpath("post.html").read_text("utf-8")
    for place in ("<!-- widget -->", "{btc}", "{bch}", "{eth}", "</footer>"):
        assert post.count(place) == 1
    for outside in ("http:", "https:", "src=", "url(", "@import", "<script"):
        assert outside not in post
