"""A fuzzer that knows nothing but the document asks a whole service, with all its checks on.

Schemathesis makes requests that the document allows and requests that it forbids, with and without
the token, by every method, and holds each answer against the document.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from donations.app import running
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from tests.author.client import TOKENS
from tests.author.test_access import WITH_AUTHOR
from tests.running import agrees, config_on, until
from tests.web.waiting import run

if TYPE_CHECKING:
    from donations.app import Service
    from tests.measured import Table

EXAMPLES = 50  # requests of each kind that each operation is asked at most
_CASES = re.compile(r"(\d+) generated, (\d+) passed")
_OPERATIONS = re.compile(r"Tested: +(\d+)")


async def fuzz(port: int, folder: Path, seed: int, examples: int) -> str:
    """What the fuzzer says at its end."""
    program = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "run", f"http://127.0.0.1:{port}/openapi.json",
        "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--header", f"Authorization: Bearer {TOKENS['Claire']}",
        "--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure",
        "--max-response-time", "5", "--no-color", "--generation-database", "none",
        cwd=folder, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = told.decode()
    assert process.returncode == 0, text[-6_000:]
    return text


def is_known(service: Service, world: World) -> bool:
    """Whether all is read, listed, and good."""
    listed = service.listers[0].listing.entries > 0
    return agrees(service, world) and listed and not service.readiness().reasons


def test_the_fuzzer_finds_nothing(tmp_path: Path, seed: int, long: bool, table: Table) -> None:
    """No answer, of either part, is other than the document promises."""

    async def law() -> str:
        async with World(1) as world:
            world.btc.pay(BTC_SCRIPT, 500_000)
            config = replace(config_on(world, tmp_path), author=WITH_AUTHOR)
            async with running(config) as (service, port):
                await until(lambda: is_known(service, world), seconds=30)
                return await fuzz(port, tmp_path, seed, EXAMPLES * (20 if long else 1))

    told = run(law(), 3_000 if long else 300)
    cases = _CASES.search(told)
    operations = _OPERATIONS.search(told)
    assert cases is not None, told[-3_000:]
    assert operations is not None, told[-3_000:]
    asked, passed = int(cases[1]), int(cases[2])
    table.never("requests of a fuzzer with an answer not as documented", asked - passed, asked)
    assert asked > 500
