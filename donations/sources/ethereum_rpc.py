"""Ethereum JSON-RPC through web3, over our own strict transport.

web3's own HTTP provider accepts a wrong id, a null balance, a redirect and any size (measured with
8.0.0), so only its codecs are used: this provider carries the bytes. Nothing here retries.
Source: Ethereum execution-apis; JSON-RPC 2.0 sections 4 to 6.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from web3.providers.async_base import AsyncJSONBaseProvider

from donations.errors import UpstreamError, UpstreamMalformed, UpstreamUnavailable
from donations.ledger import Block
from donations.reasons import Reason
from donations.sources.transport import post_json, session

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aiohttp
    from web3.types import RPCEndpoint, RPCResponse

Item = tuple[str, list[Any]]

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_PRUNED = re.compile(
    r"trie node|no state|state .{0,90}(not available|unavailable)|historical|archive|pruned|"
    r"block .{0,40}not (found|available)|distance to target|BlockOutOfRange",
    re.IGNORECASE,
)
_LARGEST_BATCH = 100
# A refusal may have been the weather: after so long a large batch is tried again.
_SMALL_FOR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class RpcError:
    """The error of one item; the others of its batch can still be good."""

    code: int
    message: str

    @property
    def pruned(self) -> bool:
        """Whether it says that the state or block asked for is no longer kept."""
        return _PRUNED.search(self.message) is not None

    def raised(self, method: str) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            f"{method}: error {self.code}: {self.message[:120]}", why=Reason.RPC_ERROR
        )


class StrictProvider(AsyncJSONBaseProvider):
    """One endpoint; every item of a batch is answered exactly once or the batch is refused.

    The size of batches adapts: an endpoint that refuses one gets smaller ones for an hour.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self._batch = _LARGEST_BATCH
        self._refused_at = 0.0
        self._id = 0

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """web3's way in. Raises UpstreamError, also for an error that the endpoint tells."""
        answer = await self.one(method, *params)
        return {"jsonrpc": "2.0", "id": self._id, "result": answer}

    async def ask(self, items: Sequence[Item]) -> list[Any]:
        """The result, or RpcError, of each (method, params), in their order.

        Raises UpstreamError when the endpoint as a whole gave no proper answer.
        """
        results: list[Any] = []
        largest = self._batch
        if time.monotonic() > self._refused_at + _SMALL_FOR_SECONDS:
            largest = self._batch = _LARGEST_BATCH
        while len(results) < len(items):
            part = items[len(results) : len(results) + self._batch]
            try:
                answers = await self._post(part)
            except UpstreamUnavailable:
                # It is the endpoint that fails, not the batch that is too large.
                self._batch = largest
                raise
            if answers is None:
                self._batch = max(1, len(part) // 2)
                self._refused_at = time.monotonic()
            else:
                results += answers
        return results

    async def one(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises UpstreamError also for an error of the item."""
        (answer,) = await self.ask([(method, list(params))])
        if isinstance(answer, RpcError):
            raise answer.raised(method)
        return answer

    async def _post(self, items: Sequence[Item]) -> list[Any] | None:
        """The answers of one HTTP request; None: this endpoint takes no batch of that size."""
        first = self._id + 1
        self._id += len(items)
        envelopes = [
            {"jsonrpc": "2.0", "id": first + n, "method": method, "params": params}
            for n, (method, params) in enumerate(items)
        ]
        body = json.dumps(envelopes[0] if len(items) == 1 else envelopes, separators=(",", ":"))
        if self._session is None:
            self._session = session()
        try:
            answer = await post_json(self._session, self._url, body.encode())
        except UpstreamUnavailable as error:
            if len(items) > 1 and str(error) in ("HTTP 400", "HTTP 403", "HTTP 413", "HTTP 500"):
                return None
            raise
        if len(items) == 1:
            return [parse_result(answer, first)]
        if isinstance(answer, list) and len(answer) == 1:
            (answer,) = answer  # geth refuses a batch by a list of one error
        if isinstance(answer, dict) and "error" in answer:
            return None
        return parse_batch(answer, first, len(items))


def parse_batch(answer: Any, first: int, count: int) -> list[Any]:
    """The results of a batch in the order of its ids, from ``first``. Raises UpstreamMalformed."""
    if not isinstance(answer, list) or len(answer) != count:
        raise UpstreamMalformed("a batch with an answer too few or too many")
    by_id: dict[int, Any] = {}
    for envelope in answer:
        identity = envelope.get("id") if isinstance(envelope, dict) else None
        if type(identity) is not int or identity in by_id:
            raise UpstreamMalformed("an id that is wrong or repeated", why=Reason.WRONG_ID)
        by_id[identity] = envelope
    if by_id.keys() != set(range(first, first + count)):
        raise UpstreamMalformed("a batch with ids that were not asked", why=Reason.WRONG_ID)
    return [parse_result(by_id[first + n], first + n) for n in range(count)]


def parse_result(envelope: Any, identity: int) -> Any:
    """The result, or the error, of one envelope. Raises UpstreamMalformed."""
    if not isinstance(envelope, dict):
        raise UpstreamMalformed("an answer that is no JSON-RPC envelope")
    error = envelope.get("error")
    if error is not None:
        if not isinstance(error, dict) or type(error.get("code")) is not int:
            raise UpstreamMalformed("an error that is no JSON-RPC error")
        return RpcError(error["code"], str(error.get("message", "")))
    if type(envelope.get("id")) is not int or envelope["id"] != identity:
        raise UpstreamMalformed("an answer to another id", why=Reason.WRONG_ID)
    if "result" not in envelope:
        raise UpstreamMalformed("an answer without result or error")
    return envelope["result"]


# -- typed fields; each raises UpstreamError for what the specification does not allow


def good(answer: Any, method: str) -> Any:
    """The answer itself, unless it is an error of the item."""
    if isinstance(answer, RpcError):
        raise answer.raised(method)
    return answer


def quantity(value: Any) -> int:
    """A QUANTITY: "0x" and hexadecimal digits; web3 would take "12" for 18."""
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise UpstreamMalformed("a number that is no 0x quantity")
    return int(value, 16)


def hash32(value: Any) -> str:
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise UpstreamMalformed("a hash that is none")
    return value.lower()


def address20(value: Any) -> str:
    """An address in lower case, as it is compared."""
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise UpstreamMalformed("an address that is none")
    return value.lower()


def field(table: Any, name: str) -> Any:
    if not isinstance(table, dict) or name not in table:
        raise UpstreamMalformed(f"a field is missing: {name}")
    return table[name]


def block_of(answer: Any) -> Block:
    """The block of an ``eth_getBlockByNumber`` answer. Raises for null: no such block."""
    if answer is None:
        raise UpstreamError("there is no such block", why=Reason.MOVED)
    return Block(
        quantity(field(answer, "number")),
        hash32(field(answer, "hash")),
        quantity(field(answer, "timestamp")),
    )
