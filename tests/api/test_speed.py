"""How long answers take with 200,000 gifts, and with 2,000: each of them over loopback."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

import pytest

from donations.lister import Lister
from donations.summary import shown
from donations.web.api.throttle import Rate, Throttle
from tests.api.author_part import author_part
from tests.api.test_public_part import public_part
from tests.benchmarks.many import config_of, make
from tests.web.waiting import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from donations.config import Config
    from tests.api.interface import Interface
    from tests.measured import Table

    Clock = Callable[[], float]

FEW = 2_000
TIMES = 30  # of each kind of question
MILLISECONDS = 50
ROOT = "/api/v1/author"


@dataclass(frozen=True)
class Times:
    """Milliseconds by question."""

    by_question: dict[str, list[float]]

    def percentile(self) -> float:
        """The 99th, of all together."""
        every = [each for times in self.by_question.values() for each in times]
        return quantiles(every, n=100)[98]

    @property
    def medians(self) -> float:
        """Of all questions, added up: what disturbs one answer now and then is not in it."""
        return sum(median(times) for times in self.by_question.values())

    @property
    def slowest(self) -> tuple[str, float]:
        """The question with the highest median, and that."""
        medians = {name: median(times) for name, times in self.by_question.items()}
        return max(medians.items(), key=lambda pair: pair[1])


async def measure(api: Interface, questions: dict[str, list[str]], clock: Clock) -> Times:
    """Ask everything in turn, so that what disturbs the machine disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in questions}
    for turn in range(TIMES):
        for name, paths in questions.items():
            path = paths[turn % len(paths)]
            start = clock()
            async with api.http.get(path) as answer:
                body = await answer.read()
            times[name].append(1_000 * (clock() - start))
            assert answer.status == 200, (path, answer.status, body[:300])
    return Times(times)


async def author_times(config: Config, chance: random.Random, clock: Clock) -> Times:
    """Of the author's part: totals, lists from anywhere by every filter, one transfer, health."""
    # The limit of one author is not what is measured: a fast machine would meet it.
    async with author_part(config, throttle=Throttle(Rate(100_000, 100_000))) as part:
        entries = f"{ROOT}/entries"
        first = (await part.api.ask(f"{entries}?limit=100")).json["entries"]
        now = first[0]["time"]
        places = [f"{now - chance.randrange(5 * 365 * 86_400)}~btc~1~BTC~0" for _ in range(20)]
        some = [(await part.api.ask(f"{entries}?limit=5&cursor={place}")).json["entries"][0]
                for place in places]  # fmt: skip
        filters = (
            "asset=BTC", "asset=USDC", "chain=eth&state=final", "state=dropped", "state=seen",
            "kind=own", "valued=false", "excluded=true", "widget=default",
            "kind=gift&valued=true&excluded=false",
        )  # fmt: skip
        questions = {
            **{f"totals by {by}": [f"{ROOT}/totals?by={by}"]
               for by in ("month", "year", "coin", "widget")},
            "newest": [f"{entries}?limit=100"],
            "from a place": [f"{entries}?limit=100&cursor={place}" for place in places],
            **{each: [f"{entries}?limit=100&{each}"] for each in filters},
            **{f"{each}, from a place": [f"{entries}?{each}&cursor={place}" for place in places]
               for each in filters},
            "between times": [f"{entries}?since={one['time']}&until={one['time'] + 9_999_999}"
                              for one in some],
            "by number": [f"{entries}?q={one['id'][:12]}" for one in some],
            "by words that nobody wrote": [f"{entries}?q=nobody"],
            "one in full": [
                f"{entries}/{one['chain']}/{one['address']}/{one['asset']}/{one['id']}"
                for one in some
            ],
            "gifts that came another way": [f"{ROOT}/manual-gifts"],
            "health": [f"{ROOT}/health"],
        }  # fmt: skip
        return await measure(part.api, questions, clock)


async def public_times(config: Config, chance: random.Random, clock: Clock) -> Times:
    """Of the public part: gifts from anywhere, and payments old and new."""
    lister = Lister(config, shown(config, config.widget))
    try:
        listing = await lister.renew()
    finally:
        lister.close()
    async with public_part(shown=listing.shown) as (api, part):
        part.take_list(listing)
        newest = (await api.ask("/api/v1/gifts?limit=1")).json["gifts"][0]["time"]
        places = [f"{newest - chance.randrange(5 * 365 * 86_400)}~btc~1~BTC~0" for _ in range(20)]
        some = [(await api.ask(f"/api/v1/gifts?limit=1&cursor={place}")).json["gifts"][0]["id"]
                for place in places]  # fmt: skip
        return await measure(api, {
            "newest": ["/api/v1/gifts?limit=100"],
            "from a place": [f"/api/v1/gifts?limit=100&cursor={place}" for place in places],
            "a payment": [f"/api/v1/payments/{name.partition(':')[0]}" for name in some],
            "totals": ["/api/v1/totals"],
        }, clock)  # fmt: skip


@pytest.mark.parametrize("part", ["author", "public"])
def test_two_hundred_thousand_gifts_take_no_longer(
    many: Path, tmp_path: Path, part: str, seed: int, long: bool, table: Table
) -> None:
    """Answers take at most twice what they take with 2,000 gifts, asked in the same run.

    What they take of the processors, server and client together: others may use the machine, too.
    The long run, which has it alone, looks at the clock, and at the 99th percentile.
    """
    few = tmp_path / "few.sqlite3"
    make(config_of(few), FEW)
    ask = author_times if part == "author" else public_times
    clock = time.perf_counter if long else time.process_time
    large, small = (
        run(ask(config_of(file), random.Random(seed), clock), 300) for file in (many, few)
    )
    name, slowest = large.slowest
    row = table.gate if long else table.note
    row(f"{part} interface, 200,000 gifts: p99", large.percentile(), MILLISECONDS, " ms")
    row(f"the median of its slowest question, {name}", slowest, MILLISECONDS, " ms")
    over = large.medians / small.medians
    table.gate(f"{part} interface: medians with 200,000 gifts over 2,000", over, 2)
