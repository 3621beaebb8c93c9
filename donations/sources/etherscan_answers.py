"""PURE: answers of Etherscan V2, and of Blockscout's interface of the same shape -> facts.

Every answer has the HTTP status 200: "status" tells, and "0" stands for no rows as well as for a
refusal. Numbers are decimal text; withdrawals are in Gwei. Blockscout says "transactionHash" where
Etherscan says "hash". All functions raise UpstreamError. Texts of a refusal are not repeated: they
may hold the key. Source: docs.etherscan.io; docs.blockscout.com, "RPC and Eth RPC".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from donations.errors import UpstreamMalformed, UpstreamUnavailable
from donations.reasons import Reason
from donations.sources.ethereum_rpc import address20, field, hash32

_DECIMAL = re.compile(r"[0-9]{1,78}")
_GWEI = 10**9
_MAX_HEIGHT = 2**63 - 1
# What moves ether inside a call; a delegatecall repeats the value of the call around it.
_MOVING = frozenset({"call", "create", "create2", "selfdestruct", "suicide"})
_RATE_LIMITED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Inside:
    """A payment out of a contract call: ``hash`` is that of the transaction around it; wei."""

    hash: str
    height: int
    sender: str
    recipient: str
    units: int


@dataclass(frozen=True, slots=True)
class Called:
    """A transaction from or to the address; ``fee`` in wei is its gas."""

    hash: str
    height: int
    block_hash: str
    time: int
    sender: str
    recipient: str | None
    nonce: int
    units: int
    fee: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A withdrawal of a validator (EIP-4895), in wei."""

    index: int
    height: int
    units: int


def parse_rows(answer: Any) -> list[Any]:
    """The rows of an answer; none where it says that there are none."""
    status, result = field(answer, "status"), field(answer, "result")
    message = answer.get("message")
    if status == "1" and isinstance(result, list):
        return result
    if status == "0" and not result and isinstance(message, str) and message.startswith("No "):
        return []
    said = f"{message} {result}".lower() if isinstance(result, str) else ""
    if "rate limit" in said or "temporarily" in said:
        raise UpstreamUnavailable(
            "the explorer asks for a pause",
            why=Reason.RATE_LIMITED,
            retry_after=_RATE_LIMITED_SECONDS,
        )
    if "api key" in said or "apikey" in said:
        raise UpstreamUnavailable("the explorer does not accept the key", why=Reason.REFUSED)
    raise UpstreamUnavailable(
        "the explorer refuses, or answers otherwise than is documented", why=Reason.RPC_ERROR
    )


def parse_inside(answer: Any) -> list[Inside]:
    """``txlistinternal``: what moved ether, without what failed."""
    found = []
    for row in parse_rows(answer):
        units, kind = decimal(row, "value"), field(row, "type")
        if not isinstance(kind, str):
            raise UpstreamMalformed("type is no text")
        if not units or kind not in _MOVING or _flag(row, "isError"):
            continue
        name = "hash" if "hash" in row else "transactionHash"
        recipient = field(row, "to") or field(row, "contractAddress")
        found.append(
            Inside(
                hash=hash32(field(row, name)),
                height=decimal(row, "blockNumber", _MAX_HEIGHT),
                sender=address20(field(row, "from")),
                recipient=address20(recipient),
                units=units,
            )
        )
    return found


def parse_called(answer: Any) -> list[Called]:
    """``txlist``."""
    return [_called(row) for row in parse_rows(answer)]


def _called(row: Any) -> Called:
    recipient = field(row, "to")
    return Called(
        hash=hash32(field(row, "hash")),
        height=decimal(row, "blockNumber", _MAX_HEIGHT),
        block_hash=hash32(field(row, "blockHash")),
        time=decimal(row, "timeStamp", _MAX_HEIGHT),
        sender=address20(field(row, "from")),
        recipient=address20(recipient) if recipient else None,
        nonce=decimal(row, "nonce", _MAX_HEIGHT),
        units=decimal(row, "value"),
        fee=decimal(row, "gasUsed", _MAX_HEIGHT) * decimal(row, "gasPrice"),
        succeeded=not _flag(row, "isError"),
    )


def parse_withdrawn(answer: Any) -> list[Withdrawn]:
    """``txsBeaconWithdrawal``."""
    return [
        Withdrawn(
            index=decimal(row, "withdrawalIndex", _MAX_HEIGHT),
            height=decimal(row, "blockNumber", _MAX_HEIGHT),
            units=decimal(row, "amount", _MAX_HEIGHT) * _GWEI,
        )
        for row in parse_rows(answer)
    ]


def decimal(row: Any, name: str, highest: int | None = None) -> int:
    """A number in decimal text, by the letter."""
    value = field(row, name)
    if not isinstance(value, str) or not value.isascii() or _DECIMAL.fullmatch(value) is None:
        raise UpstreamMalformed(f"{name} is no number in decimal text")
    number = int(value)
    if highest is not None and number > highest:
        raise UpstreamMalformed(f"{name} is out of range")
    return number


def _flag(row: Any, name: str) -> bool:
    value = field(row, name)
    if value not in ("0", "1"):
        raise UpstreamMalformed(f"{name} is neither 0 nor 1")
    return bool(value == "1")
