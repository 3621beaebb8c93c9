"""A proof bundle as JSON, version 1, and back.

There is one way to write a bundle: what `read` returns, written again, is the same bytes. So no
byte of a bundle is without meaning, and none can be changed without notice.

    {"donations_proof": 1, "chain": "btc", "network": "mainnet", "genesis": HASH,
     "address": TEXT, "asset": "BTC", "units": "5000",
     "transfers": [TRANSFER, ...], "headers": [{"start": HEIGHT, "raw": HEX}, ...]}

``units`` are base units as decimal text, the sum of the transfers'. HASH is written as explorers
show it. TRANSFER of Bitcoin and Bitcoin Cash:

    {"id": TXID, "units": "5000", "height": 953600, "block": HASH, "raw": HEX, "position": 7,
     "branch": [HEX, ...], "coinbase": HEX, "coinbase_branch": [HEX, ...]}

``raw`` and ``coinbase`` are without witness, branches in hashing order (`proof.inclusion`).
``headers`` are rows of 80 bytes each. TRANSFER of Ethereum has "evidence" in the place of what
follows "block" (`proof.ethereum_evidence`), and there are no headers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from donations.amounts import MAX_DIGITS
from donations.errors import BundleRefused
from donations.proof.headers import HEADER_BYTES
from donations.proof.inclusion import Inclusion
from donations.proof.merkle import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION: Final = 1
MAX_BYTES: Final = 128 * 2**20
MAX_TRANSFERS: Final = 50_000
_MAX_TRANSACTION: Final = 4_000_000  # bytes: no block holds a larger one
_MAX_RUNS: Final = 2_000
_MAX_HEIGHT: Final = 1 << 31
_DEEPEST: Final = 16
_NO_BRACKETS: Final = re.compile(rb"[^\[\]{}]+")
_TEXT: Final = re.compile(r"[!-~]{1,120}")
_HASH: Final = re.compile(r"(?:0x)?[0-9a-f]{64}")
_ID: Final = re.compile(r"(?:0x)?[0-9a-f]{64}(?::[0-9a-z]{1,10})?")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_UNITS: Final = re.compile(rf"[1-9][0-9]{{0,{MAX_DIGITS - 1}}}")


@dataclass(frozen=True, slots=True)
class Proven:
    """One transfer of a bundle: base units, its block, and what proves it."""

    id: str
    units: int
    height: int
    block: str
    inclusion: Inclusion


@dataclass(frozen=True, slots=True)
class Run:
    """The raw headers of the blocks from height ``start`` up."""

    start: int
    headers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is claimed of one asset at one address, and what proves it."""

    chain: str
    network: str
    genesis: str
    address: str
    asset: str
    transfers: tuple[Proven, ...]
    headers: tuple[Run, ...]

    @property
    def units(self) -> int:
        """All transfers together."""
        return sum(transfer.units for transfer in self.transfers)


def write(bundle: Bundle) -> bytes:
    """The one form of a bundle."""
    told = {
        "donations_proof": VERSION,
        "chain": bundle.chain,
        "network": bundle.network,
        "genesis": bundle.genesis,
        "address": bundle.address,
        "asset": bundle.asset,
        "units": str(bundle.units),
        "transfers": [_transfer_json(transfer) for transfer in bundle.transfers],
        "headers": [
            {"start": run.start, "raw": b"".join(run.headers).hex()} for run in bundle.headers
        ],
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def _transfer_json(transfer: Proven) -> dict[str, Any]:
    shown = transfer.inclusion
    return {
        "id": transfer.id,
        "units": str(transfer.units),
        "height": transfer.height,
        "block": transfer.block,
        "raw": shown.raw.hex(),
        "position": shown.position,
        "branch": [each.hex() for each in shown.branch],
        "coinbase": shown.coinbase.hex(),
        "coinbase_branch": [each.hex() for each in shown.coinbase_branch],
    }


def read(text: bytes) -> Bundle:
    """The bundle, nothing of which is believed yet.

    Raises BundleRefused with the place and the reason for whatever is not of this form.
    """
    if len(text) > MAX_BYTES:
        raise BundleRefused(f"it has more than {MAX_BYTES // 2**20} MiB")
    bundle = _bundle(_Reader("", _decoded(text)))
    if write(bundle) != text:
        raise BundleRefused("it is not written as bundles are: there are bytes without a meaning")
    return bundle


def _decoded(text: bytes) -> Any:
    # Python's decoder recurses in C: what is nested without end would end the process.
    brackets = _NO_BRACKETS.sub(b"", text)
    for _ in range(_DEEPEST):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise BundleRefused("it is nested too deep, or is cut off")
    try:
        return json.loads(
            text.decode("ascii"), object_pairs_hook=_unique, parse_float=_no, parse_constant=_no
        )
    except (ValueError, RecursionError):
        raise BundleRefused("it is no JSON, or is cut off") from None


def _no(word: str) -> Any:
    raise ValueError(word)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """A place in the JSON. Every method raises BundleRefused naming it."""

    path: str
    value: Any

    def refuse(self, reason: str) -> BundleRefused:
        return BundleRefused(f"{self.path or 'the bundle'}: {reason}")

    def members(self, *names: str) -> Mapping[str, _Reader]:
        """The members of an object: these, no more and no less."""
        if not isinstance(self.value, dict):
            raise self.refuse("not an object")
        for name in names:
            if name not in self.value:
                raise self.refuse(f"{name} is missing")
        for name in self.value:
            if name not in names:
                raise self.refuse(f"unknown key {name[:40]!r}")
        lead = f"{self.path}." if self.path else ""
        return {name: _Reader(lead + name, self.value[name]) for name in names}

    def items(self, most: int) -> list[_Reader]:
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.refuse(f"not a list of at most {most}")
        return [_Reader(f"{self.path}[{n}]", each) for n, each in enumerate(self.value)]

    def text(self, form: re.Pattern[str], what: str) -> str:
        if not isinstance(self.value, str) or form.fullmatch(self.value) is None:
            raise self.refuse(f"not {what}")
        return self.value

    def number(self, most: int) -> int:
        if type(self.value) is not int or not 0 <= self.value <= most:
            raise self.refuse(f"not a whole number from 0 to {most}")
        return self.value

    def units(self) -> int:
        return int(self.text(_UNITS, "base units as decimal text, more than nothing"))

    def octets(self, allowed: Callable[[int], bool], what: str) -> bytes:
        found = bytes.fromhex(self.text(_HEX, "bytes in lower-case hexadecimal"))
        if not allowed(len(found)):
            raise self.refuse(f"{len(found)} bytes, {what}")
        return found

    def nodes(self) -> tuple[bytes, ...]:
        return tuple(
            each.octets(lambda size: size == 32, "a hash has 32") for each in self.items(MAX_DEPTH)
        )


def _bundle(reader: _Reader) -> Bundle:
    if not isinstance(reader.value, dict) or reader.value.get("donations_proof") != VERSION:
        raise BundleRefused(f"it is no proof bundle of version {VERSION}")
    told = reader.members(
        "donations_proof", "chain", "network", "genesis", "address", "asset", "units",
        "transfers", "headers",
    )  # fmt: skip
    transfers = tuple(_proven(each) for each in told["transfers"].items(MAX_TRANSFERS))
    if not transfers:
        raise told["transfers"].refuse("there is none")
    bundle = Bundle(
        chain=told["chain"].text(_TEXT, "a name"),
        network=told["network"].text(_TEXT, "a name"),
        genesis=told["genesis"].text(_HASH, "a block hash"),
        address=told["address"].text(_TEXT, "an address"),
        asset=told["asset"].text(_TEXT, "a symbol"),
        transfers=transfers,
        headers=tuple(_run(each) for each in told["headers"].items(_MAX_RUNS)),
    )
    if told["units"].units() != bundle.units:
        raise told["units"].refuse(f"the transfers make {bundle.units}")
    return bundle


def _proven(reader: _Reader) -> Proven:
    told = reader.members(
        "id", "units", "height", "block", "raw", "position", "branch", "coinbase",
        "coinbase_branch",
    )  # fmt: skip
    whole = "a transaction has 10 to 4,000,000"
    return Proven(
        id=told["id"].text(_ID, "the number of a transaction"),
        units=told["units"].units(),
        height=told["height"].number(_MAX_HEIGHT),
        block=told["block"].text(_HASH, "a block hash"),
        inclusion=Inclusion(
            raw=told["raw"].octets(_is_transaction, whole),
            branch=told["branch"].nodes(),
            position=told["position"].number(1 << MAX_DEPTH),
            coinbase=told["coinbase"].octets(_is_transaction, whole),
            coinbase_branch=told["coinbase_branch"].nodes(),
        ),
    )


def _is_transaction(size: int) -> bool:
    return 10 <= size <= _MAX_TRANSACTION


def _run(reader: _Reader) -> Run:
    told = reader.members("start", "raw")
    raw = told["raw"].octets(lambda size: size % HEADER_BYTES == 0, "headers have 80 each")
    headers = tuple(raw[at : at + HEADER_BYTES] for at in range(0, len(raw), HEADER_BYTES))
    return Run(told["start"].number(_MAX_HEIGHT), headers)
