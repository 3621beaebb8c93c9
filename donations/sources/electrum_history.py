"""PURE: the history of a scripthash as the Electrum protocol tells it.

Source: the Electrum protocol, ``blockchain.scripthash.get_history`` and "status".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from donations.errors import UpstreamMalformed

_TXID = re.compile(r"[0-9a-f]{64}")
_UNCONFIRMED = (0, -1)  # -1: some of its inputs are unconfirmed too


@dataclass(frozen=True, slots=True)
class Row:
    """One transaction of a history; ``height`` is None in the mempool."""

    txid: str
    height: int | None


@dataclass(frozen=True, slots=True)
class History:
    """All transactions of a scripthash, confirmed ones by height, and the hash they have."""

    rows: tuple[Row, ...]
    status: str | None

    @property
    def all_confirmed(self) -> bool:
        return all(row.height is not None for row in self.rows)


def scripthash(script: bytes) -> str:
    """The key of a locking script: its SHA-256, byte-reversed, in hexadecimal."""
    return hashlib.sha256(script).digest()[::-1].hex()


def parse_history(answer: Any) -> History:
    """Read an answer of ``get_history``. Raises UpstreamMalformed for what no server may send."""
    if not isinstance(answer, list):
        raise UpstreamMalformed("get_history: not a list")
    rows: list[Row] = []
    wire: list[tuple[str, int]] = []
    for item in answer:
        txid, height = _item(item)
        wire.append((txid, height))
        rows.append(Row(txid, None if height in _UNCONFIRMED else height))
    if len({row.txid for row in rows}) != len(rows):
        raise UpstreamMalformed("get_history: a transaction is listed twice")
    confirmed = [row.height for row in rows if row.height is not None]
    if confirmed != sorted(confirmed) or any(r.height is None for r in rows[: len(confirmed)]):
        raise UpstreamMalformed("get_history: not in the order of the blocks")
    return History(tuple(rows), _status(wire, len(confirmed)))


def _item(item: Any) -> tuple[str, int]:
    if not isinstance(item, dict):
        raise UpstreamMalformed("get_history: an item that is no object")
    txid, height = item.get("tx_hash"), item.get("height")
    if not isinstance(txid, str) or _TXID.fullmatch(txid) is None:
        raise UpstreamMalformed("get_history: a tx_hash that is no txid")
    if type(height) is not int or height < min(_UNCONFIRMED):
        raise UpstreamMalformed("get_history: a height that is none")
    return txid, height


def _status(wire: list[tuple[str, int]], confirmed: int) -> str | None:
    """Protocol 1.6 orders the mempool by height (0 before -1), then txid; before it is free."""
    if not wire:
        return None
    mempool = sorted(wire[confirmed:], key=lambda row: (-row[1], row[0]))
    text = "".join(f"{txid}:{height}:" for txid, height in [*wire[:confirmed], *mempool])
    return hashlib.sha256(text.encode()).hexdigest()


def portion(rows: tuple[Row, ...], since: int, size: int) -> tuple[list[Row], int | None]:
    """About ``size`` rows from height ``since`` up, cut between blocks.

    Returns them and the height they reach, None when nothing is left out.
    """
    wanted = [row for row in rows if row.height is None or row.height >= since]
    if len(wanted) <= size:
        return wanted, None
    last = wanted[size - 1].height
    taken = [
        row for row in wanted if row.height is not None and last is not None and row.height <= last
    ]
    if last is None or len(taken) == len(wanted):
        return wanted, None
    return taken, last
