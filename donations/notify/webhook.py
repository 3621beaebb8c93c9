"""Signed webhooks: Standard Webhooks 1.0, through a client that trusts no receiver.

Each attempt is one POST: to a public address, or to one of the author's own that the configuration
spells out; no redirect, no proxy, no cookie, and little is read of the answer.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from donations import __version__
from donations.errors import NotDelivered
from donations.public_web import NotPublic, public_sockets
from donations.sources.transport import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from donations.config_notify import ChannelSettings
    from donations.fetch import Ways
    from donations.notify.message import Message

# The specification asks for 15 to 30 seconds.
SECONDS = 20.0
_READ_AT_MOST = 64 * 1024
_READ_SECONDS = 2.0


def sign(secrets: Iterable[str], identity: str, moment: int, payload: bytes) -> str:
    """The header ``webhook-signature``: one signature for each of the secrets, by spaces apart."""
    told = f"{identity}.{moment}.".encode() + payload
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    made = (base64.b64encode(hmac.digest(key, told, sha256)).decode() for key in keys)
    return " ".join(f"v1,{signature}" for signature in made)


class Webhook:
    """One receiver. ``ways`` are how hosts are reached: public addresses only, by default."""

    def __init__(
        self,
        settings: ChannelSettings,
        ways: Ways | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._ways, self._clock = settings, ways, clock
        self._client: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> None:
        """POST the event. Raises NotDelivered for every answer but 2xx."""
        moment, payload = int(self._clock()), message.payload.encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(moment),
            "webhook-signature": sign(self._settings.secrets, message.id, moment, payload),
        }
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._open().post(
                    self._settings.url, data=payload, headers=headers, allow_redirects=False
                ) as answer,
            ):
                _check(answer)
                await _finish(answer)
        except TimeoutError:
            raise NotDelivered(f"no answer within {SECONDS:.0f} seconds") from None
        except aiohttp.ClientConnectorCertificateError:
            raise NotDelivered("its certificate is not good") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                raise NotDelivered(_NOT_PUBLIC) from None
            raise NotDelivered("no connection") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(f"no answer of HTTP: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._client is None:
            url = self._settings.url
            open_socket = self._ways.open_socket if self._ways else public_sockets(url)
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=1,
                    resolver=self._ways.resolver if self._ways else None,
                    socket_factory=open_socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=SECONDS, sock_connect=5),
                trust_env=False,
                headers={
                    "User-Agent": f"donations/{__version__} (webhooks of its own author)",
                    "Accept-Encoding": "identity",
                },
                auto_decompress=False,
            )
        return self._client


_NOT_PUBLIC = (
    "its name leads to an address that is not of the public internet; to reach a machine of your "
    "own write that address itself, such as http://127.0.0.1:9000/"
)


def _check(answer: aiohttp.ClientResponse) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if status == 410:
        raise NotDelivered("HTTP 410: it wants nothing any more", gone=True)
    if 300 <= status < 400:
        raise NotDelivered(f"HTTP {status}: it redirects, which is not followed")
    pause = (
        retry_after(answer.headers.get("Retry-After")) if status in (429, 502, 503, 504) else None
    )
    raise NotDelivered(f"HTTP {status}", retry_after=pause)


async def _finish(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer, so that the connection can be used again; it was taken already."""
    read = 0
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in answer.content.iter_chunked(4096):
                read += len(chunk)
                if read > _READ_AT_MOST:
                    break
            else:
                return
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass
    answer.close()


def shown(url: str) -> str:
    """What may be shown of the URL of a receiver."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/..."
