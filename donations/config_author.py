"""``[author]``: who may open the author's pages. Without it there are no such pages."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.config_file import Table

if TYPE_CHECKING:
    from collections.abc import Collection

KEYS = ("operators",)
_DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[^\W_](?:[\w .-]{0,38}\w)?")
NAME_FORM = "a name is a word or two of at most 40 letters, such as Claire"
_MOST_OPERATORS = 20
_EXAMPLE = 'operators = [{ name = "me", sha256 = "..." }]; donations author --new-token prints it'


@dataclass(frozen=True, slots=True)
class Operator:
    """One who may open the pages: ``digest`` is the SHA-256 of the token, which is kept nowhere."""

    name: str
    digest: bytes


def read_author(table: Table) -> tuple[Operator, ...]:
    """Those who may open the author's pages; nobody: there are none. Raises ConfigError."""
    operators: list[Operator] = []
    given = table.texts_or_tables("operators", ("name", "sha256"))
    for index, each in enumerate(given):
        if not isinstance(each, Table):
            raise table.error(f"an operator is written {_EXAMPLE}", "operators", index)
        operators.append(_operator(each))
    if len(operators) > _MOST_OPERATORS:
        raise table.error(f"at most {_MOST_OPERATORS} operators have a token", "operators")
    for what in ("name", "digest"):
        if len({getattr(each, what) for each in operators}) < len(operators):
            raise table.error(
                "two operators have one name or one token: give each their own", "operators"
            )
    return tuple(operators)


def _operator(table: Table) -> Operator:
    name = table.text("name", "")
    if NAME.fullmatch(name) is None:
        raise table.error(NAME_FORM, "name")
    digest = table.text("sha256", "")
    if _DIGEST.fullmatch(digest) is None:
        raise table.error(
            "this is not a SHA-256 in 64 hexadecimal digits, as donations author --new-token "
            "prints it; if it is the token itself, take it out and make a new one",
            "sha256",
        )
    return Operator(name, bytes.fromhex(digest))


def exposure(host: str, public_url: str | None, proxies: Collection[object]) -> str | None:
    """Why a network could reach the author's pages without TLS, and the cure; None: it cannot."""
    if is_loopback(host):
        return None
    if public_url is None or urlsplit(public_url).scheme != "https":
        cure = "set public_url to your https address, or server.host to 127.0.0.1"
    elif not proxies:
        cure = "name the web server with TLS in server.trusted_proxies, or listen on 127.0.0.1"
    else:
        return None
    return f"the author's pages would be open on {host} without encryption: {cure}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
