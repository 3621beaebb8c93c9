"""How long the author's pages take with many gifts, beside few: python -m tests.benchmarks.author.

``python -m tests.benchmarks.author [GIFTS]`` makes two databases, of 2,000 and of GIFTS (200,000)
transfers, serves each from a process of its own, and asks for every kind of page, in turn from the
one and the other, so that what else the machine does slows both. It prints the median and the 99th
percentile of each in milliseconds, whole answers read, and the ratio of the medians.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import aiohttp

from tests.author.client import TOKENS, author_pages, make_gate
from tests.benchmarks import many

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

FEW, MANY, ROUNDS = 2_000, 200_000, 40

PAGES = {
    "overview": "/author",
    "list": "/author/gifts",
    "one coin": "/author/gifts?asset=USDC",
    "beginning of a number": "/author/gifts?q=a",
    "no such number": "/author/gifts?q=zz",
    "dropped": "/author/gifts?state=dropped",
    "pending": "/author/gifts?state=seen",
    "own": "/author/gifts?kind=own",
    "excluded": "/author/gifts?excluded=yes",
    "worth not known": "/author/gifts?valued=no",
    "worth known": "/author/gifts?valued=yes",
    "ten days": "/author/gifts?from=2024-03-01&to=2024-03-10",
    "by hand": "/author/by-hand",
    "health": "/author/health",
}


@dataclass
class Taken:
    """Seconds that a page took, with few gifts and with many."""

    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return percentile(self.many, 50) / percentile(self.few, 50)


def percentile(times: list[float], of: int) -> float:
    """The nearest rank."""
    return sorted(times)[max(0, -(-len(times) * of // 100) - 1)]


async def _serve(file: Path) -> None:
    async with author_pages(many.config_of(file), make_gate(None)) as browser:
        sys.stdout.write(f"{browser.base}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@asynccontextmanager
async def _served(file: Path) -> AsyncIterator[str]:
    """The address of the pages of a database, from a process of their own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.author", "serve", str(file),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield (await process.stdout.readline()).decode().strip()
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def measure(few: Path, plenty: Path, rounds: int = ROUNDS) -> Mapping[str, Taken]:
    """What each page of two databases takes."""
    taken: dict[str, Taken] = {}
    async with AsyncExitStack() as stack:
        bases = [await stack.enter_async_context(_served(file)) for file in (few, plenty)]
        http = await stack.enter_async_context(aiohttp.ClientSession())
        token = {"Authorization": f"Bearer {TOKENS['Claire']}"}

        async def ask(base: str, path: str) -> tuple[float, str]:
            start = perf_counter()
            async with http.get(base + path, headers=token) as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status}")
            return perf_counter() - start, text

        paths = [PAGES.copy() for _ in bases]
        for base, of_base in zip(bases, paths, strict=True):
            _, page = await ask(base, "/author/gifts?from=2024-01-01&to=2024-06-30")
            one = re.findall(r'class="sum" href="\.\.(/author/gift\?[^"]+)"', page)
            older = re.findall(r'href="gifts\?([^"]+)" rel="next"', page)
            of_base["one transfer"] = one[7].replace("&amp;", "&")
            of_base["far down"] = "/author/gifts?" + older[0].replace("&amp;", "&")
        for name in paths[0]:
            taken[name] = Taken()
            for number in range(rounds + 1):
                for base, of_base, times in zip(
                    bases, paths, (taken[name].few, taken[name].many), strict=True
                ):
                    seconds, _ = await ask(base, of_base[name])
                    if number:  # the first fills caches
                        times.append(seconds)
    return taken


def main(gifts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "few.sqlite3"), Path(folder, "many.sqlite3")
        for file, count in zip(files, (FEW, gifts), strict=True):
            many.make(many.config_of(file), count)
        print(f"{'':<24}{FEW:>16,}{gifts:>18,}   ratio")
        for name, taken in asyncio.run(measure(*files)).items():
            cells = [
                f"{percentile(t, of) * 1e3:8.1f}"
                for t in (taken.few, taken.many)
                for of in (50, 99)
            ]
            print(f"{name:<24}{''.join(cells)}   {taken.ratio:4.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
