"""Answers that are almost right, and answers that are nothing: none may crash, hang or alter."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

from donations.errors import BadObservation, UpstreamError
from donations.sources.transport import decode
from tests.sources.grammar import damaged, fuzzed, written
from tests.sources.recorded import Recorded, recorded_answers

if TYPE_CHECKING:
    from tests.measured import Table

logger = logging.getLogger(__name__)
CI, LONG = 200_000, 5_000_000
# Of processor time.
LONGEST_SECONDS = 1.0


def test_fuzzed_answers_neither_crash_hang_nor_change_a_number(
    table: Table, seed: int, long: bool
) -> None:
    """Every parser of every source, given a wrong answer, refuses it as callers expect; where it
    does not, no amount, script, input or header in it differs from the true one."""
    dice = random.Random(seed)
    recorded = recorded_answers()
    truths = [each.facts(each.parse(each.answer)) for each in recorded]
    bodies = [written(each.answer) for each in recorded]
    count = LONG if long else CI
    crashed: list[str] = []
    changed: list[str] = []
    taken, slowest = 0, 0.0
    started, last = time.perf_counter(), time.process_time()
    for number in range(count):
        place = number % len(recorded)
        each = recorded[place]
        wrong: Any
        try:
            if number % 10 == 9:
                wrong = decode(damaged(bodies[place], dice))
            else:
                wrong = fuzzed(each.answer, dice)
            told = each.parse(wrong)
        except (UpstreamError, BadObservation):
            pass
        except BaseException as error:
            crashed.append(f"{each.name}, number {number}: {error!r}")
            if not isinstance(error, Exception):
                raise
        else:
            taken += 1
            if not each.facts(told) <= truths[place]:
                changed.append(f"{each.name}, number {number}")
        now = time.process_time()
        slowest = max(slowest, now - last)
        last = now
    rate = count / (time.perf_counter() - started)
    logger.warning("seed %s: %.0f answers a second, %s taken as true", seed, rate, taken)
    name = "fuzzed answers that {}"
    table.never(name.format(f"crash: {crashed[:3]}" if crashed else "crash"), len(crashed), count)
    table.never(
        name.format(f"change a number: {changed[:3]}" if changed else "change a number"),
        len(changed),
        count,
    )
    table.gate("fuzzed answer, the slowest", round(slowest, 3), LONGEST_SECONDS, " s")


def test_the_recorded_answers_are_of_every_source() -> None:
    """Each protocol is there with each of its answers, and each is read as what it is."""
    recorded = recorded_answers()
    names = {each.name.split()[0] for each in recorded}
    sources = {"ElectrumX", "Esplora", "Haskoin", "Ethereum", "Etherscan", "Blockscout"}
    assert names >= sources
    bound = [each for each in recorded if each.facts(each.parse(each.answer))]
    assert len(bound) >= 8
    assert all(isinstance(each, Recorded) for each in recorded)
