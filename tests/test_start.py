"""The first start, where nothing can be reached: quick, small, and honest about what it knows."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.nodes.process import free_ports, wait_until
from tests.program import COMMAND, ENVIRONMENT, ROOT, offline_config, read, served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The goal is 2 s on an idle machine with two cores. A busy one may take three times as long.
START_SECONDS = 3 * 2.0
MEMORY_KIB = 120 * 1024
ADDRESSES = (
    "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf",
    "qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6",
    "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8",
)
NOT_YET_KNOWN = "pas encore connu"


def bare_start() -> float:
    """Seconds that the interpreter itself takes."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - start


def check_page(page: str) -> None:
    """Three codes, three addresses, and no number."""
    codes = re.findall(r"<svg\b[^>]*>.*?</svg>", page, re.DOTALL)
    assert len(codes) == 3
    for address in ADDRESSES:
        assert address in page
    assert NOT_YET_KNOWN in page
    assert not re.search(r"\b0([.,]0+)? (BTC|BCH|ETH)\b", page), "unknown is not zero"


def test_a_first_start_with_every_upstream_down(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The page stands within seconds with three codes and "not yet known", and memory is small."""
    (port,) = free_ports(1)
    config = offline_config(tmp_path, port)
    with served(config, port) as service:
        check_page(service.page)
        seconds = service.seconds - bare_start()
        wait_until(lambda: "eth, operator" in service.log(), "told that Ethereum is not reached")
        memory = service.memory()
        record_property("seconds", seconds)
        record_property("MiB", memory / 1024)
        assert seconds <= START_SECONDS
        assert memory <= MEMORY_KIB
        assert "Traceback" not in service.log()


def test_the_example_file_starts_without_a_network(tmp_path: Path) -> None:
    """The same with the example file as it is, in a network that has nothing but itself."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.offline", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    check_page(seen["page"])
    assert seen["memory"] <= MEMORY_KIB
    assert "Traceback" not in seen["log"]


def test_it_says_what_it_serves_and_that_it_is_not_ready(tmp_path: Path) -> None:
    """The log names the address of the page; /healthz is well, /readyz says what is missing."""
    (port,) = free_ports(1)
    with served(offline_config(tmp_path, port), port) as service:
        assert f"serving on {service.url}" in service.log()
        assert read(f"{service.url}healthz") == '{"status": "alive"}'
        assert "upstreams" in (read(f"{service.url}readyz") or "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end it with exit code 0 in seconds, in the middle of polls."""
    (port,) = free_ports(1)
    config = offline_config(tmp_path, port)
    command = [*COMMAND, "serve", "--config", str(config)]
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(
            command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: read(f"http://127.0.0.1:{port}/"), "serving")
        child.send_signal(number)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
