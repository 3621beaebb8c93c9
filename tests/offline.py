"""Starts the service on the example file where no network is: ``python -m tests.offline FOLDER``.

To be run by ``unshare --net``, which gives a loopback that is down and nothing else. Prints what
was seen as JSON.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import struct
import sys
from pathlib import Path

from tests.nodes.process import wait_until
from tests.program import EXAMPLE, served

_SIOCSIFFLAGS = 0x8914  # linux/sockios.h
_IFF_UP = 1  # linux/if.h


def raise_loopback() -> None:
    """Switch this network namespace's loopback on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def main(folder: Path) -> None:
    """Serve, look, and tell."""
    raise_loopback()
    config = Path(shutil.copy(EXAMPLE, folder / "config.toml"))
    with served(config, 8080) as service:
        # Ethereum's source is the last to be loaded and the largest.
        wait_until(lambda: "eth, " in service.log(), "told that Ethereum is not reached")
        seen = {"page": service.page, "log": service.log(), "memory": service.memory()}
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
