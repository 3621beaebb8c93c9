"""`donations check` tries the key of an explorer, and says what became of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.app import running
from donations.chains.base import Explorer
from donations.demo import faults
from donations.demo.etherscan import EtherscanServer
from donations.demo.story import ETH_ADDRESS
from donations.demo.world import World
from donations.explorer_key import KeyCheck, as_json, check_keys, lines
from donations.reasons import Reason
from tests.program import donations
from tests.running import config_file, config_on, received, scene, until

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config
    from donations.demo.faults import Fault

SECRET = "HUNTER2HUNTER2"
BUSY = {"status": "0", "message": "NOTOK", "result": "Max calls per sec rate limit reached (3/sec)"}


def config_with(world: World, folder: Path, kind: str, url: str, key: str) -> Config:
    config = config_on(world, folder, only=("eth",))
    eth = replace(config.chains["eth"], explorer=Explorer(kind, url, key))
    return replace(config, chains={"eth": eth})


async def checked(config: Config) -> KeyCheck:
    (told,) = await check_keys(config)
    assert SECRET not in f"{told} {lines([told])} {as_json([told])}"
    assert ETH_ADDRESS not in str(told)
    return told


@pytest.mark.parametrize("kind", ["etherscan", "blockscout"])
@scene
async def test_a_key_is_taken_refused_or_told_to_wait(kind: str, tmp_path: Path) -> None:
    """Each with its own reason, and the key itself in none of the words; one request each."""
    weather: list[tuple[Fault | None, Reason | None]] = [
        (None, None),
        (faults.answer(BUSY), Reason.RATE_LIMITED),
        (faults.http_status(429, retry_after=5), Reason.RATE_LIMITED),
        (faults.http_status(403), Reason.REFUSED),
        (faults.html(), Reason.NOT_JSON),
        (faults.http_status(503), Reason.SERVER_ERROR),
    ]
    async with World(41) as world:
        explorer = EtherscanServer(world.eth, SECRET, blockscout=kind == "blockscout")
        async with explorer:
            config = config_with(world, tmp_path, kind, explorer.url, SECRET)
            for fault, reason in weather:
                explorer.fault, asked = fault, explorer.requests["api"]
                told = await checked(config)
                assert told.reason == (None if reason is None else reason.value)
                assert told.refused == (reason is Reason.REFUSED)
                assert explorer.requests["api"] == asked + 1
            explorer.fault = None
            wrong = config_with(world, tmp_path, kind, explorer.url, f"NOT{SECRET}")
            told = await checked(wrong)
            assert told.refused
            assert Reason.REFUSED.meaning in lines([told])[-1]
        assert (await checked(config)).reason == Reason.UNREACHABLE.value
        assert await check_keys(config_on(world, tmp_path)) == []


@scene
async def test_the_command_says_it(tmp_path: Path) -> None:
    """A good key is a line; a refused one is another, and an exit code of its own right."""
    async with World(42) as world, EtherscanServer(world.eth, SECRET) as explorer:
        path = config_file(world, tmp_path)
        text = path.read_text()
        for key, code in ((SECRET, 0), ("ANOTHER", 1)):
            own = f'explorer = {{ kind = "etherscan", key = "{key}", url = "{explorer.url}" }}\n'
            path.write_text(text.replace("[chains.eth]\n", f"[chains.eth]\n{own}"))
            said = await asyncio.to_thread(
                donations, "check", "--config", path, folder=tmp_path
            )  # fmt: skip
            assert said.returncode == code, said.stdout + said.stderr
            assert ("takes the key" in said.stdout) == (code == 0)
            told = await asyncio.to_thread(
                donations, "check", "--json", "--config", path, folder=tmp_path
            )
            (row,) = json.loads(told.stdout)["explorers"]
            assert (row["reason"] is None) == (code == 0) == json.loads(told.stdout)["ok"]
            assert key not in said.stdout + said.stderr + told.stdout + told.stderr


@scene
async def test_readyz_names_what_an_explorer_does(tmp_path: Path) -> None:
    """While it refuses, the reason stands beside those of the operators; it costs no readiness,
    and goes when the explorer answers."""
    async with World(43, final_lag=2) as world, EtherscanServer(world.eth, SECRET) as explorer:
        config = config_with(world, tmp_path, "etherscan", explorer.url, SECRET)
        async with running(config) as (service, _):
            await until(lambda: received(service, "eth") == 0)
            explorer.fault = faults.http_status(429, retry_after=1)
            world.eth.pay_inside(ETH_ADDRESS, 700)
            world.eth.mine(5)
            await until(lambda: received(service, "eth") == 700)

            def causes() -> list[Reason]:
                for naming in service.attributions:
                    naming.due.set()
                return list(service.readiness().causes.get("eth explorer", ()))

            await until(lambda: causes() == [Reason.RATE_LIMITED])
            assert service.readiness().reasons == ()
            explorer.fault = None
            await until(lambda: causes() == [])
