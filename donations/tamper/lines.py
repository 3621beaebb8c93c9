"""The states of the watched pages in words and for programs, for `donations check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.tamper.state import PageState

Json = dict[str, object]


def as_lines(urls: Sequence[str], states: Sequence[PageState], now: int) -> list[str]:
    """A few lines for each page; nothing where no page is watched."""
    known = {state.url: state for state in states}
    lines = []
    for url in urls:
        state = known.get(url)
        lines.append(f"page {url}: {_verdict(state, now)}")
        if state is not None:
            if state.error is not None:
                lines.append(f"      {state.error}")
            lines += [f"      {finding}" for finding in state.findings]
    return lines


def as_document(urls: Sequence[str], states: Sequence[PageState]) -> list[Json]:
    """The same for programs; times are Unix seconds."""
    known = {state.url: state for state in states}
    return [_page(url, known.get(url)) for url in urls]


def _page(url: str, state: PageState | None) -> Json:
    if state is None:
        return {"url": url, "read": None, "tried": None, "error": None, "findings": []}
    findings = [
        {"what": f.what.value, "alarm": f.is_alarm, "line": f.line, "detail": f.detail, "since": at}
        for f, at in state.since
    ]
    return {
        "url": url, "read": state.read_at, "tried": state.tried_at, "error": state.error,
        "findings": findings,
    }  # fmt: skip


def _verdict(state: PageState | None, now: int) -> str:
    if state is None:
        return "not read yet; donations check --pages reads it now"
    if state.read_at is None:
        return "could not be read yet"
    age = _age(max(0, now - state.read_at))
    if state.alarms:
        return f"ALARM, read {age} ago"
    return f"{'as it should be' if not state.findings else 'no alarm'}, read {age} ago"


def _age(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
