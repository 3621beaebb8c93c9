"""Every proof of Ethereum that is kept, checked anew, with what it is the proof of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from donations.errors import DonationsError
from donations.ledger import Block
from donations.proof.ethereum_evidence import Claim, check_evidence, check_together, evidence_from
from donations.rows import transfer_of

if TYPE_CHECKING:
    import sqlite3

    from donations.config import ChainSettings
    from donations.doctor.faults import Faults
    from donations.proof.ethereum_evidence import EthereumEvidence


def check_ethereum(
    connection: sqlite3.Connection, name: str, settings: ChainSettings, faults: Faults
) -> int:
    """How many proofs there are; what is wrong with them goes to ``faults``."""
    contracts = {token.symbol: token.contract for token in settings.tokens}
    pairs: list[tuple[EthereumEvidence, Claim]] = []
    for row in connection.execute(
        "SELECT * FROM transfers WHERE chain = ? AND level = 'proven'", (name,)
    ):
        transfer = transfer_of(row)
        key = (name, transfer.key.address, transfer.key.asset, transfer.id)
        kept = connection.execute(
            "SELECT * FROM ethereum_proofs "
            "WHERE chain = ? AND address = ? AND asset = ? AND id = ?",
            key,
        ).fetchone()
        if kept is None:
            faults.add("transfers that are called proven, without a proof", transfer.id)
            continue
        native = transfer.key.asset == settings.chain.symbol
        if transfer.block != Block(kept.height, kept.hash, kept.time):
            continue  # it moved to another block
        if not native and transfer.key.asset not in contracts:
            continue  # the token is no longer listed: nobody says which contract it was
        contract = contracts.get(transfer.key.asset)
        claim = Claim(transfer.id, transfer.key.address, transfer.amount, kept.hash, contract)
        try:
            evidence = evidence_from(json.loads(kept.evidence))
            check_evidence(evidence, claim)
        except (DonationsError, json.JSONDecodeError) as error:
            faults.add("proofs that do not hold", f"{transfer.id}: {error}")
            continue
        pairs.append((evidence, claim))
    try:
        check_together(pairs)
    except DonationsError as error:
        faults.add("proofs that do not hold", str(error))
    return len(pairs)
