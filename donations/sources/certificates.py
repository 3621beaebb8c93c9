"""Which certificate an Electrum server showed first.

Public Electrum servers are mostly self-signed: a certificate that no authority vouches for is
pinned at first sight, and a later one that differs is refused. A server that was once vouched for
by an authority is never taken with less. The file is JSON: {"host:port": "sha256 hex" | "ca"}.
"""

from __future__ import annotations

import json
import os
import ssl
from functools import cached_property
from typing import TYPE_CHECKING

from donations.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = "ca"


class Certificates:
    """The pins kept in a file; it is read at each use, so `check` can change them meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def authorities(self) -> ssl.SSLContext:
        """The authorities that the system trusts.

        Read once: each reading takes a megabyte that is hardly given back, and holds the loop up.
        """
        return ssl.create_default_context()

    def pin(self, server: str) -> str | None:
        """The SHA-256 of the certificate of ``server`` ("host:port"), "ca", or None: never met."""
        return self._read().get(server)

    def remember(self, server: str, pin: str) -> None:
        """Keep the pin of a server, in the place of an older one."""
        self._write({**self._read(), server: pin})

    def forget(self, host: str) -> list[str]:
        """Accept a new certificate from ``host`` (or "host:port") at the next connection.

        Returns the servers forgotten.
        """
        pins = self._read()
        gone = [server for server in pins if host in (server, server.rpartition(":")[0])]
        if gone:
            self._write({server: pin for server, pin in pins.items() if server not in gone})
        return gone

    def _read(self) -> dict[str, str]:
        try:
            pins = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ConfigError("not JSON; delete it to pin anew", file=self._path) from None
        if not isinstance(pins, dict):
            raise ConfigError("not a table of pins; delete it to pin anew", file=self._path)
        return {str(server): str(pin) for server, pin in pins.items()}

    def _write(self, pins: dict[str, str]) -> None:
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        draft.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")
        draft.replace(self._path)
