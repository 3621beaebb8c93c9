"""Every proof that is kept, checked anew: bytes, branches, headers, and the amounts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.chains.base import Protocol
from donations.doctor.faults import Faults
from donations.doctor.finding import fault, fine
from donations.doctor.proofs_ethereum import check_ethereum
from donations.errors import DonationsError
from donations.ledger import Block
from donations.proof.header_chain import HeaderChain
from donations.proof.headers import parse_header
from donations.proof.inclusion import Inclusion, check_inclusion
from donations.proof.transaction import without_token
from donations.rows import transfer_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from donations.config import ChainSettings, Config
    from donations.doctor.finding import Finding
    from donations.proof.transaction import RawTransaction

_NODE_BYTES = 32
_CURE = (
    "keep a copy of the database and report it: something else than this program changed it, or "
    "the disk fails; the gift itself is safe on its chain"
)


def check_proofs(connection: sqlite3.Connection, config: Config) -> Iterator[Finding]:
    """Whether all that is called proven is, by the bytes that are kept and nothing else."""
    faults, checked, headers = Faults(), 0, 0
    for name, settings in config.chains.items():
        ground = settings.network.ground
        if settings.chain.protocol is Protocol.ETHEREUM:
            checked += check_ethereum(connection, name, settings, faults)
        if ground is None:
            continue
        chain = HeaderChain(ground)
        kept = connection.execute(
            "SELECT height, raw FROM headers WHERE chain = ? ORDER BY height", (name,)
        )
        chain.load((row.height, row.raw) for row in kept)
        headers += sum(1 for _ in chain.rows())
        for row in connection.execute(
            "SELECT * FROM transfers WHERE chain = ? AND level = 'proven'", (name,)
        ):
            transfer = transfer_of(row)
            proof = connection.execute(
                "SELECT * FROM proofs WHERE chain = ? AND txid = ?", (name, transfer.hash)
            ).fetchone()
            if proof is None:
                faults.add("transfers that are called proven, without a proof", transfer.id)
                continue
            if transfer.block != Block(proof.height, proof.hash, proof.time):
                continue  # it moved to another block, and waits for the proof of that one
            try:
                transaction = _checked(proof, chain)
            except DonationsError as error:
                faults.add("proofs that do not hold", f"{transfer.id}: {error}")
                continue
            brings = sum(_paid(transaction, settings, transfer.key.address))
            if brings != sum(units for _, units in transfer.brings):
                faults.add(
                    "amounts that are not those of the proven bytes",
                    f"{transfer.id}: the bytes bring {brings}",
                )
            checked += 1
    for line in faults.lines():
        yield fault("proofs", line, _CURE)
    if not faults.counts:
        yield fine("proofs", f"{checked} hold, under {headers} headers")


def _checked(proof: Any, chain: HeaderChain) -> RawTransaction:
    header = parse_header(proof.header)
    transaction = check_inclusion(
        Inclusion(
            raw=proof.raw,
            branch=_nodes(proof.branch),
            position=proof.position,
            coinbase=proof.coinbase,
            coinbase_branch=_nodes(proof.coinbase_branch),
        ),
        header,
        proof.height,
    )
    if (transaction.txid, header.hash) != (proof.txid, proof.hash):
        raise DonationsError("it is of another transaction or block")
    if not chain.holds(Block(proof.height, proof.hash, header.time)):
        raise DonationsError(f"block {proof.height} is not on the chain of the kept headers")
    return transaction


def _nodes(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[at : at + _NODE_BYTES] for at in range(0, len(joined), _NODE_BYTES))


def _paid(transaction: RawTransaction, settings: ChainSettings, address: str) -> Iterator[int]:
    if settings.chain.script is None:
        return
    script = settings.chain.script(address, settings.network)
    for locking, units in transaction.outputs:
        if script in (locking, without_token(locking) if settings.chain.name == "bch" else b""):
            yield units
