"""The package ``bit`` as an independent reader of Bitcoin addresses and transactions.

It is never the only validator: it knows no taproot, accepts malformed bech32, and does not notice
a truncated transaction. Only its codecs are used, never its keys or its network.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from donations.errors import BadObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

# Its parser copies the rest of the bytes at every step: time grows with the square of the length.
MAX_TRANSACTION = 100_000


class Opinion(StrEnum):
    """What came of the question; a disagreement is an error instead."""

    AGREED = "agreed"
    NOT_ASKED = "not asked"


def check_script(address: str, script: bytes) -> Opinion:
    """Compare our locking script of a Bitcoin address. Raises BadObservation on disagreement."""
    if not _knows(script):
        return Opinion.NOT_ASKED
    from bit.transaction import address_to_scriptpubkey

    try:
        theirs = address_to_scriptpubkey(address)
    except (ValueError, TypeError) as error:
        raise BadObservation(f"bit does not read {address}: {error}") from error
    if theirs != script:
        raise BadObservation(
            f"two readers differ on the script of {address}: {script.hex()} and {theirs.hex()}"
        )
    return Opinion.AGREED


def check_transaction(raw: bytes, txid: str, outputs: Sequence[tuple[int, bytes]]) -> Opinion:
    """Compare our txid and outputs (satoshis, locking script) of a raw transaction.

    ``raw`` is a transaction that we parsed: on a cut one ``bit`` may not return. It may take a
    second of processor time near MAX_TRANSACTION bytes: call it in a thread.
    Raises BadObservation on disagreement.
    """
    if len(raw) > MAX_TRANSACTION:
        return Opinion.NOT_ASKED
    from bit.crypto import double_sha256
    from bit.transaction import deserialize

    try:
        theirs = deserialize(raw)
        # What bit's calc_txid does, which would parse the bytes a second time.
        their_txid = double_sha256(theirs.legacy_repr())[::-1].hex()
        their_outputs = [
            (int.from_bytes(output.amount, "little"), bytes(output.script_pubkey))
            for output in theirs.TxOut
        ]
    except (ValueError, TypeError, IndexError) as error:
        raise BadObservation(f"bit does not read transaction {txid}: {error}") from error
    if their_txid != txid:
        raise BadObservation(f"two readers differ on a txid: {txid} and {their_txid}")
    if their_outputs != list(outputs):
        raise BadObservation(f"two readers differ on the outputs of {txid}")
    return Opinion.AGREED


def _knows(script: bytes) -> bool:
    """Whether the script is of a kind ``bit`` can write: P2PKH, P2SH, witness version 0."""
    return script[:1] in (b"\x76", b"\xa9", b"\x00")
