"""Errors: a class is an instruction to whoever catches it; ``why`` is one of a closed list.

DonationsError
|- ConfigError            the operator edits a file or an argument; exit code 2
|   |- InvalidAddress     not an address of the chain it was given for
|   '- SecretPasted       key material: refused, never stored, logged or echoed
|- UpstreamError          wait for the next poll; the last number keeps its age
|   |- UpstreamUnavailable   time-out, refused, 429, 5xx; ``retry_after`` when it was told
|   |- UpstreamMoved         the tip changed while reading: look again, at most three times
|   '- UpstreamMalformed     the answer is not of the documented form
|- BadObservation         well-formed but impossible: refuse it, keep the old ledger
|   '- ProvenLie          the upstream's own bytes convict it; ``evidence`` shows how
|- BundleRefused          a proof bundle that proves nothing: the exact reason
|- Conflict               somebody else wrote about the same thing meanwhile: look, then write again
|- NotFound               what is asked for by name is not there
|- NotDelivered           a channel did not take a message: again later, or never if ``gone``
|- Unprovable             nothing is wrong, but a proof cannot be had: what stands stays as it is
'- StoreError             database newer than the code, full, locked or corrupt
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from donations.books import Annotation


class DonationsError(Exception):
    """Everything this project raises on purpose."""

    why = Reason.UNEXPECTED


class ConfigError(DonationsError):
    """The operator has to change something that he wrote.

    The text names the place (file, line, key), the reason and, where there is one, the cure.
    """

    def __init__(
        self,
        reason: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.reason = reason
        self.file = file
        self.line = line
        self.key = key
        place = str(file) if file is not None else ""
        if line is not None:
            place += f", line {line}" if place else f"line {line}"
        parts = [part for part in (place, key) if part]
        super().__init__(": ".join([*parts, reason]))

    def at(self, *, file: Path | str | None, line: int | None, key: str | None) -> ConfigError:
        """The same error, told where it happened."""
        return type(self)(self.reason, file=file, line=line, key=key)


class InvalidAddress(ConfigError):
    """The text is not an address of the chain and network it was given for."""


class SecretPasted(ConfigError):
    """Key material stood where something public belongs. The text never repeats it."""


class UpstreamError(DonationsError):
    """An upstream did not give a usable answer."""

    why = Reason.MALFORMED

    def __init__(self, reason: str, *, why: Reason | None = None) -> None:
        super().__init__(reason)
        if why is not None:
            self.why = why


class UpstreamUnavailable(UpstreamError):
    """Nobody answered, or the answer was "not now". ``retry_after`` is in seconds."""

    why = Reason.UNREACHABLE

    def __init__(
        self, reason: str, *, why: Reason | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(reason, why=why)
        self.retry_after = retry_after


class UpstreamMoved(UpstreamError):
    """The best block changed between two reads that must be of one block."""

    why = Reason.MOVED


class UpstreamMalformed(UpstreamError):
    """The answer breaks the protocol it claims to speak."""


class BadObservation(DonationsError):
    """An answer of the right form that cannot be true."""

    why = Reason.IMPOSSIBLE


class ProvenLie(BadObservation):
    """What an upstream sent contradicts itself, or the proof of work: no honest server says it.

    ``evidence`` is what anybody needs to see it too: heights, hashes, txids; never a secret.
    """

    why = Reason.LIE

    def __init__(self, reason: str, evidence: str) -> None:
        super().__init__(reason)
        self.evidence = evidence


class BundleRefused(DonationsError):
    """A proof bundle is not of its form, or what it claims does not follow from it."""


class NotDelivered(DonationsError):
    """A channel did not take a message. The text holds no secret, and nothing the receiver said.

    ``retry_after`` is in seconds; ``gone``: the receiver asks to be told nothing any more.
    """

    why = Reason.UNREACHABLE

    def __init__(
        self, reason: str, *, retry_after: float | None = None, gone: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after, self.gone = retry_after, gone


class Unprovable(DonationsError):
    """A proof cannot be had: of a kind not known here, or no longer kept. It convicts nobody."""


class Conflict(DonationsError):
    """Somebody wrote about the same transfer meanwhile; nothing was kept of this entry.

    ``between`` are the entries its author had not seen.
    """

    def __init__(self, between: tuple[Annotation, ...]) -> None:
        last = between[-1]
        super().__init__(
            f"meanwhile {last.by} wrote entry {last.sequence} ({last.writing.value}) about it: "
            "look at it, and write again"
        )
        self.between = between


class NotFound(DonationsError):
    """There is nothing of that name."""


class StoreError(DonationsError):
    """The database cannot be used. What is already published stays served."""

    why = Reason.STORE

    def __init__(self, reason: str, *, why: Reason | None = None) -> None:
        super().__init__(reason)
        if why is not None:
            self.why = why
