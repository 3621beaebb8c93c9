"""What is kept beside the ledger to show why it is believed: claims, headers, proofs, convictions.

Each function is one statement or two on an open connection; the store says when they commit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from donations.amounts import parse_units
from donations.ledger import Block, Key
from donations.proof.ethereum_evidence import EthereumEvidence, evidence_from, evidence_json
from donations.proof.inclusion import Inclusion
from donations.rows import key_row, of_key, portions, put
from donations.schema import ATTRIBUTIONS, CLAIMS, CONVICTIONS, ETHEREUM_PROOFS, HEADERS, PROOFS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from sqlalchemy import Connection
    from sqlalchemy.engine import Row

_NODE_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeptClaim:
    """A transaction that fewer operators tell than must agree: base units, never counted.

    ``place`` is (height, hash) of the block they name, None for a mempool. ``since`` is in Unix
    seconds.
    """

    key: Key
    id: str
    operators: tuple[str, ...]
    units: int
    place: tuple[int, str] | None
    since: int


@dataclass(frozen=True, slots=True)
class Proof:
    """That a transaction stands in a block, checked against ``header``, the 80 bytes of it."""

    chain: str
    txid: str
    block: Block
    header: bytes
    inclusion: Inclusion


@dataclass(frozen=True, slots=True)
class EthereumProof:
    """What proves one gift of a key on Ethereum.

    ``inside`` are (transaction, base units) that brought what came from inside calls, where the
    block tells.
    """

    key: Key
    id: str
    block: Block
    evidence: EthereumEvidence
    inside: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Conviction:
    """An operator caught in a lie: out of the vote until ``until`` (Unix seconds).

    ``configuration`` stands for its upstreams as they were: with others it begins anew.
    """

    chain: str
    operator: str
    reason: str
    evidence: str
    at: int
    until: int
    configuration: str


def replace_claims(connection: Connection, key: Key, claims: Iterable[KeptClaim]) -> None:
    """Keep these claims of a key, and no other."""
    connection.execute(delete(CLAIMS).where(*of_key(CLAIMS, key)))
    values = [
        {
            **key_row(claim.key),
            "id": claim.id,
            "operators": "\n".join(claim.operators),
            "units": str(claim.units),
            "block_height": claim.place[0] if claim.place else None,
            "block_hash": claim.place[1] if claim.place else None,
            "since": claim.since,
        }
        for claim in claims
    ]
    if values:
        put(connection, CLAIMS, values)


def read_claims(connection: Connection) -> list[KeptClaim]:
    """All claims, the oldest first."""
    return [
        KeptClaim(
            Key(row.chain, row.address, row.asset),
            row.id,
            tuple(row.operators.split("\n")),
            parse_units(row.units),
            None if row.block_height is None else (row.block_height, row.block_hash),
            row.since,
        )
        for row in connection.execute(select(CLAIMS).order_by(CLAIMS.c.since, CLAIMS.c.id))
    ]


def put_headers(
    connection: Connection, chain: str, rows: Iterable[tuple[int, bytes]], fork: int | None
) -> None:
    """Keep headers by height; after a reorg in the place of all that lie above ``fork``."""
    if fork is not None:
        connection.execute(delete(HEADERS).where(HEADERS.c.chain == chain, HEADERS.c.height > fork))
    values = [{"chain": chain, "height": height, "raw": raw} for height, raw in rows]
    if values:
        put(connection, HEADERS, values)


def read_headers(
    connection: Connection, chain: str, first: int, last: int
) -> list[tuple[int, bytes]]:
    """(height, 80 bytes) of the kept headers between two heights, both included, rising."""
    query = (
        select(HEADERS.c.height, HEADERS.c.raw)
        .where(HEADERS.c.chain == chain, HEADERS.c.height.between(first, last))
        .order_by(HEADERS.c.height)
    )
    return [(row.height, row.raw) for row in connection.execute(query)]


def put_proofs(connection: Connection, proofs: Iterable[Proof]) -> None:
    """Keep proofs by transaction, each in the place of an older one."""
    values = [
        {
            "chain": proof.chain,
            "txid": proof.txid,
            "height": proof.block.height,
            "hash": proof.block.hash,
            "time": proof.block.time,
            "header": proof.header,
            "raw": proof.inclusion.raw,
            "position": proof.inclusion.position,
            "branch": b"".join(proof.inclusion.branch),
            "coinbase": proof.inclusion.coinbase,
            "coinbase_branch": b"".join(proof.inclusion.coinbase_branch),
        }
        for proof in proofs
    ]
    if values:
        put(connection, PROOFS, values)


def read_proofs(connection: Connection, chain: str, txids: Iterable[str]) -> Iterator[Proof]:
    """The proofs of those of ``txids`` that have one."""
    for some in portions(txids):
        where = (PROOFS.c.chain == chain, PROOFS.c.txid.in_(some))
        yield from map(_proof, connection.execute(select(PROOFS).where(*where)))


def read_places(connection: Connection, chain: str, txids: Iterable[str]) -> dict[str, Block]:
    """The blocks in which those of ``txids`` were proven to stand."""
    columns = (PROOFS.c.txid, PROOFS.c.height, PROOFS.c.hash, PROOFS.c.time)
    found = {}
    for some in portions(txids):
        query = select(*columns).where(PROOFS.c.chain == chain, PROOFS.c.txid.in_(some))
        for row in connection.execute(query):
            found[row.txid] = Block(row.height, row.hash, row.time)
    return found


def put_ethereum_proofs(connection: Connection, proofs: Iterable[EthereumProof]) -> None:
    """Keep proofs by transfer, each in the place of an older one."""
    for proof in proofs:
        row = {
            **key_row(proof.key),
            "id": proof.id,
            "height": proof.block.height,
            "hash": proof.block.hash,
            "time": proof.block.time,
            "evidence": json.dumps(evidence_json(proof.evidence)),
        }
        put(connection, ETHEREUM_PROOFS, [row])
        put_attributions(connection, proof.key, proof.id, proof.inside)


def put_attributions(
    connection: Connection, key: Key, identity: str, inside: Iterable[tuple[str, int]]
) -> None:
    """Keep (transaction, base units) under a transfer that came from inside calls."""
    under = {**key_row(key), "id": identity}
    rows = [{**under, "txid": txid, "units": str(units)} for txid, units in inside]
    if rows:
        put(connection, ATTRIBUTIONS, rows)


def read_ethereum_proofs(
    connection: Connection, key: Key, ids: Iterable[str]
) -> Iterator[EthereumProof]:
    """The proofs of those of ``ids`` that have one."""
    for some in portions(ids):
        where = (*of_key(ETHEREUM_PROOFS, key), ETHEREUM_PROOFS.c.id.in_(some))
        inside = read_attributions(connection, key, some)
        for row in connection.execute(select(ETHEREUM_PROOFS).where(*where)):
            yield EthereumProof(
                key,
                row.id,
                Block(row.height, row.hash, row.time),
                evidence_from(json.loads(row.evidence)),
                inside.get(row.id, ()),
            )


def read_attributions(
    connection: Connection, key: Key, ids: Iterable[str]
) -> dict[str, tuple[tuple[str, int], ...]]:
    """(transaction, base units) under those of ``ids`` that came from inside calls."""
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for some in portions(ids):
        where = (*of_key(ATTRIBUTIONS, key), ATTRIBUTIONS.c.id.in_(some))
        query = select(ATTRIBUTIONS).where(*where).order_by(ATTRIBUTIONS.c.txid)
        for row in connection.execute(query):
            found[row.id] = (*found.get(row.id, ()), (row.txid, parse_units(row.units)))
    return found


def put_conviction(connection: Connection, conviction: Conviction) -> None:
    """Keep what an operator was convicted of last."""
    fields = Conviction.__dataclass_fields__
    put(connection, CONVICTIONS, [{name: getattr(conviction, name) for name in fields}])


def read_convictions(connection: Connection) -> list[Conviction]:
    """What each operator was convicted of last, also those that are over."""
    return [Conviction(**row._mapping) for row in connection.execute(select(CONVICTIONS))]


def _proof(row: Row[Any]) -> Proof:
    return Proof(
        row.chain,
        row.txid,
        Block(row.height, row.hash, row.time),
        row.header,
        Inclusion(
            row.raw, _nodes(row.branch), row.position, row.coinbase, _nodes(row.coinbase_branch)
        ),
    )


def _nodes(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[at : at + _NODE_BYTES] for at in range(0, len(joined), _NODE_BYTES))
