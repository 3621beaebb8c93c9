"""What is known of one watched page, and how it is remembered: pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from donations.announcements import Announcement, Type
from donations.tamper.finding import Finding, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FACT = "page "
# So many findings are told at once, each in so many characters.
_MOST, _LONGEST = 20, 300


@dataclass(frozen=True, slots=True)
class PageState:
    """One page as it was last read. Times are Unix seconds.

    ``read_at`` is None until it could be read once. ``error`` says why the last attempt failed:
    then the findings are those of ``read_at``. ``since`` has the time each finding was new.
    """

    url: str
    tried_at: int
    read_at: int | None = None
    error: str | None = None
    since: tuple[tuple[Finding, int], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding, _ in self.since)

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What may lead a gift astray."""
        return tuple(finding for finding in self.findings if finding.is_alarm)


def after_reading(
    before: PageState | None, url: str, findings: Iterable[Finding], now: int
) -> PageState:
    """The state after the page was read. A finding is the same one when only its line moved."""
    known = {_same(finding): at for finding, at in before.since} if before else {}
    since = tuple((finding, known.get(_same(finding), now)) for finding in findings)
    return PageState(url, now, now, None, since)


def after_failure(before: PageState | None, url: str, error: str, now: int) -> PageState:
    """The state after the page could not be read: what was known of it stays."""
    return replace(before or PageState(url, now), tried_at=now, error=error)


def news(before: PageState | None, after: PageState) -> tuple[list[Finding], list[Finding]]:
    """What came and what went, from one state to the next."""
    old = {_same(finding): finding for finding in before.findings} if before else {}
    new = {_same(finding): finding for finding in after.findings}
    came = [finding for key, finding in new.items() if key not in old]
    return came, [finding for key, finding in old.items() if key not in new]


def announcements(before: PageState | None, after: PageState) -> list[Announcement]:
    """What is told of it: each new alarm, and that none is left."""
    if after.error is not None:
        return []
    came, _ = news(before, after)
    alarms = [finding for finding in came if finding.is_alarm]
    data: dict[str, Any] = {"url": after.url, "since": after.tried_at}
    subject = f"page {after.url}"
    if alarms:
        told = [str(finding)[:_LONGEST] for finding in alarms[:_MOST]]
        data["findings"] = told
        return [Announcement(Type.TAMPERED, subject, after.tried_at, data)]
    if before is not None and before.alarms and not after.alarms:
        return [Announcement(Type.FINE, subject, after.tried_at, data)]
    return []


def fact(state: PageState) -> tuple[str, str]:
    """The state as the store keeps it: name and value."""
    findings = [
        {"what": each.what.value, "line": each.line, "detail": each.detail, "since": at}
        for each, at in state.since
    ]
    value = {
        "tried": state.tried_at, "read": state.read_at, "error": state.error,
        "findings": findings,
    }  # fmt: skip
    return f"{_FACT}{state.url}", json.dumps(value)


def from_facts(facts: Mapping[str, str], urls: Iterable[str]) -> dict[str, PageState]:
    """The states of these pages, of those that were tried."""
    return {url: _state(url, facts[_FACT + url]) for url in urls if _FACT + url in facts}


def _state(url: str, text: str) -> PageState:
    value = json.loads(text)
    since = tuple(
        (Finding(What(each["what"]), each["line"], each["detail"]), each["since"])
        for each in value["findings"]
        if each["what"] in set(What)  # of another release
    )
    return PageState(url, value["tried"], value["read"], value["error"], since)


def _same(finding: Finding) -> tuple[What, str]:
    return finding.what, finding.detail
