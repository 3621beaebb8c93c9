"""E-mail by SMTP: encrypted, except to this machine; one message, one recipient, one Message-ID."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from donations.config_author import is_loopback
from donations.errors import NotDelivered
from donations.notify.thread import in_thread

if TYPE_CHECKING:
    from io import BufferedIOBase

    from donations.config_notify import ChannelSettings
    from donations.notify.message import Message

_SOCKET_SECONDS = 20.0
SECONDS = 60.0
_ANSWER_BYTES = 64 * 1024


def write(message: Message, sender: str, recipient: str) -> EmailMessage:
    """The message in the form of RFC 5322. Its Message-ID is that of the event."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = message.title
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.at, UTC))
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    mail.set_content(message.text + "\n", charset="utf-8")
    return mail


class Mail:
    """One mailbox. ``context`` decides which certificates are good."""

    def __init__(self, settings: ChannelSettings, context: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._context = context

    async def send(self, message: Message) -> None:
        """Hand it to the mail server. Raises NotDelivered."""
        try:
            async with asyncio.timeout(SECONDS):
                await in_thread(lambda: self._send(message))
        except TimeoutError:
            raise NotDelivered(f"the mail server did not finish in {SECONDS:.0f} seconds") from None

    async def close(self) -> None:
        """Nothing is kept open."""

    def _send(self, message: Message) -> None:
        mail = write(message, self._settings.sender, self._settings.recipient)
        step = "no connection to the mail server"
        try:
            with self._connected() as server:
                step = "the mail server refuses the name or the password"
                self._log_in(server)
                step = "the mail server did not take the message"
                server.send_message(mail, self._settings.sender, [self._settings.recipient])
        except ssl.SSLCertVerificationError:
            step = "the certificate of the mail server is not good"
        except smtplib.SMTPResponseException as error:
            step = f"{step}: {error.smtp_code}"
        except smtplib.SMTPRecipientsRefused:
            step = "the mail server refuses the recipient"
        except (smtplib.SMTPException, OSError, ValueError) as error:
            step = f"{step}: {type(error).__name__}"
        else:
            return
        # Outside the handlers: what the server said may repeat a password.
        raise NotDelivered(step)

    def _connected(self) -> smtplib.SMTP:
        """A connection that is encrypted, or ends on this machine. Raises NotDelivered."""
        parts = urlsplit(self._settings.url)
        host, context = parts.hostname or "", self._context or ssl.create_default_context()
        if parts.scheme == "smtps":
            return _Encrypted(host, parts.port or 465, timeout=_SOCKET_SECONDS, context=context)
        server = _Plain(host, parts.port or 587, timeout=_SOCKET_SECONDS)
        if is_loopback(host):
            return server
        try:
            server.ehlo()
            if not server.has_extn("starttls"):
                raise NotDelivered(
                    "the mail server offers no encryption (STARTTLS): nothing is sent"
                )
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP) -> None:
        parts = urlsplit(self._settings.url)
        if parts.username is not None and parts.password is not None:
            server.login(unquote(parts.username), unquote(parts.password))


class _Bounded:
    """The answers of a server, each of bounded length: endless ones would fill the memory."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file, self.left = file, _ANSWER_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line = self._file.readline(limit)
        self.left -= len(line)
        if self.left < 0:
            raise OSError("an answer without end")
        return line

    def close(self) -> None:
        self._file.close()


class _Plain(smtplib.SMTP):
    """As the standard library has it, with an end to each answer."""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(cast("BufferedIOBase", self.sock.makefile("rb")))
        if self.file is not None:
            self.file.left = _ANSWER_BYTES
        return super().getreply()


class _Encrypted(smtplib.SMTP_SSL, _Plain):
    """The same from the first byte on."""
