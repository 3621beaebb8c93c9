"""A proof bundle as JSON, version 1, and back.

There is one way to write a bundle: what `read` returns, written again, is the same bytes. So no
byte of a bundle is without meaning, and none can be changed without notice.

    {"donations_proof": 1, "chain": "btc", "network": "mainnet", "genesis": HASH,
     "address": TEXT, "asset": "BTC", "contract": null, "units": "5000",
     "transfers": [TRANSFER, ...], "headers": [{"start": HEIGHT, "raw": HEX}, ...]}

``units`` are base units as decimal text, the sum of the transfers'. HASH is written as explorers
show it. TRANSFER of Bitcoin and Bitcoin Cash:

    {"id": TXID, "units": "5000", "height": 953600, "block": HASH, "raw": HEX, "position": 7,
     "branch": [HEX, ...], "coinbase": HEX, "coinbase_branch": [HEX, ...]}

``raw`` and ``coinbase`` are without witness, branches in hashing order (`proof.inclusion`).
``headers`` are rows of 80 bytes each. TRANSFER of Ethereum has "evidence" in the place of what
follows "block" (`proof.ethereum_evidence`), and there are no headers; ``contract`` is a token's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from donations.bundle.strict import Reader, decoded
from donations.errors import BundleRefused, UpstreamMalformed
from donations.proof.ethereum_evidence import EthereumEvidence, evidence_from, evidence_json
from donations.proof.headers import HEADER_BYTES
from donations.proof.inclusion import Inclusion
from donations.proof.merkle import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping

_FACTS: Final = ("id", "units", "height", "block")
_PARTS: Final = ("raw", "position", "branch", "coinbase", "coinbase_branch")
VERSION: Final = 1
MAX_BYTES: Final = 128 * 2**20
MAX_TRANSFERS: Final = 50_000
_MAX_TRANSACTION: Final = 4_000_000  # bytes: no block holds a larger one
_MAX_RUNS: Final = 2_000
_MAX_HEIGHT: Final = 1 << 31
_TEXT: Final = re.compile(r"[!-~]{1,120}")
_HASH: Final = re.compile(r"(?:0x)?[0-9a-f]{64}")
_CONTRACT: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_ID: Final = re.compile(r"(?:0x)?[0-9a-f]{64}(?::[0-9a-z]{1,10})?")


@dataclass(frozen=True, slots=True)
class Proven:
    """One transfer of a bundle: base units, its block, and what proves it."""

    id: str
    units: int
    height: int
    block: str
    evidence: Inclusion | EthereumEvidence


@dataclass(frozen=True, slots=True)
class Run:
    """The raw headers of the blocks from height ``start`` up."""

    start: int
    headers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is claimed of one asset at one address, and what proves it.

    ``contract`` is that of a token.
    """

    chain: str
    network: str
    genesis: str
    address: str
    asset: str
    transfers: tuple[Proven, ...]
    headers: tuple[Run, ...]
    contract: str | None = None

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
        "contract": bundle.contract,
        "units": str(bundle.units),
        "transfers": [_transfer_json(transfer) for transfer in bundle.transfers],
        "headers": [
            {"start": run.start, "raw": b"".join(run.headers).hex()} for run in bundle.headers
        ],
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def _transfer_json(transfer: Proven) -> dict[str, Any]:
    shown = transfer.evidence
    told = {
        "id": transfer.id,
        "units": str(transfer.units),
        "height": transfer.height,
        "block": transfer.block,
    }
    if isinstance(shown, EthereumEvidence):
        return {**told, "evidence": evidence_json(shown)}
    return {
        **told,
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
    bundle = _bundle(Reader("", decoded(text)))
    if write(bundle) != text:
        raise BundleRefused("it is not written as bundles are: there are bytes without a meaning")
    return bundle


def _bundle(reader: Reader) -> Bundle:
    if not isinstance(reader.value, dict) or reader.value.get("donations_proof") != VERSION:
        raise BundleRefused(f"it is no proof bundle of version {VERSION}")
    told = reader.members(
        "donations_proof", "chain", "network", "genesis", "address", "asset", "contract",
        "units", "transfers", "headers",
    )  # fmt: skip
    contract = None
    if told["contract"].value is not None:
        contract = told["contract"].text(_CONTRACT, "an address of a contract, or null")
    transfers = tuple(_proven(each) for each in told["transfers"].items(MAX_TRANSFERS))
    if not transfers:
        raise told["transfers"].refuse("there is none")
    bundle = Bundle(
        chain=told["chain"].text(_TEXT, "a name"),
        network=told["network"].text(_TEXT, "a name"),
        genesis=told["genesis"].text(_HASH, "a block hash"),
        address=told["address"].text(_TEXT, "an address"),
        asset=told["asset"].text(_TEXT, "a symbol"),
        contract=contract,
        transfers=transfers,
        headers=tuple(_run(each) for each in told["headers"].items(_MAX_RUNS)),
    )
    if told["units"].units() != bundle.units:
        raise told["units"].refuse(f"the transfers make {bundle.units}")
    return bundle


def _proven(reader: Reader) -> Proven:
    ethereum = isinstance(reader.value, dict) and "evidence" in reader.value
    told = reader.members(*_FACTS, *(("evidence",) if ethereum else _PARTS))
    return Proven(
        id=told["id"].text(_ID, "the number of a transaction"),
        units=told["units"].units(),
        height=told["height"].number(_MAX_HEIGHT),
        block=told["block"].text(_HASH, "a block hash"),
        evidence=_ethereum(told["evidence"]) if ethereum else _inclusion(told),
    )


def _inclusion(told: Mapping[str, Reader]) -> Inclusion:
    whole = "a transaction has 10 to 4,000,000"
    return Inclusion(
        raw=told["raw"].octets(_is_transaction, whole),
        branch=told["branch"].nodes(MAX_DEPTH),
        position=told["position"].number(1 << MAX_DEPTH),
        coinbase=told["coinbase"].octets(_is_transaction, whole),
        coinbase_branch=told["coinbase_branch"].nodes(MAX_DEPTH),
    )


def _ethereum(reader: Reader) -> EthereumEvidence:
    try:
        return evidence_from(reader.value)
    except UpstreamMalformed as error:
        raise reader.refuse(str(error)) from None


def _is_transaction(size: int) -> bool:
    return 10 <= size <= _MAX_TRANSACTION


def _run(reader: Reader) -> Run:
    told = reader.members("start", "raw")
    raw = told["raw"].octets(lambda size: size % HEADER_BYTES == 0, "headers have 80 each")
    headers = tuple(raw[at : at + HEADER_BYTES] for at in range(0, len(raw), HEADER_BYTES))
    return Run(told["start"].number(_MAX_HEIGHT), headers)
