"""What the store takes and gives beside the ledger's own objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.evidence import KeptClaim
    from donations.ledger import Block, Change, Checkpoint, Key, Transfer


@dataclass(frozen=True, slots=True)
class Cursor:
    """From where an operator's next observation of a key has to tell everything."""

    operator: str
    key: Key
    since: int
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The last view that was applied to a key. ``complete``: its first history was read to the end.

    ``balance`` is of the tip, None while the operators do not agree on one.
    """

    key: Key
    tip: Block
    final_height: int
    at: int
    sources: int
    complete: bool
    balance: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one applied view leaves behind. ``history``: a first reading, nothing of it is news.

    ``blocks`` are the recorded blocks of the chain by height, all of them; ``facts`` are kept by
    name, as by `Store.remember`. ``claims`` take the place of the key's last ones; None: as before.
    ``whole``: the view reached through the mempool, so that what comes now is news.
    """

    changes: tuple[Change, ...]
    cursors: tuple[Cursor, ...]
    standing: Standing
    blocks: Mapping[int, Block]
    history: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    claims: tuple[KeptClaim, ...] | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Annotated:
    """An entry of the author that was kept, and what it changed of what counts, if anything.

    ``about`` is the transfer it is about, as it was; None for a manual gift.
    """

    sequence: int
    change: Change | None = None
    about: Transfer | None = None
