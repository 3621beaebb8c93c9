"""Etherscan V2, or a Blockscout: what plain nodes do not tell of an Ethereum address.

The operator's own key goes with each request; nothing that is logged or shown holds it. What an
explorer says is never added to a total: it names the transactions of what was found by state, or
fills in a past that has to add up to the wei.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from donations.errors import UpstreamUnavailable
from donations.sources.etherscan_answers import (
    Called,
    Inside,
    Withdrawn,
    parse_called,
    parse_inside,
    parse_withdrawn,
)
from donations.sources.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.chains.base import Explorer

# Three calls a second with a free key.
_PAUSE = 0.4
# Rows of a request, since 2026-07; and page times rows is at most 10,000.
_ROWS = 1_000
_PAGES = 10

_Row = TypeVar("_Row")


class EtherscanApi:
    """Lists of one address. All methods raise UpstreamError."""

    def __init__(self, explorer: Explorer, chain_id: int) -> None:
        self._rest = Rest(explorer.url, _PAUSE)
        self._key, self._chain_id = explorer.key, chain_id
        self.name = explorer.kind
        self.tells_withdrawals = explorer.kind == "etherscan"

    async def inside(self, address: str, first: int, last: int) -> list[Inside]:
        """Payments out of contract calls, to and from the address, in these blocks."""
        return await self._all("txlistinternal", address, first, last, parse_inside)

    async def called(self, address: str, first: int, last: int) -> list[Called]:
        """Transactions from and to the address."""
        return await self._all("txlist", address, first, last, parse_called)

    async def withdrawn(self, address: str, first: int, last: int) -> list[Withdrawn]:
        """Withdrawals of validators; none where the explorer has no list of them."""
        if not self.tells_withdrawals:
            return []
        return await self._all("txsBeaconWithdrawal", address, first, last, parse_withdrawn)

    async def close(self) -> None:
        await self._rest.close()

    async def _all(
        self, action: str, address: str, first: int, last: int, parse: Callable[[Any], list[_Row]]
    ) -> list[_Row]:
        found: list[_Row] = []
        for page in range(1, _PAGES + 1):
            query = {
                "chainid": self._chain_id,
                "module": "account",
                "action": action,
                "address": address,
                "startblock": first,
                "endblock": last,
                "page": page,
                "offset": _ROWS,
                "sort": "asc",
                "apikey": self._key,
            }
            answer = await self._rest.json("?" + urlencode(query))
            rows = parse(answer)
            found += rows
            if not isinstance(answer["result"], list) or len(answer["result"]) < _ROWS:
                return found
        raise UpstreamUnavailable(f"the explorer lists no more than {_ROWS * _PAGES} rows")
