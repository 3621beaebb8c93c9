"""The words of the Electrum protocol: methods, errors, versions, statuses."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.demo.view import HistoryRow

BAD_REQUEST = 1
DAEMON_ERROR = 2
_HISTORY = "get_history get_mempool get_balance listunspent subscribe unsubscribe"
METHODS = frozenset(
    f"{group}.{name}"
    for group, names in (
        ("server", "version ping banner donation_address peers.subscribe features"),
        ("mempool", "get_fee_histogram"),
        ("blockchain", "estimatefee relayfee"),
        ("blockchain.headers", "subscribe"),
        ("blockchain.block", "header headers"),
        ("blockchain.scripthash", _HISTORY),
        ("blockchain.transaction", "get get_merkle id_from_pos"),
    )
    for name in names.split()
)
FULCRUM_METHODS = frozenset(
    {
        "blockchain.headers.unsubscribe",
        "blockchain.headers.get_tip",
        "blockchain.scripthash.get_status",
        "blockchain.transaction.get_height",
    }
)
_HASH = re.compile(r"[0-9a-fA-F]{64}")
Version = tuple[int, ...]


class RpcError(Exception):
    """An error that goes to the client."""

    def __init__(self, code: int, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal


def status(rows: Iterable[HistoryRow]) -> str | None:
    """The status of a scripthash with this history; None for an empty one."""
    text = "".join(f"{row.txid}:{row.height}:" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest() if text else None


def parse_version(text: str) -> Version:
    """A protocol version such as "1.4.2", without trailing zeros."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){1,2}", text):
        raise RpcError(BAD_REQUEST, f"invalid protocol version string: {text}")
    numbers = [int(part) for part in text.split(".")]
    while len(numbers) > 2 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass
class Session:
    """What a server remembers of one connection."""

    version: Version | None = None
    headers: bool = False
    subscribed: dict[str, str | None] = field(default_factory=dict)


def whole(number: Any) -> int:
    """A height or count. Raises RpcError."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise RpcError(BAD_REQUEST, f"{number} should be a non-negative integer")
    return number


def checked_scripthash(name: Any) -> str:
    """The name of a script. Raises RpcError."""
    if not isinstance(name, str) or _HASH.fullmatch(name) is None:
        raise RpcError(BAD_REQUEST, f"{name} is not a valid script hash")
    return name


def checked_txid(name: Any) -> str:
    """The name of a transaction. Raises RpcError."""
    if not isinstance(name, str) or _HASH.fullmatch(name) is None:
        raise RpcError(BAD_REQUEST, f"{name} should be a transaction hash")
    return name
