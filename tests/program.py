"""The ``donations`` program as its users run it: another process, its words and its exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from donations.config_prices import CROSS, SOURCES
from tests.nodes.process import Process, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"
COMMAND = (sys.executable, "-m", "donations")
# No proxy and no configuration of whoever runs the tests.
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}


def donations(
    *arguments: str | Path, folder: Path, package: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in ``folder``; ``package`` is where the code stands."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(package), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def closed_upstreams(operators: int = 4) -> str:
    """The chains' part of a configuration: each chain asks ports where nobody listens."""
    lines = []
    for chain, scheme in (("btc", "ssl"), ("bch", "ssl"), ("eth", "https")):
        urls = [
            f'{{ url = "{scheme}://127.0.0.1:{port}", operator = "operator {number}" }}'
            for number, port in enumerate(free_ports(operators))
        ]
        lines += [f"[chains.{chain}]", f"upstreams = [{', '.join(urls)}]"]
    return "\n".join(lines) + "\n"


def offline_config(folder: Path, port: int) -> Path:
    """The example file with a port, and with upstreams that are all down, in ``folder``."""
    example = EXAMPLE.read_text(encoding="utf-8")
    head = example.partition("\n[chains.btc]")[0].replace("port = 8080", f"port = {port}")
    closed = ", ".join(f'{name} = "http://127.0.0.1:1"' for name in (*SOURCES, CROSS))
    head = head.replace("[prices]\n", f"[prices]\nurls = {{ {closed} }}\n")
    path = folder / "config.toml"
    path.write_text(f"{head}\n{closed_upstreams()}", encoding="utf-8")
    return path


@dataclass
class Served:
    """A running ``donations serve``. ``seconds`` passed from its start to its first page."""

    process: Process
    url: str
    seconds: float = 0.0
    page: str = ""

    def log(self) -> str:
        """What it wrote so far."""
        return self.process.log.read_text(encoding="utf-8")

    def memory(self) -> int:
        """The peak of its resident memory, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])


# A proxy that the machine is told of is for the outside.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def read(url: str) -> str | None:
    """The page at ``url``, or None while nobody listens."""
    try:
        with _DIRECT.open(url, timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return None


@contextmanager
def served(
    config: Path, port: int, *, package: Path = ROOT, **environment: str
) -> Iterator[Served]:
    """``donations serve`` on a port, from its first page on."""
    command = [*COMMAND, "serve", "--config", str(config), "--port", str(port)]
    variables = {**ENVIRONMENT, "PYTHONPATH": str(package), **environment}
    start = time.monotonic()
    process = Process("donations", command, config.parent / "serve.log", variables)
    service = Served(process, f"http://127.0.0.1:{port}/")
    try:
        process.wait_ready(lambda: read(service.url) is not None)
        service.seconds = time.monotonic() - start
        service.page = read(service.url) or ""
        yield service
    finally:
        process.stop()
