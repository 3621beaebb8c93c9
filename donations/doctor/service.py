"""What the running service says of itself, and which operators it has caught in a lie."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from donations.doctor.finding import fine, warning

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from donations.config import Config
    from donations.doctor.finding import Finding

_PATIENCE_SECONDS = 3.0
_MAX_BYTES = 65_536
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (what is listened on, not by us)
# A proxy that the machine is told of is for the outside.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check_service(config: Config, *, running: bool) -> Iterator[Finding]:
    """Why it is not ready, and which upstreams fail: /readyz in the words of its closed list."""
    if not running:
        yield fine("service", "none runs on this database")
        return
    told = _ask(config)
    if told is None:
        yield warning(
            "service",
            f"it runs, and does not answer on {config.server.host}:{config.server.port}",
            "nothing, if it was started with --host or --port; else look at its log",
        )
        return
    meanings = told.get("meanings", {})
    for place, reasons in told.get("causes", {}).items():
        for reason in reasons:
            yield warning("service", f"{place}: {reason}", str(meanings.get(reason, "")))
    reasons = ", ".join(map(str, told.get("reasons", ())))
    yield fine("service", f"it runs, and is {told.get('status')}{reasons and f': {reasons}'}")


def _ask(config: Config) -> dict[str, Any] | None:
    host = _ANY.get(config.server.host, config.server.host)
    place = f"[{host}]" if ":" in host else host
    request = urllib.request.Request(f"http://{place}:{config.server.port}/readyz")
    if config.public_url is not None:
        request.add_header("Host", urlsplit(config.public_url).netloc)
    try:
        try:
            with _DIRECT.open(request, timeout=_PATIENCE_SECONDS) as answer:
                body = answer.read(_MAX_BYTES)
        except urllib.error.HTTPError as error:  # 503 is an answer, too
            with error:
                body = error.read(_MAX_BYTES)
        told = json.loads(body)
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and "status" in told else None


def check_convictions(connection: sqlite3.Connection, config: Config) -> Iterator[Finding]:
    """Operators that were caught in a lie, with what shows it."""
    for row in connection.execute("SELECT * FROM convictions ORDER BY at"):
        over = row.until <= time.time()
        when = datetime.fromtimestamp(row.until, config.timezone)
        yield warning(
            "operators",
            f"{row.chain}, {row.operator} was caught in a lie ({row.reason}): {row.evidence}; it "
            f"{'was' if over else 'is'} out of the vote until {when:%Y-%m-%d %H:%M}",
            "replace it, unless its operator explains what happened",
        )
