"""How often one client may ask: GCRA (ITU-T I.371, annex A), one number for each client."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

# Who asked longest ago is forgotten first: a flood from many networks costs no more than this.
_ROOM = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and ``burst`` at once."""

    per_second: float
    burst: int


# A household reads pages and charts, its programs a list from end to end: a hundred entries an
# answer. Strangers who come by one proxy that nobody named cannot be told apart, and may not lock
# each other out: together they may ask for what this process can answer.
READER = Rate(20, 200)
READERS = Rate(2_000, 4_000)
AUTHOR = Rate(50, 500)


class Throttle:
    """Admits or tells to wait. Used from the event loop alone."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._burst = 1 / rate.per_second, rate.burst
        self._clock = clock
        # When each client's allowance is whole again, by the clock.
        self._whole_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, client: Hashable) -> int:
        """0: one more was admitted. Else the seconds, at least 1, to wait; nothing is counted."""
        now = self._clock()
        whole_at = max(now, self._whole_at.get(client, now))
        early = whole_at - now - (self._burst - 1) * self._interval
        if early > 0:
            return math.ceil(early)
        self._whole_at[client] = whole_at + self._interval
        self._whole_at.move_to_end(client)
        if len(self._whole_at) > _ROOM:
            self._whole_at.popitem(last=False)
        return 0
