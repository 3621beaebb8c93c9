"""Answers that unpack to more than there is memory."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from donations.web.server import serve
from tests.bombs import BOMBS, EACH
from tests.program import ENVIRONMENT, ROOT
from tests.running import free_port, scene

if TYPE_CHECKING:
    from tests.measured import Table

ALLOWED_MIB = 32


@scene
async def test_bombs_of_half_a_gigabyte(table: Table) -> None:
    """Twenty at once, of each kind of packing, are refused by all who ask, in little memory."""
    bodies = {name: list(bomb()) for name, bomb in BOMBS.items()}

    async def answer(request: web.Request) -> web.StreamResponse:
        kind = request.path.rpartition("/")[2]
        page = "html" in request.headers.get("Accept", "")
        headers = {"Content-Type": "text/html" if page else "application/json"}
        if kind not in BOMBS:
            return web.Response(text="null", headers=headers)
        response = web.StreamResponse(headers={**headers, "Content-Encoding": kind})
        await response.prepare(request)
        for piece in bodies[kind]:
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with serve(app, "127.0.0.1", port := free_port()):
        asking = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bombs", f"http://127.0.0.1:{port}",
            cwd=ROOT, env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await asking.communicate()
    lines = [line.split("\t") for line in told.decode().splitlines()]
    assert [kind for kind, *_ in lines] == [*BOMBS]
    for _, _, *reasons in lines:
        assert len(reasons) == 4 * EACH
        assert not [reason for reason in reasons if reason.startswith("not refused")]
    grown = ", ".join(f"{kind} {int(growth) / 2**20:.1f}" for kind, growth, *_ in lines)
    most = max(int(growth) for _, growth, *_ in lines) / 2**20
    table.gate(f"20 bombs of 512 MB at once ({grown}): growth of memory", most, ALLOWED_MIB, " MiB")
