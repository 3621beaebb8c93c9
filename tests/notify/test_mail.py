"""Mail that is encrypted or not sent, to servers that strip, lie, hang and flood."""

from __future__ import annotations

import email
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st

from donations.announcements import Type
from donations.config_notify import ChannelSettings, Way
from donations.errors import NotDelivered
from donations.notify import mail as mail_module
from donations.notify.mail import Mail, write
from donations.notify.message import Message
from tests.fronts import Authority
from tests.running import free_port, scene, until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from email.message import EmailMessage

HOST = "mail.example"
EVENT = Message("evt_1", "{}", "Carnet: 0,05 BTC reçus", "Il est dans un bloc.\n.\nFin", 86_400)


@dataclass
class Box:
    """What a mail server took, and what it saw before."""

    took: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[bool, bytes]] = field(default_factory=list)
    refuse: str | None = None

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Called by aiosmtpd."""
        envelope.rcpt_tos.append(address)
        return self.refuse or "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Called by aiosmtpd."""
        told = email.message_from_bytes(envelope.content, policy=default)
        self.took.append(told)
        return "250 OK"

    def authenticate(
        self, _server: Any, session: Any, _envelope: Any, _how: str, data: Any
    ) -> AuthResult:
        """Called by aiosmtpd: everybody but the wrong one."""
        self.logins.append((session.ssl is not None, bytes(data.password)))
        return AuthResult(success=data.password != b"wrong", handled=False)


@contextmanager
def server(tls: ssl.SSLContext | None = None, **how: Any) -> Iterator[tuple[Box, int]]:
    """A mail server on loopback, with STARTTLS where it has a certificate."""
    box, port = Box(), free_port()
    how |= {"authenticator": box.authenticate, "auth_require_tls": False}
    controller = Controller(box, hostname="127.0.0.1", port=port, tls_context=tls, **how)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def settings(
    port: int, host: str = HOST, login: str = "me:pass%20word@", scheme: str = "smtp"
) -> ChannelSettings:
    """A mailbox at such a server."""
    return ChannelSettings(
        "mail", Way.EMAIL, frozenset(Type), "fr", url=f"{scheme}://{login}{host}:{port}",
        sender="donations@blog.example", recipient="me@blog.example",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HOST` is this machine, for everybody but the one who judges by the name."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda host, *more, **how: look_up("127.0.0.1" if host == HOST else host, *more, **how),
    )  # fmt: skip


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the server shows, and what a client needs that trusts it."""
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    return authority.certify("mail", names=f"DNS:{HOST}"), authority.trusting


async def refusal(channel: Mail) -> str:
    """Why a mail was not taken; never with the password in it."""
    with pytest.raises(NotDelivered) as refused:
        await channel.send(EVENT)
    assert "pass" not in str(refused.value).replace("password", "")
    assert "wrong" not in str(refused.value)
    return str(refused.value)


@scene
async def test_a_mail_says_what_happened(contexts: tuple[Any, Any]) -> None:
    """In the words of its language, from whom and to whom it says, after a login by TLS."""
    shows, trusts = contexts
    with server(shows) as (box, port):
        await Mail(settings(port), trusts).send(EVENT)
    (told,) = box.took
    assert told["Subject"] == EVENT.title
    assert told["Message-ID"] == "<evt_1@blog.example>"
    assert told["Date"] == "Fri, 02 Jan 1970 00:00:00 +0000"
    assert (told["From"], told["To"]) == ("donations@blog.example", "me@blog.example")
    assert told.get_content().splitlines() == EVENT.text.splitlines()
    assert box.logins == [(True, b"pass word")]


@scene
async def test_encrypted_from_the_first_byte(contexts: tuple[Any, Any]) -> None:
    """By smtps:// nothing is ever said in the open, and a plain server is none."""
    shows, trusts = contexts
    with server(ssl_context=shows) as (box, port):
        await Mail(settings(port, scheme="smtps"), trusts).send(EVENT)
    assert len(box.took) == 1
    with server() as (box, port):
        await refusal(Mail(settings(port, scheme="smtps"), trusts))
    assert (box.took, box.logins) == ([], [])


@scene
async def test_to_this_machine_no_encryption_is_needed() -> None:
    """A relay on loopback takes it as it is."""
    with server() as (box, port):
        await Mail(settings(port, "127.0.0.1", "")).send(EVENT)
    assert len(box.took) == 1


@pytest.mark.parametrize("host", [HOST, "127.mail.example", "localhost.example"])
@scene
async def test_a_server_that_strips_encryption_gets_nothing(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the mail nor the password, whatever its name looks like."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *more, **how: look_up("127.0.0.1", *more, **how)
    )
    with server() as (box, port):
        assert "offers no encryption" in await refusal(Mail(settings(port, host)))
    assert (box.took, box.logins) == ([], [])


@scene
async def test_a_certificate_of_somebody_else_is_refused(contexts: tuple[Any, Any]) -> None:
    """One that nobody trusts, before the password is told."""
    with server(contexts[0]) as (box, port):
        assert "certificate" in await refusal(Mail(settings(port)))
    assert (box.took, box.logins) == ([], [])


@scene
async def test_a_refusal_is_a_failure(contexts: tuple[Any, Any]) -> None:
    """Of the login or the recipient, for now or for ever; and it tells no secret."""
    shows, trusts = contexts
    with server(shows) as (box, port):
        wrong = settings(port, login="me:wrong@")
        assert "name or the password: 535" in await refusal(Mail(wrong, trusts))
        for answer in ("450 greylisted, come back", "550 pass word is no user"):
            box.refuse = answer
            assert "refuses the recipient" in await refusal(Mail(settings(port), trusts))
        box.refuse = None
        await Mail(settings(port), trusts).send(EVENT)
    assert len(box.took) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\xff\xfe\r\n", b"999 ?\r\n", b"220 " + b"x" * 100_000, b"220 hello\r\n",
        b"220-endless\r\n" * 20_000, b"220 hello\r\n250-x\r\n", b"HTTP/1.1 400 Bad\r\n\r\n",
    ],
)  # fmt: skip
@scene
async def test_what_is_no_mail_server_is_a_failure(said: bytes) -> None:
    """Whatever it says, and if it closes in the middle."""
    with saying(said) as port:
        await refusal(Mail(settings(port, "127.0.0.1", "")))


@scene
async def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """In time, and nothing waits for the thread that still talks to it."""
    monkeypatch.setattr(mail_module, "SECONDS", 0.3)
    with saying(b"220 hello\r\n", hold=True) as port:
        assert "did not finish" in await refusal(Mail(settings(port, "127.0.0.1", "")))
    await until(lambda: not [t for t in threading.enumerate() if t.name == "notify"])


@contextmanager
def saying(said: bytes, *, hold: bool = False) -> Iterator[int]:
    """A server that says these bytes to each client and closes, or holds on."""
    done = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            client, _ = listener.accept()
            with client, suppress(OSError):
                client.sendall(said)
                if hold:
                    done.wait()
                client.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_that_is_told_becomes_a_header(title: str, text: str) -> None:
    """A mail has the headers it has, whatever its words are made of."""
    title = "".join(c if c.isprintable() else " " for c in title)
    plain = text.encode("utf-8", "replace").decode()
    mail = write(Message("evt_1", "{}", title, plain, 1), "a@b.example", "c@d.example")
    told = email.message_from_bytes(bytes(mail), policy=default)
    assert [name.lower() for name in told] == [
        "from", "to", "subject", "date", "message-id", "auto-submitted", "content-type",
        "content-transfer-encoding", "mime-version",
    ]  # fmt: skip
