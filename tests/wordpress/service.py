"""A service that says what a publisher has prepared, or what a test puts in its mouth."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from donations.web.assets import load_assets
from donations.web.oembed import Refused
from donations.web.publisher import Publisher
from tests.nodes.process import free_ports
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASSETS = load_assets()


@dataclass
class Voice:
    """``url`` has a final slash. ``twist`` changes the document of /inline.json."""

    url: str
    publisher: Publisher
    twist: Callable[[dict[str, Any]], Any] | None = None
    broken: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        self.asked.append(parts.path)
        if self.broken:
            return 500, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>"
        if parts.path == "/oembed":
            try:
                prepared = (
                    self.publisher.provider.answer(query) if self.publisher.provider else None
                )
            except Refused as refused:
                return refused.status, {}, b""
        else:
            prepared = self.publisher.find(parts.path, query.get("lang"))
        if prepared is None:
            return 404, {}, b""
        body = prepared.bodies["identity"]
        if parts.path == "/inline.json" and self.twist is not None:
            document = json.loads(body)
            said = self.twist(document)
            body = json.dumps(document if said is None else said).encode()
        return 200, dict(prepared.headers), body


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, voice: Voice, *rest: Any) -> None:
        self._voice = voice
        super().__init__(*rest)

    def do_GET(self) -> None:
        status, headers, body = self._voice.answer(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what matters."""


@contextmanager
def speaking(port: int | None = None) -> Iterator[Voice]:
    """A service with the sample's numbers, while the block lasts."""
    port = port or free_ports(1)[0]
    url = f"http://127.0.0.1:{port}/"
    publisher = Publisher(ASSETS, languages=("fr", "en"), public_url=url)
    publisher.publish(snapshot(title="Le carnet du mardi"))
    voice = Voice(url, publisher)
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, voice))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield voice
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
