"""From payments in a simulated world to bundles that a stranger takes from the page and checks."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

import aiohttp

from donations.app import running
from donations.bundle.verify import verify
from donations.demo.story import BCH_SCRIPT, BTC_SCRIPT
from donations.demo.world import World
from donations.errors import BundleRefused
from tests.bundle.made import ADDRESSES
from tests.bundle.test_bundle import mutated
from tests.bundle.test_command import alone
from tests.running import agrees, config_on, scene, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.measured import Table

MUTATIONS = 300


@scene
async def live(folder: Path, files: dict[str, bytes]) -> None:
    """Three gifts on each chain, final and proven; then every file that the page offers."""
    async with World(6) as world:
        config = config_on(world, folder, only=("btc", "bch"))
        async with (
            running(config) as (service, port),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            await until(lambda: agrees(service, world), seconds=60)
            for units in range(5_000, 5_003):
                world.btc.pay(BTC_SCRIPT, units)
                world.bch.pay(BCH_SCRIPT, units)
                world.btc.mine(1)
                world.bch.mine(1)
            world.btc.mine(6)
            world.bch.mine(10)

            async def proven() -> list[str]:
                async with session.get("/ledger.json") as answer:
                    entries = (await answer.json())["entries"]
                levels = [e["level"] for e in entries if e["stands"] == "final"]
                return levels if levels == ["proven"] * 6 else []

            await until(proven, seconds=60)
            async with session.get("/ledger?lang=en") as answer:
                page = await answer.text()
            links = re.findall(r'href="(proof\.json\?[^"]+)"', page)
            assert len(links) == 6 + 2
            for link in links:
                async with session.get(f"/{link.replace('&amp;', '&')}") as answer:
                    assert answer.status == 200
                    files[link] = await answer.read()


def test_a_stranger_checks_what_the_page_offers(tmp_path: Path, seed: int, table: Table) -> None:
    """Each file holds, in another process too; bent, none says anything else than the truth."""
    files: dict[str, bytes] = {}
    service, stranger = tmp_path / "service", tmp_path / "stranger"
    service.mkdir()
    stranger.mkdir()
    live(service, files)
    dice = random.Random(seed)
    tried = accepted = 0
    now = int(time.time()) + 7_200
    for link, text in files.items():
        found = verify(text, now=now, test_networks=True)
        single = "id=" in link
        assert found.bundle.address == ADDRESSES[found.bundle.chain]
        assert len(found.transfers) == (1 if single else 3)
        assert single or found.bundle.units == 15_003
        for _ in range(MUTATIONS):
            bent = mutated(dice, text)
            tried += bent != text
            try:
                other = verify(bent, now=now, test_networks=True)
            except BundleRefused:
                continue
            # Anybody can mine another last block here, but not another gift.
            accepted += other.transfers != found.transfers
    table.never("bundles of a simulated world, bent, that prove something else", accepted, tried)
    total = next(text for link, text in files.items() if "id=" not in link)
    done = alone("verify", "--test-network", "-", folder=stranger, stdin=total)
    assert done.returncode == 0, done.stderr.decode()
    assert b"in 3 transfers" in done.stdout
