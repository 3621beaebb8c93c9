"""What an Ethereum transaction did to an address, read from the node's trace of its execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .jsonrpc import Json

# These run foreign code on the caller's own account: their value moves nothing.
MOVES_NOTHING = frozenset({"DELEGATECALL", "CALLCODE", "STATICCALL"})


@dataclass(frozen=True, slots=True)
class Flow:
    """What one transaction did to one address, in wei.

    ``direct`` is the value of the transaction itself, when the address is its recipient;
    ``internal`` what calls inside it brought; ``sent`` what the address gave away; ``fee`` what it
    paid for gas. ``own`` is true when the address signed the transaction.
    """

    txid: str
    height: int
    block: str
    sender: str
    direct: int
    internal: int
    sent: int
    fee: int
    own: bool

    @property
    def net(self) -> int:
        return self.direct + self.internal - self.sent - self.fee


@dataclass(frozen=True, slots=True)
class Value:
    """A movement of ether somewhere inside a transaction; ``depth`` 0 is the transaction itself."""

    source: str
    target: str
    amount: int
    depth: int


def flow(address: str, trace: Json, receipt: Json) -> Flow | None:
    """What the transaction did to the address (lower case); None when it left it alone.

    ``trace`` is geth's callTracer format.
    """
    own = trace["from"] == address
    moved = values(trace)
    if not own and all(address not in (one.source, one.target) for one in moved):
        return None
    incoming = [one for one in moved if one.target == address]
    price = int(receipt["effectiveGasPrice"], 16)
    return Flow(
        txid=receipt["transactionHash"],
        height=int(receipt["blockNumber"], 16),
        block=receipt["blockHash"],
        sender=trace["from"],
        direct=sum(one.amount for one in incoming if one.depth == 0),
        internal=sum(one.amount for one in incoming if one.depth > 0),
        sent=sum(one.amount for one in moved if one.source == address),
        fee=int(receipt["gasUsed"], 16) * price if own else 0,
        own=own,
    )


def values(call: Json, depth: int = 0) -> list[Value]:
    """The ether moved by a call and by the calls inside it; nothing of a call that failed."""
    if "error" in call:
        return []
    found: list[Value] = []
    amount = int(call.get("value") or "0x0", 16)
    if amount and call["type"] not in MOVES_NOTHING:
        found.append(Value(call["from"], call.get("to", ""), amount, depth))
    for inner in call.get("calls", ()):
        found += values(inner, depth + 1)
    return found
