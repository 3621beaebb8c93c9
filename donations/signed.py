"""What readers are told of the author's signed statement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signed:
    """``day`` is the date of the statement (ISO 8601).

    ``by`` are the titles of the chains whose addresses' keys signed it, and "minisign".
    """

    day: str
    by: tuple[str, ...]
