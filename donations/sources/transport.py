"""Strictness that every source shares: bounded bytes, exact JSON, typed fields.

What a server sends is data to be judged. Python's own decoder takes NaN, repeated keys and any
depth; aiohttp's reads any size and follows redirects. Nothing here retries.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, NoReturn

import aiohttp

from donations.errors import UpstreamMalformed, UpstreamUnavailable
from donations.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

TOTAL_SECONDS = 15.0
MAX_BODY = 8 * 1024 * 1024
# JSON of blocks packs to a tenth; what unpacks to fifty times its size is meant to hurt.
_DENSEST = 50
_FREE = 256 * 1024
_PIECE = 4096
_MAX_RETRY_AFTER = 3600.0
_DEEPEST = 64
# A string, also one that never ends.
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
KINDS = ("application/json", "text/plain")
_WORDS = {"application/json": "JSON"}
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
        raise UpstreamMalformed("JSON nested too deep", why=Reason.NOT_JSON) from None
    except ValueError as error:
        raise UpstreamMalformed(f"not JSON: {str(error)[:80]}", why=Reason.NOT_JSON) from None


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
        connector=aiohttp.TCPConnector(limit=1, use_dns_cache=False),
        timeout=_TIMEOUT,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"Accept-Encoding": "gzip"},
        auto_decompress=False,  # it unpacks whole pieces, however large: see _read_bounded
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


async def get_bytes(
    client: aiohttp.ClientSession, url: str, kinds: tuple[str, ...] = KINDS
) -> Answer:
    """GET the body of a 200 answer of one of these content types.

    Raises NotFound (404), UpstreamUnavailable (time-out, refused, 429, 5xx, any status but 200)
    and UpstreamMalformed (redirect, a page, more than 8 MiB after decompression).
    """
    headers = {"Accept": ", ".join(kinds)}
    return await _exchange(client.get(url, headers=headers, allow_redirects=False), kinds)


class NotFound(UpstreamUnavailable):
    """The server has nothing of that name."""


async def _exchange(
    request: AbstractAsyncContextManager[aiohttp.ClientResponse], kinds: tuple[str, ...] = KINDS
) -> Answer:
    try:
        async with request as answer:
            _check_status(answer.status, answer.headers, kinds)
            seconds = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
            return Answer(await _read_bounded(answer), int(seconds.group(1)) if seconds else 0)
    except (TimeoutError, aiohttp.ServerTimeoutError):
        raise UpstreamUnavailable("no answer in time", why=Reason.TIMEOUT) from None
    except aiohttp.ClientPayloadError:
        raise UpstreamMalformed("the answer was cut short", why=Reason.CUT_SHORT) from None
    except aiohttp.ClientConnectorCertificateError as error:
        told = getattr(error.certificate_error, "verify_message", "")
        raise UpstreamUnavailable(f"its certificate: {told}", why=Reason.CERTIFICATE) from None
    except aiohttp.ClientConnectorSSLError:
        raise UpstreamUnavailable("no TLS", why=Reason.TLS) from None
    except aiohttp.ClientConnectorDNSError:
        raise UpstreamUnavailable("its name leads nowhere", why=Reason.NO_SUCH_HOST) from None
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnavailable(f"no connection: {error.strerror}") from None
    except aiohttp.ServerDisconnectedError:
        raise UpstreamUnavailable("it closed the connection", why=Reason.CLOSED) from None
    except aiohttp.ClientResponseError:
        raise UpstreamMalformed("an answer that is not HTTP", why=Reason.MALFORMED) from None
    except ConnectionError:
        raise UpstreamUnavailable("it closed the connection", why=Reason.CLOSED) from None
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamUnavailable(f"no connection: {type(error).__name__}") from None


def _check_status(status: int, headers: Mapping[str, str], kinds: tuple[str, ...]) -> None:
    """The status comes before the body: an error page is not an answer."""
    if 300 <= status < 400:
        raise UpstreamMalformed(
            f"HTTP {status}: it redirects, which is not followed", why=Reason.REDIRECTED
        )
    if status == 404:
        raise NotFound("HTTP 404", why=Reason.NOT_FOUND)
    if status != 200:
        raise UpstreamUnavailable(
            f"HTTP {status}",
            why=_why(status),
            retry_after=retry_after(headers.get("Retry-After")),
        )
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in (*kinds, ""):
        raise UpstreamMalformed(
            f"an answer of type {kind[:40]}, not {_WORDS.get(kinds[0], kinds[0])}",
            why=Reason.NOT_JSON,
        )


def _why(status: int) -> Reason:
    if status == 429:
        return Reason.RATE_LIMITED
    if status in (401, 402, 403, 418, 451):
        return Reason.REFUSED
    return Reason.SERVER_ERROR if status >= 500 else Reason.HTTP_STATUS


def retry_after(text: str | None) -> float | None:
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
    """The body, unpacked little by little: a small one can unpack to more than there is memory."""
    unpack = _unpacker(answer.headers.get("Content-Encoding", ""))
    body, packed = bytearray(), 0
    try:
        async for chunk in answer.content.iter_chunked(_PIECE):
            packed += len(chunk)
            dense = max(_DENSEST * packed, _FREE)
            if unpack is None:
                body += chunk
            else:
                body += unpack.decompress(chunk, min(MAX_BODY, dense) + 1 - len(body))
                if len(body) > dense:
                    raise UpstreamMalformed("an answer packed too densely", why=Reason.COMPRESSED)
            if len(body) > MAX_BODY:
                raise UpstreamMalformed(
                    f"an answer of more than {MAX_BODY} bytes", why=Reason.TOO_LARGE
                )
    except zlib.error:
        answer.close()
        raise UpstreamMalformed("it is not packed as it says", why=Reason.COMPRESSED) from None
    except UpstreamMalformed:
        answer.close()
        raise
    if unpack is not None and packed and not unpack.eof:
        raise UpstreamMalformed("the answer was cut short", why=Reason.CUT_SHORT)
    return bytes(body)


def _unpacker(encoding: str) -> zlib._Decompress | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(wbits=47)  # gzip or zlib, as its first bytes say
        case _:
            raise UpstreamMalformed("it packs as was not asked for", why=Reason.COMPRESSED)
