"""Haskoin Store's HTTP interface, as api.haskoin.com serves it (Bitcoin Cash).

Its transactions name a height and no block hash, so heights are resolved by its blocks, whose
hashes are recomputed. Source: haskoin-store, ``Haskoin.Store.Web``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from donations.errors import UpstreamMalformed, UpstreamMoved
from donations.sources.explorer import Pages, Summary
from donations.sources.explorer_proofs import Place, branch_of
from donations.sources.haskoin_answers import (
    parse_block,
    parse_blocks,
    parse_health,
    parse_spender,
    parse_summary,
    parse_transaction,
    parse_transactions,
    parse_txids,
)
from donations.sources.transport import NotFound
from donations.sources.utxo_json import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from donations.ledger import Block
    from donations.sources.rest import Rest
    from donations.sources.utxo_json import Linked, Told

_PAGE = 50
_BLOCKS_AT_ONCE = 100
_AT_FIRST = 20


class HaskoinApi:
    """The paths; see `explorer.Api`."""

    protocol = "Haskoin Store"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def software(self) -> str:
        return parse_health(await self._rest.json("/health"))

    async def newest(self) -> list[Linked]:
        return [parse_block(await self._rest.json("/block/best?notx=true"))]

    async def page(self, height: int) -> list[Linked]:
        return await self._read(range(max(0, height - _AT_FIRST + 1), height + 1))

    async def blocks(self, heights: Iterable[int]) -> dict[int, Block]:
        wanted = sorted(heights)
        found: dict[int, Block] = {}
        for start in range(0, len(wanted), _BLOCKS_AT_ONCE):
            part = await self._read(wanted[start : start + _BLOCKS_AT_ONCE])
            found.update({each.block.height: each.block for each in part})
        return found

    async def _read(self, heights: Iterable[int]) -> list[Linked]:
        wanted = list(heights)
        names = ",".join(map(str, wanted))
        answer = await self._rest.json(f"/block/heights?heights={names}&notx=true")
        return parse_blocks(answer, wanted)

    async def summary(self, address: str) -> Summary:
        return parse_summary(await self._rest.json(f"/address/{quote(address, safe=':')}/balance"))

    async def pages(self, address: str, floor: int, summary: Summary) -> Pages:
        path = f"/address/{quote(address, safe=':')}/transactions/full?limit={_PAGE}&offset="
        pages, wanted, read = Pages(floor), summary.total > 0, 0
        while wanted:
            answer = listed(await self._rest.json(f"{path}{read}"), "transactions/full")
            page = parse_transactions(answer)
            read += len(answer)
            wanted = pages.add(page) and read < summary.total
        return pages

    async def transaction(self, txid: str) -> Told:
        told = parse_transaction(await self._rest.json(f"/transaction/{txid}"))
        if told is None or told.txid != txid:
            raise UpstreamMalformed(f"asked for {txid}, got another transaction or none")
        return told

    async def spender(self, outpoint: str) -> Told | None:
        txid, _, n = outpoint.partition(":")
        try:
            spender = parse_spender(await self._rest.json(f"/transaction/{txid}"), txid, int(n))
            return None if spender is None else await self.transaction(spender)
        except NotFound:
            return None

    async def header(self, height: int) -> Linked:
        return (await self._read([height]))[0]

    async def headers(self, start: int, count: int) -> list[Linked]:
        return await self._read(range(start, start + min(count, _BLOCKS_AT_ONCE)))

    async def place(self, txid: str, block: Block) -> Place:
        txids = parse_txids(await self._rest.json(f"/block/{block.hash}"), block)
        if txid not in txids:
            raise UpstreamMoved(f"{txid} stands in another block than {block.height}")
        position = txids.index(txid)
        return Place(position, branch_of(txids, position), txids[0], branch_of(txids, 0))
