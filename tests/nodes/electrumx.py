"""An ElectrumX server beside a node of either coin, over TCP and over TLS."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
from typing import TYPE_CHECKING, Literal

from . import install
from .process import Process, free_ports, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .jsonrpc import Json

Coin = Literal["Bitcoin", "BitcoinCash"]

# How often the server asks its node for news, in milliseconds (its own default is 5 seconds).
POLL_MS = "100"


def scripthash(script: bytes) -> str:
    """Electrum's key of a locking script: its SHA-256 in reversed byte order, as hex."""
    return hashlib.sha256(script).digest()[::-1].hex()


class ElectrumX:
    """A running server that indexes the node at ``daemon_url`` (with name and password)."""

    def __init__(
        self,
        folder: Path,
        coin: Coin,
        daemon_url: str,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.coin = coin
        self.daemon_url = daemon_url
        self.extra = dict(extra or {})
        self.tcp_port, self.tls_port = free_ports(2)
        self.certificate = folder / "certificate.pem"
        self._make_certificate()
        self.process = self._run()

    @property
    def tcp_url(self) -> str:
        return f"tcp://127.0.0.1:{self.tcp_port}"

    @property
    def tls_url(self) -> str:
        """The TLS address; its certificate is self-signed for localhost and 127.0.0.1."""
        return f"ssl://127.0.0.1:{self.tls_port}"

    def call(self, method: str, *params: object, seconds: float = 15.0) -> Json:
        """One request on a connection of its own, over TCP; RuntimeError with the server's error.

        Protocol: https://electrumx.readthedocs.io/en/latest/protocol.html
        """
        hello = self._request(0, "server.version", ["donations tests", ["1.4", "1.6"]])
        with socket.create_connection(("127.0.0.1", self.tcp_port), seconds) as connection:
            connection.sendall(hello + self._request(1, method, list(params)))
            with connection.makefile("rb") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if answer.get("error"):
                        raise RuntimeError(f"{method}: {answer['error']}")
                    if answer.get("id") == 1:
                        return answer["result"]
        raise ConnectionError(f"{method}: the server closed the connection")

    def tip(self) -> str:
        """The hash of the server's best block."""
        header = bytes.fromhex(self.call("blockchain.headers.subscribe")["hex"])
        return hashlib.sha256(hashlib.sha256(header).digest()).digest()[::-1].hex()

    def history(self, script: bytes) -> dict[str, int]:
        """What the server lists for a script: txid -> height (0 and -1: in the mempool)."""
        listed = self.call("blockchain.scripthash.get_history", scripthash(script))
        return {one["tx_hash"]: one["height"] for one in listed}

    def wait_tip(self, block_hash: str) -> None:
        """Returns when the server's best block is this one."""
        wait_until(lambda: self.tip() == block_hash, f"{self.coin} server at {block_hash}")

    def wait_listed(self, txid: str, script: bytes) -> None:
        """Returns when the server lists the transaction for the script."""
        wait_until(lambda: txid in self.history(script), f"{txid} listed by the server")

    def stop(self) -> None:
        """Ends the server; index and certificate stay for ``start``."""
        self.process.stop()

    def start(self) -> None:
        """Starts a stopped server again, on the same ports and index."""
        self.process = self._run()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """Ends the server at once: its connections break without a word."""
        self.process.kill()

    def replace_certificate(self) -> None:
        """Restarts the server with another key and certificate, as an operator who renews does."""
        self.stop()
        self._make_certificate()
        self.start()

    def _make_certificate(self) -> None:
        openssl = install.openssl()
        key = self.folder / "key.pem"
        asked = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        named = ["-nodes", "-days", "30", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(
            [str(openssl), *asked, *named, *names, *files], check=True, capture_output=True
        )

    def _run(self) -> Process:
        python, server = install.electrumx()
        database = self.folder / "database"
        database.mkdir(exist_ok=True)
        settings = {
            "COIN": self.coin,
            "NET": "regtest",
            "DB_DIRECTORY": str(database),
            "DB_ENGINE": "leveldb",
            "DAEMON_URL": self.daemon_url,
            "SERVICES": f"{self.tcp_url},{self.tls_url}",
            "SSL_CERTFILE": str(self.certificate),
            "SSL_KEYFILE": str(self.folder / "key.pem"),
            "PEER_DISCOVERY": "off",
            "PEER_ANNOUNCE": "",
            "COST_SOFT_LIMIT": "0",
            "COST_HARD_LIMIT": "0",
            "CACHE_MB": "32",
            "ALLOW_ROOT": "1",
            "DAEMON_POLL_INTERVAL_BLOCKS": POLL_MS,
            "DAEMON_POLL_INTERVAL_MEMPOOL": POLL_MS,
            **self.extra,
        }
        # Only the machine's bare necessities: a proxy in the environment is for the outside.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **settings}
        process = Process(
            f"electrumx {self.coin}",
            [str(python), str(server)],
            self.folder / "electrumx.log",
            environment,
        )
        process.wait_ready(self._answers)
        return process

    def _answers(self) -> bool:
        try:
            self.call("server.ping")
        except (OSError, RuntimeError):
            return False
        return True

    @staticmethod
    def _request(number: int, method: str, params: list[object]) -> bytes:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        return json.dumps(request).encode() + b"\n"
