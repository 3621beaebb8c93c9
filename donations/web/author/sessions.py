"""Who is logged in. Kept in memory: a restart logs everybody out, and no backup holds a session.

Times are as OWASP ASVS 7.3 wants them: half an hour without a request, twelve hours in all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_SECONDS = 30 * 60.0
WHOLE_SECONDS = 12 * 3600.0
_BYTES = 32
_MOST = 200  # open at once; the one that was idle longest goes


@dataclass(slots=True)
class Session:
    """One browser of one operator. ``form`` stands in each form of it; times are of the clock."""

    operator: str
    opened: float
    seen: float
    form: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES))
    language: str | None = None

    def owns(self, form: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(form.encode("utf-8", "replace"), self.form.encode())


class Sessions:
    """All that are open, by the hash of the name that the browser holds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` counts seconds and never goes back."""
        self._clock = clock
        self._open: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, operator: str) -> str:
        """The name of a new session: a login never goes on with an old one."""
        self._sweep()
        if len(self._open) >= _MOST:
            del self._open[min(self._open, key=lambda each: self._open[each].seen)]
        name = secrets.token_urlsafe(_BYTES)
        now = self._clock()
        self._open[_hash(name)] = Session(operator, now, now)
        return name

    def find(self, name: str) -> Session | None:
        """The session of this name, which has been seen now; None where there is none any more."""
        session = self._open.get(_hash(name))
        if session is None:
            return None
        now = self._clock()
        if self._is_over(session, now):
            self.close(name)
            return None
        session.seen = now
        return session

    def close(self, name: str) -> None:
        """End a session, if there is one."""
        self._open.pop(_hash(name), None)

    def _sweep(self) -> None:
        now = self._clock()
        for name in [name for name, each in self._open.items() if self._is_over(each, now)]:
            del self._open[name]

    @staticmethod
    def _is_over(session: Session, now: float) -> bool:
        return now - session.seen >= IDLE_SECONDS or now - session.opened >= WHOLE_SECONDS


def _hash(name: str) -> bytes:
    """What is looked up says nothing about what was almost right."""
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()
