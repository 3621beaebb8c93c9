"""Wrong tokens: counted, limited and logged, without a letter of them.

Nobody guesses 32 random bytes. The limit keeps those who try from costing readers anything, and the
log from filling; and it must not become a way to lock the author out.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.web.client_address import Network

_log = logging.getLogger(__name__)

AT_ONCE = 5
# Of the programs on this machine, or behind a proxy that nobody named, together.
AT_ONCE_TOGETHER = 100
_SECONDS_EACH = 12.0  # after which one more is forgiven: five a minute
_CLIENTS = 10_000  # remembered; who tried longest ago is forgotten first
_LINES = 20  # in the log, in an hour
_HOUR = 3600.0


@dataclass(slots=True)
class _Bucket:
    failures: float
    at: float


class Attempts:
    """The wrong tokens of each client network; None stands for all that cannot be told apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: OrderedDict[Network | None, _Bucket] = OrderedDict()
        self._lines, self._hour = 0, clock()
        self.failed, self.last = 0, 0  # how many since the start, and when (Unix seconds)

    def wait(self, client: Network | None, at_once: int = AT_ONCE) -> int:
        """Seconds until this client may try again; 0 where it may now."""
        bucket = self._clients.get(client)
        if bucket is None:
            return 0
        left = bucket.failures - (self._clock() - bucket.at) / _SECONDS_EACH
        return max(0, math.ceil((left - (at_once - 1)) * _SECONDS_EACH))

    def fail(self, client: Network | None, at_once: int = AT_ONCE) -> None:
        """A wrong token came."""
        now = self._clock()
        bucket = self._clients.pop(client, _Bucket(0.0, now))
        left = max(0.0, bucket.failures - (now - bucket.at) / _SECONDS_EACH)
        self._clients[client] = _Bucket(max(left, min(left + 1, at_once)), now)
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        self.failed, self.last = self.failed + 1, int(time.time())
        self._tell(client, now)

    def _tell(self, client: Network | None, now: float) -> None:
        if now - self._hour >= _HOUR:
            self._lines, self._hour = 0, now
        self._lines += 1
        if self._lines < _LINES:
            _log.warning("a wrong token for the author's pages, from %s", client or "this machine")
        elif self._lines == _LINES:
            _log.warning("%s wrong tokens for the author's pages; no more of this hour's are told "
                         "here", _LINES)  # fmt: skip
