"""What can be found on a page: a closed list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """Each kind of finding. Those of `ALARMS` mean that a gift may go astray."""

    FOREIGN_ADDRESS = "foreign address"
    IMITATION = "imitated address"
    PAYMENT_LINK = "payment link"
    LINK = "link"
    CODE = "QR code"
    SCRIPT = "script"
    INTEGRITY = "integrity hash"
    SERVICE = "address of the service"
    FRAME = "frame"
    REFRESH = "forwarding"
    INSERTED = "inserted element"
    # Not alarms:
    ELSEWHERE = "foreign address elsewhere"
    LOST = "widget missing"
    INCOMPLETE = "address missing"
    UNPINNED = "script not pinned"
    NO_SCRIPT = "script missing"
    HIDDEN = "widget hidden"


ALARMS = frozenset(What) - {
    What.ELSEWHERE, What.LOST, What.INCOMPLETE, What.UNPINNED, What.NO_SCRIPT, What.HIDDEN,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as `donations embed` prints it. ``line`` of the page's source, from 1.

    ``detail`` is one printable line.
    """

    what: What
    line: int | None
    detail: str

    @property
    def is_alarm(self) -> bool:
        """Whether a gift may go astray."""
        return self.what in ALARMS

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{self.what}: {place}{self.detail}"
