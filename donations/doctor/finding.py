"""What the doctor found: one line each, and for what is not in order what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # works, and should be changed
    FAULT = "fault"  # numbers, money or the service are in danger


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` says what is and what that means; ``cure`` what to do, "" when it is in order."""

    subject: str
    verdict: Verdict
    text: str
    cure: str = ""


def fine(subject: str, text: str) -> Finding:
    """In order."""
    return Finding(subject, Verdict.OK, text)


def warning(subject: str, text: str, cure: str) -> Finding:
    """Works, and should be changed."""
    return Finding(subject, Verdict.WARNING, text, cure)


def fault(subject: str, text: str, cure: str) -> Finding:
    """Something is in danger."""
    return Finding(subject, Verdict.FAULT, text, cure)
