"""TLS to Electrum servers: an authority vouches, or the certificate first seen is pinned."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING

from donations.errors import UpstreamUnavailable
from donations.reasons import Reason
from donations.sources.certificates import AUTHORITY

if TYPE_CHECKING:
    from donations.sources.certificates import Certificates

# RFC 8305, section 5: where the first address of a name leads nowhere, the next is tried beside it.
STAGGER_SECONDS = 0.25
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_tls(host: str, port: int, certificates: Certificates, limit: int) -> Streams:
    """Streams with lines of at most ``limit`` bytes.

    Raises UpstreamUnavailable for a certificate that is neither vouched for nor the pinned one, and
    what asyncio raises.
    """
    server = f"{host}:{port}"
    pin = certificates.pin(server)
    if pin in (None, AUTHORITY):
        try:
            streams = await asyncio.open_connection(
                host,
                port,
                ssl=certificates.authorities,
                limit=limit,
                happy_eyeballs_delay=STAGGER_SECONDS,
            )
        except ssl.SSLCertVerificationError as error:
            if pin == AUTHORITY:
                raise UpstreamUnavailable(
                    f"no authority vouches for its certificate any more ({error.verify_message}); "
                    f"if that is right: donations check --accept-certificate {host}",
                    why=Reason.CERTIFICATE,
                ) from None
        else:
            if pin is None:
                certificates.remember(server, AUTHORITY)
            return streams
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin below is the check
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context, limit=limit, happy_eyeballs_delay=STAGGER_SECONDS
    )
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    shown = hashlib.sha256(certificate).hexdigest()
    if pin is None:
        certificates.remember(server, shown)
    elif pin != shown:
        writer.close()
        raise UpstreamUnavailable(
            "its certificate is not the one first seen; if it was renewed: "
            f"donations check --accept-certificate {host}",
            why=Reason.CERTIFICATE,
        )
    return reader, writer
