"""Where a request comes from, and by which way: what keeps other sites' pages from acting here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.web.client_address import address_of, is_trusted
from donations.web.middleware import host_name, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from donations.web.client_address import Network

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
COOKIE = "donations-author"


@dataclass(frozen=True, slots=True)
class Site:
    """What we are for one request: ``origin`` as browsers write it (RFC 6454, section 6.2)."""

    origin: str
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the session cookie.

        ``__Host-`` lets no other host of the domain set it, and demands TLS (RFC 6265bis, section
        4.1.3.2), which a service that only this machine reaches has not.
        """
        return f"__Host-{COOKIE}" if self.secure else COOKIE


class Refused(Exception):
    """The way a request came by is none of ours; ``status`` is of HTTP."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def site_of(
    host: str,
    peer: str | None,
    scheme: str | None,
    public_url: str | None,
    trusted: Sequence[Network],
) -> Site:
    """What we are for a request to ``host`` from ``peer``. Raises Refused.

    ``scheme`` is what a proxy says it was asked by (X-Forwarded-Proto), None where it says nothing.
    """
    client = address_of(peer or "")
    near = client is not None and client.is_loopback
    name = host_name(host)
    public = urlsplit(public_url or "")
    if public.scheme == "https" and name == (public.hostname or "").rstrip("."):
        if not (near or is_trusted(client, trusted)):
            raise Refused(403, "this did not come by the web server with TLS")
        if scheme not in (None, "https"):
            raise Refused(403, "the author's pages are for https alone")
        return Site(f"https://{public.netloc.lower()}", secure=True)
    if near and is_loopback(name):
        return Site(f"http://{host.lower()}", secure=False)
    raise Refused(421, "the author's pages are not at this host: set public_url")


def comes_from(headers: Mapping[str, str], site: Site) -> bool:
    """Whether a page of ours, or the user alone, made the request.

    Both headers are set by the browser and by no page (Fetch Metadata, section 2.2; RFC 6454): each
    that is there has to say so, and one has to be there.
    """
    fetched, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if fetched is None and origin is None:
        return False
    return fetched in (None, *_OWN_SITES) and origin in (None, site.origin)
