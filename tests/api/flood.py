"""The programs of a flood: `python -m tests.api.flood serve FILE`, and `... guess PORT SECOND`.

The server tells its port, and the other how many wrong tokens it tried in all, of how many it heard
what, once a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

from tests.api.author_part import author_part
from tests.benchmarks.many import config_of

_CONNECTIONS = 10
_AT_ONCE = 10


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def serve_for_ever(file: Path) -> None:
    async with author_part(config_of(file)) as part:
        tell(part.port)
        await asyncio.Event().wait()


async def guess(port: int, a_second: int) -> None:
    """Wrong tokens, so many a second as far as the machine goes along."""
    heard: Counter[bytes] = Counter()
    async with asyncio.TaskGroup() as group:
        for number in range(_CONNECTIONS):
            group.create_task(_guess(port, number, a_second / _CONNECTIONS, heard))
        while True:
            await asyncio.sleep(1)
            tell(sum(heard.values()), heard[b"401"] + heard[b"429"])


async def _guess(port: int, number: int, a_second: float, heard: Counter[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = time.monotonic()
    tried = 0
    while True:
        for _ in range(_AT_ONCE):
            tried += 1
            writer.write(
                b"GET /api/v1/author/totals HTTP/1.1\r\nHost: localhost\r\n"
                b"Authorization: Bearer wrong-%d-%d\r\n\r\n" % (number, tried)
            )
        for _ in range(_AT_ONCE):
            head = await reader.readuntil(b"\r\n\r\n")
            heard[head.split(b" ", 2)[1]] += 1
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        due += _AT_ONCE / a_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    work = serve_for_ever(Path(words[0])) if what == "serve" else guess(*map(int, words))
    asyncio.run(work)
