"""``donations init``: a page -> a commented configuration, and a report of what was found where."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from donations.chains import CHAINS
from donations.config import parse
from donations.config_words import looks_like_an_address
from donations.errors import ConfigError, SecretPasted
from donations.fetch import read_source
from donations.footer import Found, Place, Reading, read_footer
from donations.secrets import ADVICE, refuse_secrets

_TITLE = 200


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was found and what was done. ``written`` is None where no address was found."""

    source: str
    reading: Reading
    enabled: tuple[Found, ...]
    written: Path | None

    def lines(self) -> list[str]:
        """The report for people, line by line."""
        count = len(self.reading.found)
        report = [f"{self.source}: {count} address{'' if count == 1 else 'es'}"]
        for name, chain in CHAINS.items():
            candidates = self.reading.of(name)
            if not candidates:
                report.append(f"{chain.symbol}  none found")
            elif candidates[0] in self.enabled:
                report += [f"{chain.symbol}  {candidates[0].address}", *_told(candidates[0])]
            else:
                report.append(
                    f"{chain.symbol}  not enabled, choose in the file: {_why(candidates)}"
                )
                for candidate in candidates:
                    report += [f"     {candidate.address}", *_told(candidate)]
        report += [
            f"line {miss.place.line}: {miss.text} {miss.reason}"
            for miss in self.reading.near_misses
        ]
        report += [
            f"line {finding.line}: {finding.kind} stands in a comment of the page; it was ignored"
            for finding in self.reading.comment_secrets
        ]
        report.append(
            f"wrote {self.written}" if self.written else "no address was found, nothing written"
        )
        return report

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "source": self.source,
            "written": str(self.written) if self.written else None,
            "enabled": {found.chain: found.address for found in self.enabled},
            "found": [
                {
                    "chain": found.chain,
                    "address": found.address,
                    "enabled": found in self.enabled,
                    "places": [_place_json(place) for place in found.places],
                }
                for found in self.reading.found
            ],
            "near_misses": [
                {"text": miss.text, "reason": miss.reason, "place": _place_json(miss.place)}
                for miss in self.reading.near_misses
            ],
            "secrets_in_comments": [
                {"kind": finding.kind, "line": finding.line}
                for finding in self.reading.comment_secrets
            ],
        }


def run_init(source: str, target: Path, *, force: bool = False) -> InitResult:
    """Read a page (URL, file, "-") and write ``target``; it is replaced only with ``force``.

    Raises ConfigError (SecretPasted for key material on the page) and UpstreamError.
    """
    refuse_secrets(source, place="the argument", bare_hex=True)
    _refuse_existing(target, force)
    reading = read_footer(read_source(source))
    shown = _without_credentials(source)
    for finding in reading.secrets:
        raise SecretPasted(f"{finding.kind} stands here. {ADVICE}", file=shown, line=finding.line)
    enabled = tuple(
        candidates[0]
        for candidates in (reading.of(name) for name in CHAINS)
        if len(candidates) == 1 and not candidates[0].in_comments
    )
    if not reading.found:
        return InitResult(shown, reading, (), None)
    text = config_text(shown, reading, enabled)
    if enabled:
        parse(text, target, {})  # what is written loads
    _refuse_existing(target, force)
    _write(target, text)
    return InitResult(shown, reading, enabled, target)


def config_text(source: str, reading: Reading, enabled: tuple[Found, ...]) -> str:
    """The configuration file: what was found, and where to read on."""
    lines = [
        f"# Addresses found in {_comment(source)}.",
        "# Every other value has a good default; config.example.toml describes each key.",
        "",
        "# The address readers reach the service at; donations embed needs it.",
        '# public_url = "https://donations.example.org"',
        "",
    ]
    title = " ".join("".join(c if c.isprintable() else " " for c in reading.title or "").split())
    if title:
        mark = "# " if looks_like_an_address(title) else ""
        lines.append(f"{mark}title = {_quoted(title[:_TITLE])}")
    if reading.language:
        lines.append(f"language = {_quoted(reading.language)}")
    if lines[-1]:
        lines.append("")
    lines.append("[addresses]")
    for name, chain in CHAINS.items():
        candidates = reading.of(name)
        if not candidates:
            lines += [f"# No {chain.title} address was found.", f'# {name} = "..."']
        elif candidates[0] not in enabled:
            lines.append(f"# {chain.title}: {_why(candidates)}. Take the # away from yours.")
        for candidate in candidates:
            lines += [f"# {_comment(line.strip())}" for line in _told(candidate)]
            mark = "" if candidate in enabled else "# "
            lines.append(f"{mark}{name} = {_quoted(candidate.address)}")
    for miss in reading.near_misses:
        lines.append(f"# Line {miss.place.line}: {_comment(miss.text)} {_comment(miss.reason)}.")
    return "\n".join(lines) + "\n"


def _why(candidates: tuple[Found, ...]) -> str:
    if len(candidates) == 1:
        return "it stands among the readers' comments only"
    return f"{len(candidates)} candidates, the likeliest first"


def _told(found: Found) -> list[str]:
    return [f"     {_place_line(place)}" for place in found.places[:3]]


def _place_line(place: Place) -> str:
    parts = [f"line {place.line}", str(place.kind)]
    if place.label:
        parts.append(f"beside {CHAINS[place.label].symbol}")
    if place.in_footer:
        parts.append("in the footer")
    if place.in_comments:
        parts.append("among comments")
    return ", ".join(parts) + (f": {_comment(place.excerpt)}" if place.excerpt else "")


def _place_json(place: Place) -> dict[str, object]:
    return {
        "line": place.line,
        "kind": str(place.kind),
        "excerpt": place.excerpt,
        "label": place.label,
        "in_footer": place.in_footer,
        "in_comments": place.in_comments,
    }


def _comment(text: str) -> str:
    """A text of the page, fit to stand in one line of a comment or of a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's where the text is printable."""
    return json.dumps(text, ensure_ascii=False)


def _without_credentials(source: str) -> str:
    if "://" not in source:
        return "standard input" if source == "-" else source
    parts = urlsplit(source)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _refuse_existing(target: Path, force: bool) -> None:
    if target.exists() and not force:
        raise ConfigError("exists already; --force replaces it", file=target)


def _write(target: Path, text: str) -> None:
    """All of the file or nothing of it. Raises ConfigError."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=target) from error
