"""What proves an Ethereum gift, as it is kept and shown: small, and complete in itself.

A payment by a transaction or a token's log is proven by inclusion, what came from inside a call by
the growth of the account in its block. Each rests on a header, and the header on the operators
that hold its hash at or below their finalized block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from donations.errors import BadObservation, UpstreamMalformed
from donations.proof.ethereum_fields import data, listed, number, octets, optional, value
from donations.proof.ethereum_header import EthereumHeader, parse_ethereum_header
from donations.proof.ethereum_inclusion import (
    EthereumInclusion,
    Growth,
    check_ethereum_inclusion,
    check_growth,
)
from donations.proof.ethereum_logs import transfer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.proof.ethereum_transaction import Receipt

INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class EthereumEvidence:
    """``header`` is its RLP. ``operators`` hold its hash in a final block.

    ``shown`` is an inclusion for a payment or a token's log, a growth for internal income.
    """

    header: bytes
    shown: EthereumInclusion | Growth
    operators: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """A gift as the ledger has it; ``contract`` is the token's, None for ether.

    ``id`` is the transaction's hash; with ":" and the ordinal of the log in its receipt for a
    token; the block's hash and ":internal" for what came from inside calls.
    """

    id: str
    address: str
    amount: int
    block_hash: str
    contract: str | None = None


def check_evidence(evidence: EthereumEvidence, claim: Claim) -> EthereumHeader:
    """The header that the claim rests on, once the evidence proves all the rest of it.

    Raises UpstreamMalformed for what cannot be read, BadObservation for what does not prove it,
    Unprovable for a transaction of a type not known here.
    """
    header = parse_ethereum_header(evidence.header)
    if header.hash != claim.block_hash.lower():
        raise BadObservation(f"the evidence is of block {header.hash}, not {claim.block_hash}")
    if isinstance(evidence.shown, Growth):
        proven = _internal(evidence.shown, header, claim)
    else:
        proven = _included(evidence.shown, header, claim)
    if proven != claim.amount:
        raise BadObservation(f"{claim.id}: {proven} is proven, not {claim.amount}")
    return header


def check_together(proven: Sequence[tuple[EthereumEvidence, Claim]]) -> None:
    """That no wei is counted twice by claims that are proven one by one.

    A payment that stands on its own must not hide in the growth of its block too, and nothing is
    claimed twice. Raises BadObservation; UpstreamMalformed for what cannot be read.
    """
    names = [(claim.id, claim.address.lower(), claim.contract) for _, claim in proven]
    if len(set(names)) != len(names):
        raise BadObservation("one gift is claimed twice")
    for evidence, claim in proven:
        if not isinstance(evidence.shown, Growth):
            continue
        counted = {payment.index for payment in evidence.shown.payments}
        for other, beside in proven:
            same = (beside.block_hash, beside.address) == (claim.block_hash, claim.address)
            if not same or beside.contract is not None or isinstance(other.shown, Growth):
                continue
            if other.shown.index not in counted:
                raise BadObservation(f"{beside.id} is counted in {claim.id} once more")


def _internal(growth: Growth, header: EthereumHeader, claim: Claim) -> int:
    if claim.contract is not None or claim.id != f"{header.hash}:{INTERNAL}":
        raise BadObservation(f"a growth of ether does not prove {claim.id}")
    grown, _ = check_growth(growth, header, parse_ethereum_header(growth.parent), claim.address)
    return grown


def _included(inclusion: EthereumInclusion, header: EthereumHeader, claim: Claim) -> int:
    transaction, receipt = check_ethereum_inclusion(inclusion, header)
    identity, _, ordinal = claim.id.partition(":")
    if transaction.hash != identity:
        raise BadObservation(f"the evidence is of {transaction.hash}, not of {identity}")
    if not receipt.succeeded:
        raise BadObservation(f"{identity} failed: it moved nothing")
    if claim.contract is not None:
        return _moved(receipt, ordinal, claim)
    if ordinal or transaction.to != claim.address.lower():
        raise BadObservation(f"{identity} pays {transaction.to}, not {claim.address}")
    return transaction.value


def _moved(receipt: Receipt, ordinal: str, claim: Claim) -> int:
    if not ordinal.isdecimal() or int(ordinal) >= len(receipt.logs):
        raise BadObservation(f"{claim.id}: there is no such log")
    log = receipt.logs[int(ordinal)]
    moved = transfer_of(log)
    if claim.contract is None or log.address != claim.contract.lower() or moved is None:
        raise BadObservation(f"{claim.id} is no transfer of the token")
    if moved[1] != claim.address.lower():
        raise BadObservation(f"{claim.id} pays {moved[1]}, not {claim.address}")
    return moved[2]


# -- as JSON


def evidence_json(evidence: EthereumEvidence) -> dict[str, Any]:
    """The evidence as JSON: bytes as 0x text."""
    told: dict[str, Any] = {
        "header": _text(evidence.header),
        "operators": sorted(evidence.operators),
    }
    if isinstance(evidence.shown, Growth):
        growth = evidence.shown
        told["growth"] = {
            "parent": _text(growth.parent),
            "before": _texts(growth.before),
            "after": _texts(growth.after),
            "withdrawals": _texts(growth.withdrawals),
            "payments": [_inclusion_json(payment) for payment in growth.payments],
        }
    else:
        told["inclusion"] = _inclusion_json(evidence.shown)
    return told


def evidence_from(told: Any) -> EthereumEvidence:
    """The evidence that `evidence_json` told. Raises UpstreamMalformed."""
    names = listed(told, "operators")
    if not all(isinstance(name, str) for name in names):
        raise UpstreamMalformed("operators are no names")
    shown: EthereumInclusion | Growth
    if optional(told, "growth") is not None:
        growth = value(told, "growth")
        shown = Growth(
            parent=data(growth, "parent"),
            before=_nodes(growth, "before"),
            after=_nodes(growth, "after"),
            withdrawals=_nodes(growth, "withdrawals"),
            payments=tuple(_inclusion(each) for each in listed(growth, "payments")),
        )
    else:
        shown = _inclusion(value(told, "inclusion"))
    return EthereumEvidence(data(told, "header"), shown, frozenset(names))


def _inclusion_json(inclusion: EthereumInclusion) -> dict[str, Any]:
    return {
        "index": hex(inclusion.index),
        "transaction": _texts(inclusion.transaction),
        "receipt": _texts(inclusion.receipt),
    }


def _inclusion(told: Any) -> EthereumInclusion:
    return EthereumInclusion(
        number(told, "index"), _nodes(told, "transaction"), _nodes(told, "receipt")
    )


def _nodes(told: Any, name: str) -> tuple[bytes, ...]:
    return tuple(octets(node, name) for node in listed(told, name))


def _text(raw: bytes) -> str:
    return "0x" + raw.hex()


def _texts(raws: tuple[bytes, ...]) -> list[str]:
    return [_text(raw) for raw in raws]
