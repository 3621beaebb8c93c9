"""Strictness that every source shares: bounded bytes, exact JSON, typed fields.

What a server sends is data to be judged. Python's own decoder takes NaN, repeated keys and any
depth; aiohttp's reads any size and follows redirects. Nothing here retries.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp

from donations.errors import UpstreamMalformed, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

TOTAL_SECONDS = 15.0
MAX_BODY = 8 * 1024 * 1024
_MAX_RETRY_AFTER = 3600.0
_DEEPEST = 64
# A string, also one that never ends.
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_MAX_AGE = re.compile(r"max-age=([0-9]{1,9})\b")
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_TIMEOUT = aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=5, sock_connect=5, sock_read=10)


def decode(data: bytes | str) -> Any:
    """JSON by the letter (RFC 8259): numbers with a fraction stay text, no NaN, no repeated key.

    Raises UpstreamMalformed.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        _check_depth(text)
        return json.loads(
            text, parse_float=str, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except RecursionError:
        raise UpstreamMalformed("JSON nested too deep") from None
    except ValueError as error:
        raise UpstreamMalformed(f"not JSON: {str(error)[:80]}") from None


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep, before Python's decoder recurses into it.

    A library below web3 raises the recursion limit so far that the decoder would overrun the C
    stack, which ends the process. Brackets are counted outside of strings, pair by pair.
    """
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    brackets = _NO_BRACKETS.sub("", _STRINGS.sub("", text))
    for _ in range(_DEEPEST):
        if len(brackets) <= _DEEPEST:
            return
        paired = brackets.replace("[]", "").replace("{}", "")
        if paired == brackets:
            break
        brackets = paired
    raise ValueError("it is nested too deep")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def session() -> aiohttp.ClientSession:
    """A client for one operator: one connection, no cookies, no proxy from the environment."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1),
        timeout=_TIMEOUT,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"Accept-Encoding": "gzip"},
    )


async def post_json(client: aiohttp.ClientSession, url: str, body: bytes) -> Any:
    """POST ``body`` and read the JSON of a 200 answer. Raises as `get_bytes` does."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = await _exchange(client.post(url, data=body, headers=headers, allow_redirects=False))
    return decode(answer.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 200 answer, and for how many seconds a cache may repeat it (RFC 9111)."""

    body: bytes
    max_age: int


async def get_bytes(client: aiohttp.ClientSession, url: str) -> Answer:
    """GET the body of a 200 answer.

    Raises NotFound (404), UpstreamUnavailable (time-out, refused, 429, 5xx, any status but 200)
    and UpstreamMalformed (redirect, a page, more than 8 MiB after decompression).
    """
    headers = {"Accept": "application/json, text/plain"}
    return await _exchange(client.get(url, headers=headers, allow_redirects=False))


class NotFound(UpstreamUnavailable):
    """The server has nothing of that name."""


async def _exchange(request: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> Answer:
    try:
        async with request as answer:
            _check_status(answer.status, answer.headers)
            seconds = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
            return Answer(await _read_bounded(answer), int(seconds.group(1)) if seconds else 0)
    except (TimeoutError, aiohttp.ServerTimeoutError):
        raise UpstreamUnavailable("no answer in time") from None
    except aiohttp.ClientPayloadError:
        raise UpstreamMalformed("the answer was cut short") from None
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnavailable(f"no connection: {error.strerror}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamUnavailable(f"no connection: {type(error).__name__}") from None


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    """The status comes before the body: an error page is not an answer."""
    if 300 <= status < 400:
        raise UpstreamMalformed(f"HTTP {status}: it redirects, which is not followed")
    if status == 404:
        raise NotFound("HTTP 404")
    if status != 200:
        raise UpstreamUnavailable(
            f"HTTP {status}", retry_after=_retry_after(headers.get("Retry-After"))
        )
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/plain", ""):
        raise UpstreamMalformed(f"an answer of type {kind[:40]}, not JSON")


def _retry_after(text: str | None) -> float | None:
    """RFC 9110 section 10.2.3: seconds or a date. At most an hour, at least a second."""
    if text is None:
        return None
    if text.strip().isdecimal():
        seconds = float(text.strip()[:12])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time()
        except ValueError:
            return None
    return min(max(seconds, 1.0), _MAX_RETRY_AFTER)


async def _read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(65536):
        body += chunk
        if len(body) > MAX_BODY:
            answer.close()
            raise UpstreamMalformed(f"an answer of more than {MAX_BODY} bytes")
    return bytes(body)
