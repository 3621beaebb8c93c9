"""ntfy, Telegram, Matrix, Discord and the rest through Apprise, in a process of its own.

Apprise asks the web in its own ways: it follows redirects, reads answers of any size, and knows
nothing of whom it must not ask. So it runs where it can be held to the rules and ended at any
moment; see `apprise_process`. Its URL is a secret, and goes there by a pipe.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from donations.errors import NotDelivered

if TYPE_CHECKING:
    from donations.config_notify import ChannelSettings
    from donations.notify.message import Message

SECONDS = 45.0
_PROGRAM = "donations.notify.apprise_process"
# Where this package is, wherever it was started from.
_HOME = str(Path(__file__).parent.parent.parent)
_MISSING = "Apprise is not installed: pip install 'donations[apprise]'"


class Apprise:
    """One URL of Apprise."""

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings

    async def send(self, message: Message) -> None:
        """Send title and text. Raises NotDelivered."""
        if find_spec("apprise") is None:
            raise NotDelivered(_MISSING)
        told = {"url": self._settings.url, "title": message.title, "text": message.text}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", _PROGRAM,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": _HOME},
            )  # fmt: skip
        except OSError as error:
            raise NotDelivered(f"Apprise cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(SECONDS):
                said, _ = await process.communicate(json.dumps(told).encode())
        except TimeoutError:
            raise NotDelivered(f"not done within {SECONDS:.0f} seconds") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise NotDelivered(_REASONS.get(said.decode(errors="replace").strip(), "not taken"))

    async def close(self) -> None:
        """Each process ends with its message."""


# What the process may say: a closed list, for anything else could hold the URL.
_REASONS = {
    "url": "Apprise does not know this kind of URL",
    "refused": "the service did not take it",
    "private": "its name leads to an address that is not of the public internet; to reach a "
    "machine of your own write that address itself",
    "redirected": "the service redirects, which is not followed",
    "large": "the service answers without end",
}
