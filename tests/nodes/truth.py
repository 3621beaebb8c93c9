"""What a chain of blocks really says about a set of addresses, computed from the blocks alone.

It shares no code with the product: blocks are walked from genesis to the tip with every
transaction the node decoded, then its mempool, and every output of a watched address is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .wire import Outpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from decimal import Decimal

    from .jsonrpc import Json

SATOSHIS = 100_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """One block as the node tells it; ``transactions`` are its decoded JSON."""

    hash: str
    parent: str
    height: int
    transactions: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Touch:
    """One transaction that touches a watched address.

    ``net`` holds, for each watched address it pays or spends, what it brought minus what it spent,
    in satoshis. ``own`` is true when it spends from any watched address. ``height`` and ``block``
    are None in the mempool.
    """

    txid: str
    height: int | None
    block: str | None
    net: Mapping[str, int]
    own: bool
    coinbase: bool


@dataclass(frozen=True, slots=True)
class Coin:
    """An output of an address that nothing spends; ``height`` is None in the mempool."""

    outpoint: Outpoint
    amount: int
    height: int | None
    coinbase: bool


def touches(
    blocks: Iterable[Block], mempool: Iterable[Json], addresses: Collection[str]
) -> list[Touch]:
    """Every transaction that touches the addresses: in chain order, then the mempool's."""
    watched = frozenset(addresses)
    held: dict[Outpoint, tuple[str, int]] = {}
    found: list[Touch] = []
    for block in blocks:
        # A block of BCH may hold a child before its parent.
        for transaction in _parents_first(block.transactions):
            touch = _touch(transaction, block, watched, held)
            if touch is not None:
                found.append(touch)
    for transaction in _parents_first(mempool):
        touch = _touch(transaction, None, watched, held)
        if touch is not None:
            found.append(touch)
    return found


def coins(blocks: Iterable[Block], mempool: Iterable[Json], address: str) -> list[Coin]:
    """The unspent outputs of one address, oldest first, the mempool's included."""
    listed: list[tuple[int | None, Json]] = []
    for block in blocks:
        listed += [(block.height, transaction) for transaction in block.transactions]
    listed += [(None, transaction) for transaction in mempool]
    held: dict[Outpoint, Coin] = {}
    for height, transaction in listed:
        coinbase = "coinbase" in transaction["vin"][0]
        for output in transaction["vout"]:
            if address_of(output) == address:
                outpoint = Outpoint(transaction["txid"], output["n"])
                held[outpoint] = Coin(outpoint, satoshis(output["value"]), height, coinbase)
    for _, transaction in listed:
        for source in transaction["vin"]:
            if "coinbase" not in source:
                held.pop(Outpoint(source["txid"], source["vout"]), None)
    return list(held.values())


def received(found: Iterable[Touch], address: str) -> int:
    """What was given to the address, in satoshis: own transfers and the mempool included or not
    by what is passed in; change and outgoing payments never count."""
    return sum(max(0, touch.net.get(address, 0)) for touch in found if not touch.own)


def balance(found: Iterable[Touch], address: str) -> int:
    """What the address holds, in satoshis."""
    return sum(touch.net.get(address, 0) for touch in found)


def satoshis(amount: Decimal | int) -> int:
    """A node's decimal amount in base units; ValueError when it is not a whole number of them."""
    units = int(amount * SATOSHIS)
    if units != amount * SATOSHIS:
        raise ValueError(f"{amount} is not a whole number of satoshis")
    return units


def address_of(output: Json) -> str | None:
    """The address an output pays, where its script has one."""
    script = output["scriptPubKey"]
    # Bitcoin Knots names one address, bcash a list.
    several: list[str] = script.get("addresses") or []
    named: str | None = script.get("address")
    return named or (several[0] if len(several) == 1 else None)


def _touch(
    transaction: Json,
    block: Block | None,
    watched: frozenset[str],
    held: dict[Outpoint, tuple[str, int]],
) -> Touch | None:
    net: dict[str, int] = {}
    own = False
    coinbase = "coinbase" in transaction["vin"][0]
    for source in () if coinbase else transaction["vin"]:
        spent = held.pop(Outpoint(source["txid"], source["vout"]), None)
        if spent is not None:
            own = True
            net[spent[0]] = net.get(spent[0], 0) - spent[1]
    for output in transaction["vout"]:
        address = address_of(output)
        if address in watched and address is not None:
            value = satoshis(output["value"])
            held[Outpoint(transaction["txid"], output["n"])] = (address, value)
            net[address] = net.get(address, 0) + value
    if not net:
        return None
    height, hash_ = (block.height, block.hash) if block else (None, None)
    return Touch(transaction["txid"], height, hash_, net, own, coinbase)


def _parents_first(transactions: Iterable[Json]) -> list[Json]:
    waiting = {transaction["txid"]: transaction for transaction in transactions}
    ordered: list[Json] = []
    while waiting:
        ready = [
            txid
            for txid, transaction in waiting.items()
            if not any(source.get("txid") in waiting for source in transaction["vin"])
        ]
        ordered += [waiting.pop(txid) for txid in ready]
    return ordered
