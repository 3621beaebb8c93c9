"""``donations serve`` that polls each second: `python -m tests.quick_service CONFIG PORT`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from donations.app import running
from donations.commands.running import _start_log, _until_stopped
from donations.config import load


async def serve(path: Path, port: int) -> None:
    config = load(path)
    config = replace(config, poll_seconds=1, server=replace(config.server, port=port))
    async with running(config):
        await asyncio.Event().wait()


if __name__ == "__main__":
    _start_log()
    sys.exit(_until_stopped(serve(Path(sys.argv[1]), int(sys.argv[2])), "127.0.0.1", 0))
