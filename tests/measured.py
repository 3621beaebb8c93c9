"""The table that a run prints at its end: what was measured, beside what is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of a name, a figure and its limit."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def gate(self, name: str, measured: float, allowed: float, unit: str = "") -> None:
        """Note a number and insist that it is no more than ``allowed``."""
        self.rows.append((name, f"{measured:,g}{unit}", f"<= {allowed:,g}{unit}"))
        assert measured <= allowed, f"{name}: {measured} is more than {allowed}"

    def note(self, name: str, measured: float, aimed: float, unit: str = "") -> None:
        """Note a number that says as much about the machine as about the program."""
        self.rows.append((name, f"{measured:,g}{unit}", f"aim {aimed:,g}{unit}"))

    def never(self, name: str, happened: int, tried: int) -> None:
        """Note how often something happened that must not, and insist that it never did."""
        self.rows.append((name, f"{happened:,} of {tried:,}", "0"))
        assert happened == 0, f"{name}: {happened} of {tried}"

    def text(self) -> list[str]:
        """The table in aligned lines."""
        widths = [max(len(row[i]) for row in self.rows) for i in range(3)]
        return [
            f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {allowed:>{widths[2]}}"
            for name, measured, allowed in self.rows
        ]
