"""PURE: answers of the Electrum protocol -> facts. All functions raise UpstreamMalformed.

Source: the Electrum protocol, 1.4 to 1.6. Histories have a file of their own.
"""

from __future__ import annotations

from typing import Any

from donations.errors import UpstreamMalformed
from donations.proof.headers import HEADER_BYTES, Header, parse_header
from donations.proof.merkle import MAX_DEPTH


def unhex(text: Any, method: str) -> bytes:
    """The bytes of a hexadecimal text; the error names the method."""
    if not isinstance(text, str):
        raise UpstreamMalformed(f"{method}: not a text")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UpstreamMalformed(f"{method}: no hexadecimal text") from None


def parse_tip(told: Any) -> tuple[int, Header]:
    """``headers.subscribe``, asked for or told."""
    if not isinstance(told, dict) or type(told.get("height")) is not int or told["height"] < 0:
        raise UpstreamMalformed("headers.subscribe: no height")
    return told["height"], parse_header(unhex(told.get("hex"), "a header"))


def parse_headers(answer: Any, count: int) -> list[bytes]:
    """``block.headers``: one string up to protocol 1.5, a list from 1.6 on; at most ``count``."""
    if isinstance(answer, dict) and isinstance(answer.get("headers"), list):
        told = [unhex(text, "block.headers") for text in answer["headers"]]
    elif isinstance(answer, dict) and isinstance(answer.get("hex"), str):
        joined = unhex(answer["hex"], "block.headers")
        told = [joined[at : at + HEADER_BYTES] for at in range(0, len(joined), HEADER_BYTES)]
    else:
        raise UpstreamMalformed("block.headers: neither hex nor headers")
    if len(told) > count or any(len(raw) != HEADER_BYTES for raw in told):
        raise UpstreamMalformed(f"block.headers: not {count} times {HEADER_BYTES} bytes")
    return told


def parse_balance(answer: Any) -> int:
    """``get_balance``: the confirmed units."""
    if not isinstance(answer, dict) or type(answer.get("confirmed")) is not int:
        raise UpstreamMalformed("get_balance: no confirmed amount")
    confirmed: int = answer["confirmed"]
    return confirmed


def parse_branch(proof: dict[str, Any], method: str) -> tuple[bytes, ...]:
    """The branch of a proof, which shows hashes reversed, in hashing order."""
    told = proof.get("merkle")
    if not isinstance(told, list) or len(told) > MAX_DEPTH:
        raise UpstreamMalformed(f"{method}: no Merkle branch")
    return tuple(unhex(each, method)[::-1] for each in told)
