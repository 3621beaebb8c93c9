"""PURE: what the author's pages are told, beside the overview. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from donations.books import Annotation, Entry
    from donations.ledger import Key, News, State
    from donations.reasons import Reason


@dataclass(frozen=True, slots=True)
class Asset:
    """Of one key: how amounts are read, and what it takes to be agreed."""

    decimals: int
    network: str
    required: int


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a transfer, as it was told."""

    at: int
    news: News
    before: State | None
    after: State
    block_hash: str | None
    reorged: bool
    final_reversed: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Full:
    """One transfer with all that is known of it.

    ``inside`` are (transaction, base units) that brought what came from inside contract calls.
    ``doubt`` is why it has no value, in English, "" where that is not known.
    """

    entry: Entry
    asset: Asset
    steps: tuple[Step, ...]
    annotations: tuple[Annotation, ...]
    inside: tuple[tuple[str, int], ...]
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamLine:
    """One operator of a chain, by ``server`` alone: URLs may hold keys.

    ``answered_at`` is its last good answer since the start. ``resting``: it is not asked now.
    ``broken``: it failed so often that one cheap question comes first. ``evidence`` is what it was
    convicted by, and ``until`` when its vote comes back.
    """

    chain: str
    operator: str
    server: str
    answered_at: int | None
    reason: Reason | None
    resting: bool
    broken: bool
    evidence: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """How an event fared in a channel; ``error`` says why it was given up, None: it was taken."""

    channel: str
    message: str
    attempts: int
    at: int
    error: str | None


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """How a channel fares: ``error`` is why it did not take the last message, None: it did.

    ``stopped``: it wants nothing more until its settings change.
    """

    name: str
    kind: str
    error: str | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that was announced: ``payload`` is the JSON that is sent."""

    sequence: int
    id: str
    type: str
    at: int
    payload: str
    deliveries: tuple[Delivered, ...]


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """What fewer operators tell than must agree: in no sum."""

    key: Key
    id: str
    units: int
    operators: tuple[str, ...]
    height: int | None
    since: int


@dataclass(frozen=True, slots=True)
class OmissionLine:
    """An operator that holds the block of an agreed transaction and does not tell it."""

    key: Key
    id: str
    operator: str
    since: int


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the operators do not tell alike. ``waiting``: base units and transfers without proof."""

    disagree: tuple[tuple[Key, int], ...] = ()
    claims: tuple[ClaimLine, ...] = ()
    omissions: tuple[OmissionLine, ...] = ()
    waiting: tuple[tuple[Key, int, int], ...] = ()
