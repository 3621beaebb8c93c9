"""A listener between the service and a server of any line protocol: it passes bytes on and keeps
what the service sends."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from contextlib import suppress

_METHOD = re.compile(rb'"method": ?"([a-zA-Z_.]+)"')
_CHUNK = 65_536


class Relay:
    """Listens on a port of its own and forwards to ``port`` of this machine."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._sent = bytearray()
        self._pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sent(self) -> str:
        """Everything the service sent so far."""
        with self._lock:
            return self._sent.decode("latin-1")

    def methods(self) -> list[str]:
        """The methods of the JSON-RPC calls sent so far, in their order."""
        return [name.decode() for name in _METHOD.findall(self.sent().encode("latin-1"))]

    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self.sent().count("POST ")

    def forget(self) -> None:
        """Begin anew with what was sent."""
        with self._lock:
            self._sent.clear()

    def close(self) -> None:
        """Stop listening and break all connections."""
        for each in (self._listener, *self._pairs):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            try:
                outer = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                inner.close()
                continue
            for each in (inner, outer):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs += [inner, outer]
            threading.Thread(target=self._pump, args=(inner, outer), daemon=True).start()

    def _pump(self, inner: socket.socket, outer: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(inner, selectors.EVENT_READ, outer)
            ready.register(outer, selectors.EVENT_READ, inner)
            with suppress(OSError, ValueError):
                while True:
                    for key, _ in ready.select():
                        source = key.fileobj
                        assert isinstance(source, socket.socket)
                        data = source.recv(_CHUNK)
                        if not data:
                            raise OSError("closed")
                        if source is inner:
                            with self._lock:
                                self._sent += data
                        key.data.sendall(data)
        inner.close()
        outer.close()
