"""Answers gone wrong: the grammar of JSON, and the words of our protocols, thrown like dice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

WORDS = (
    "txid", "vin", "vout", "status", "confirmed", "block_height", "block_hash", "value", "id",
    "height", "hash", "previous", "merkle", "time", "bits", "nonce", "version", "inputs", "outputs",
    "block", "deleted", "mempool", "tx_hash", "hex", "headers", "result", "error", "code", "number",
    "transactions", "blockHash", "logs", "topics", "data", "address", "chain_stats", "tx_count",
    "mempool_stats", "electrum", "spent", "spender", "removed", "logIndex", "from", "to", "type",
    "traceId", "isError", "items", "next_page_params", "message",
)  # fmt: skip
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 50, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64, -(2**63),
    21 * 10**14, 21 * 10**14 + 1, 10**18, 10**40, 10**80, "1.5", "", "0", "0x", "0x0", "0x1", "1",
    "-1", "0x-1", "+1", " 1", "1e3", "zz", "00", "0", "ff" * 32, "0x" + "ff" * 32, "00" * 32,
    "0x" + "00" * 20, "00" * 80, "0x" + "f" * 65, "\u0663" * 64, "\x00", "é" * 64, "a" * 5_000,
    "null", "NaN", "0x" + "00" * 31 + "01", "bitcoincash:", "2023-11-14T22:13:20.000000Z",
)  # fmt: skip


def scalar(dice: random.Random) -> Any:
    if dice.random() < 0.2:
        return dice.choice((dice.getrandbits(dice.randrange(1, 70)), f"{dice.getrandbits(256):x}"))
    return dice.choice(SCALARS)


def made_up(dice: random.Random, depth: int = 3) -> Any:
    """Any JSON, with the words of our protocols for keys."""
    kind = dice.random()
    if depth == 0 or kind < 0.4:
        return scalar(dice)
    if kind < 0.65:
        return [made_up(dice, depth - 1) for _ in range(dice.randrange(4))]
    return {dice.choice(WORDS): made_up(dice, depth - 1) for _ in range(dice.randrange(6))}


def bent(value: Any, dice: random.Random) -> Any:
    """A true answer with one thing in it replaced, renamed, left out, repeated or moved."""
    if isinstance(value, dict) and value and dice.random() < 0.92:
        names = list(value)
        name = names[dice.randrange(len(names))]
        match dice.randrange(8):
            case 0:
                return {k: v for k, v in value.items() if k != name}
            case 1:
                return {dice.choice(WORDS) if k == name else k: v for k, v in value.items()}
            case 2:
                return value | {name: value[names[dice.randrange(len(names))]]}
            case _:
                return value | {name: bent(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.92:
        place = dice.randrange(len(value))
        match dice.randrange(8):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, value[place]]
            case 2:
                return [*value[place:], *value[:place]]
            case _:
                return [*value[:place], bent(value[place], dice), *value[place + 1 :]]
    return twisted(value, dice)


def twisted(value: Any, dice: random.Random) -> Any:
    """A leaf, a little wrong or quite another."""
    if isinstance(value, str) and value and dice.random() < 0.6:
        place = dice.randrange(len(value))
        match dice.randrange(4):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return value[:place] + dice.choice("0123456789abcdefgx-. ") + value[place + 1 :]
            case 2:
                return value[:place] + dice.choice("0123456789abcdef") + value[place:]
            case _:
                return value[:place]
    if type(value) is int and dice.random() < 0.6:
        return dice.choice((value + 1, value - 1, -value, value * 2, str(value), value ^ (1 << 20)))
    return made_up(dice, 2)


def fuzzed(value: Any, dice: random.Random) -> Any:
    """One wrong answer instead of ``value``: bent once or more often, or made up."""
    kind = dice.random()
    if kind < 0.08:
        return made_up(dice)
    result = bent(value, dice)
    while kind > 0.7 and dice.random() < 0.5:
        result = bent(result, dice)
    return result


def damaged(body: bytes, dice: random.Random) -> bytes:
    """The bytes of an answer with some of them changed, doubled or lost."""
    place = dice.randrange(len(body))
    end = min(len(body), place + dice.choice((0, 1, 1, 2, 8, 40)))
    filling: Sequence[bytes] = (b"", b"0", b'"', b",", b"{", b"]", b"\\", b"\x00", b"\xff", b"1e9",
                                b"null", body[place:end] * 2)  # fmt: skip
    return body[:place] + dice.choice(filling) + body[end:]


def written(value: Any) -> bytes:
    return json.dumps(value).encode()
