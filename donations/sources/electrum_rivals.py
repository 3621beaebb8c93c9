"""Who took the place of a transaction that is no longer there.

A rival that does not pay us is not in our history, so it is looked for in the histories of the
scripts that the missing transaction spends from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.errors import UpstreamMalformed
from donations.ledger import Transaction
from donations.proof.transaction import RawTransaction, parse_transaction
from donations.sources.electrum_connection import ServerError
from donations.sources.electrum_history import parse_history, scripthash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from donations.ledger import Transfer
    from donations.sources.electrum_blocks import Blocks
    from donations.sources.electrum_connection import Connection

_INPUTS_TRIED = 8
_CANDIDATES_TRIED = 40


async def find_rivals(
    connection: Connection, unsettled: Iterable[Transfer], listed: Collection[str], blocks: Blocks
) -> list[Transaction]:
    """For each unsettled transfer that the history no longer lists, what consumes the same.

    Raises UpstreamError. A server that does not know a parent any more, or holds too long a
    history for it, ends the search for that input, not the observation.
    """
    rivals: dict[str, Transaction] = {}
    for transfer in unsettled:
        if transfer.id in listed:
            continue
        for outpoint in sorted(transfer.consumes)[:_INPUTS_TRIED]:
            try:
                rival = await _spender(connection, outpoint, transfer.id, blocks)
            except ServerError:
                continue
            if rival is not None and rival.id not in listed:
                rivals[rival.id] = rival
            if rival is not None:
                break
    return list(rivals.values())


async def _spender(
    connection: Connection, outpoint: str, not_this: str, blocks: Blocks
) -> Transaction | None:
    parent_txid, _, n = outpoint.partition(":")
    parent = await _transaction(connection, parent_txid)
    if int(n) >= len(parent.outputs):
        return None  # an invented transaction spends what never was
    script, _ = parent.outputs[int(n)]
    history = parse_history(
        await connection.call("blockchain.scripthash.get_history", scripthash(script))
    )
    candidates = [row for row in reversed(history.rows) if row.txid not in (not_this, parent_txid)]
    for row in candidates[:_CANDIDATES_TRIED]:
        transaction = await _transaction(connection, row.txid)
        if outpoint in transaction.inputs:
            block = None
            if row.height is not None:
                block = (await blocks.at(connection, [row.height]))[row.height]
            return Transaction(row.txid, block, frozenset(transaction.inputs))
    return None


async def _transaction(connection: Connection, txid: str) -> RawTransaction:
    answer = await connection.call("blockchain.transaction.get", txid, False)
    if not isinstance(answer, str):
        raise UpstreamMalformed("transaction.get: not a text")
    try:
        transaction = parse_transaction(bytes.fromhex(answer))
    except ValueError:
        raise UpstreamMalformed("transaction.get: no hexadecimal text") from None
    if transaction.txid != txid:
        raise UpstreamMalformed(f"transaction.get: asked for {txid}, got {transaction.txid}")
    return transaction
