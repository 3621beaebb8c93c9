"""Esplora's HTTP interface, as blockstream.info and mempool.space serve it (Bitcoin).

Source: Blockstream/esplora API.md. What wears its shape over an Electrum server is refused: there
``funded_txo_sum`` is the balance, and pages go round in circles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from donations.errors import UpstreamMalformed, UpstreamMoved
from donations.reasons import Reason
from donations.sources.esplora_answers import (
    parse_blocks,
    parse_proof,
    parse_spender,
    parse_summary,
    parse_transaction,
    parse_transactions,
)
from donations.sources.explorer import Pages, Summary
from donations.sources.explorer_proofs import Place
from donations.sources.transport import NotFound
from donations.sources.utxo_json import a_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.ledger import Block
    from donations.sources.rest import Rest
    from donations.sources.utxo_json import Linked, Told

# The list of the mempool is cut after so many, and has no second page.
MAX_PENDING = 50
# At so many is the answer of /blocks.
_BLOCKS = 10


class EsploraApi:
    """The paths; see `explorer.Api`."""

    protocol = "Esplora"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def software(self) -> str:
        return "Esplora"

    async def newest(self) -> list[Linked]:
        return parse_blocks(await self._rest.json("/blocks"))

    async def page(self, height: int) -> list[Linked]:
        return parse_blocks(await self._rest.json(f"/blocks/{height}"), height)

    async def blocks(self, heights: Iterable[int]) -> dict[int, Block]:
        found: dict[int, Block] = {}
        wanted = set(heights)
        for height in sorted(wanted, reverse=True):
            if height not in found:
                page = await self.page(height)
                found.update({each.block.height: each.block for each in page})
        return {height: found[height] for height in wanted}

    async def summary(self, address: str) -> Summary:
        return parse_summary(await self._rest.json(f"/address/{quote(address, safe='')}"))

    async def pages(self, address: str, floor: int, summary: Summary) -> Pages:
        path = f"/address/{quote(address, safe='')}/txs"
        pages = Pages(floor)
        if summary.pending:
            pending = parse_transactions(await self._rest.json(f"{path}/mempool"))
            if any(told.height is not None for told in pending):
                raise UpstreamMoved("what was pending has a block by now")
            if len(pending) >= MAX_PENDING:
                raise UpstreamMalformed(
                    f"it lists at most {MAX_PENDING} unconfirmed transactions, and there are more: "
                    "an Electrum server tells them all",
                    why=Reason.TOO_LARGE,
                )
            pages.add(pending)
        confirmed = summary.total - (summary.pending or 0)
        wanted, path = confirmed > 0, f"{path}/chain"
        while wanted:
            last = f"/{pages.confirmed[-1].txid}" if pages.confirmed else ""
            page = parse_transactions(await self._rest.json(path + last))
            if any(told.height is None for told in page):
                raise UpstreamMalformed("an unconfirmed transaction stands among confirmed ones")
            wanted = pages.add(page) and len(pages.confirmed) < confirmed
        return pages

    async def transaction(self, txid: str) -> Told:
        told = parse_transaction(await self._rest.json(f"/tx/{txid}"))
        if told.txid != txid:
            raise UpstreamMalformed(f"asked for {txid}, got {told.txid}")
        return told

    async def spender(self, outpoint: str) -> Told | None:
        txid, _, n = outpoint.partition(":")
        try:
            spender = parse_spender(await self._rest.json(f"/tx/{txid}/outspend/{n}"))
            return None if spender is None else await self.transaction(spender)
        except NotFound:
            return None

    async def header(self, height: int) -> Linked:
        return (await self.page(height))[-1]

    async def headers(self, start: int, count: int) -> list[Linked]:
        page = await self.page(start + min(count, _BLOCKS) - 1)
        return [each for each in page if each.block.height >= start]

    async def place(self, txid: str, block: Block) -> Place:
        coinbase = a_hash(await self._rest.text(f"/block/{block.hash}/txid/0"), "txid")
        proof = parse_proof(await self._rest.json(f"/tx/{txid}/merkle-proof"), block.height)
        first = parse_proof(await self._rest.json(f"/tx/{coinbase}/merkle-proof"), block.height)
        if first[0]:
            raise UpstreamMalformed("its first transaction of a block stands elsewhere")
        return Place(*proof, coinbase, first[1])
