"""The process in which Apprise runs: python -m donations.notify.apprise_process.

Takes one message as JSON on standard input; says one word of `apprise._REASONS` when it fails.
What is changed here in libraries ends with the process.
"""

from __future__ import annotations

import json
import logging
import resource
import socket
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import apprise
import requests

from donations.public_web import is_public

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSWER_BYTES = 64 * 1024
_MEMORY = 1 << 30
_TIMEOUT = (5.0, 15.0)


class _Rules:
    """What became of the rules while Apprise worked: the last one that was broken."""

    broken = ""


def _only_public(url: str, rules: _Rules) -> None:
    """Let sockets connect to public addresses alone, and to the one that ``url`` spells out."""
    host = (urlsplit(url).hostname or "").lower()
    own = {"127.0.0.1", "::1"} if host == "localhost" else {host}
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any, /) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            where = str(address[0]).partition("%")[0]
            if where not in own and not is_public(where):
                rules.broken = "private"
                raise PermissionError("not public")
        connect(self, address)

    socket.socket.connect = checked  # type: ignore[assignment, method-assign]


def _only_short_answers(rules: _Rules) -> None:
    """No redirects, no proxies of the environment, and little is read of an answer."""
    send: Callable[..., requests.Response] = requests.Session.send

    def bounded(self: requests.Session, request: Any, **how: Any) -> requests.Response:
        self.trust_env = False
        how |= {"allow_redirects": False, "stream": True, "timeout": _TIMEOUT, "proxies": {}}
        answer = send(self, request, **how)
        if answer.is_redirect:
            rules.broken = "redirected"
        # Without the decoding that a small answer could use to fill the memory.
        body = answer.raw.read(_ANSWER_BYTES + 1, decode_content=False)
        if len(body) > _ANSWER_BYTES:
            rules.broken = "large"
        answer.close()
        answer._content = body[:_ANSWER_BYTES]
        return answer

    requests.Session.send = bounded  # type: ignore[method-assign]


def main() -> int:
    """Send one message; 0 when it was taken."""
    told = json.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.disable()  # Apprise logs what holds secrets
    rules = _Rules()
    _only_public(told["url"], rules)
    _only_short_answers(rules)
    service = apprise.Apprise()
    if not service.add(told["url"]):
        sys.stdout.write("url")
        return 1
    if service.notify(
        title=told["title"], body=told["text"], body_format=apprise.NotifyFormat.TEXT
    ):
        return 0
    sys.stdout.write(rules.broken or "refused")
    return 1


if __name__ == "__main__":
    sys.exit(main())
