"""The `donations` program as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from ..nodes.process import Process

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60


def donations(command: str, config: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Runs one command on a configuration to its end."""
    return subprocess.run(
        [sys.executable, "-m", "donations", command, "--config", str(config), *more],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def totals(config: Path) -> dict[str, Any]:
    """What ``donations totals --json`` tells: address and asset -> its numbers."""
    done = donations("totals", config, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return {f"{each['address']} {each['asset']}": each for each in told["addresses"]}


class Serving:
    """``donations serve``; ``port`` is the one its configuration names."""

    def __init__(self, config: Path, port: int) -> None:
        self._config, self._port = config, port
        self._process: Process | None = None

    def start(self, *, ready: bool = True) -> None:
        """Starts the program; with ``ready`` it serves on return."""
        command = [sys.executable, "-m", "donations", "serve", "--config", str(self._config)]
        self._process = Process("donations", command, self._config.with_name("serve.log"))
        if ready:
            self._process.wait_ready(self._answers)

    def kill(self) -> None:
        """Ends it at once, as a loss of power would."""
        assert self._process is not None
        self._process.kill()

    def stop(self) -> None:
        """Ends it in order. Harmless when it has not started."""
        if self._process is not None:
            self._process.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
