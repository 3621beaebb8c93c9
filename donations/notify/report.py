"""What the terminal says of the channels: how far each was told, and whether a test was taken."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from donations import outbox
from donations.config_notify import Way
from donations.errors import NotDelivered
from donations.notify.message import of_test
from donations.notify.notifier import make_channel
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from donations.config import Config
    from donations.config_notify import ChannelSettings
    from donations.outbox import Progress

Row = dict[str, Any]


async def send_tests(channels: Iterable[ChannelSettings], title: str) -> list[Row]:
    """Send a test through each channel, once, and say how it went."""
    rows = []
    for settings in channels:
        row: Row = {"name": settings.name, "kind": settings.way.value, "good": True}
        if settings.way is Way.ATOM:
            rows.append(row | {"state": "fetched by your reader, nothing is sent to it"})
            continue
        channel = make_channel(settings)
        try:
            await channel.send(of_test(settings.name, settings.language, title, int(time.time())))
            row["state"] = "taken"
        except NotDelivered as error:
            row |= {"good": False, "state": f"not taken: {error}"}
        finally:
            await channel.close()
        rows.append(row)
    return rows


def read_states(config: Config) -> list[Row]:
    """How far each channel was told, as the database has it. Raises StoreError."""
    kept: dict[str, Progress] = {}
    if config.database.exists():
        with closing(Store(config.database, config.timezone)) as store:
            store.open_readonly()
            kept = {each.name: each for each in store.transaction(outbox.read_channels)}
    return [
        {"name": each.name, "kind": each.way.value, **_state(each, kept.get(each.name))}
        for each in config.notify
    ]


def _state(settings: ChannelSettings, progress: Progress | None) -> Row:
    if settings.way is Way.ATOM:
        return {"good": True, "state": "fetched by your reader"}
    if progress is None:
        return {"good": True, "state": "new: it is told what comes once the service runs"}
    if progress.stopped_at is not None and progress.settings == settings.mark:
        return {"good": False, "state": f"stopped until its settings change: {progress.error}"}
    if progress.attempts:
        state = f"not taken {progress.attempts} times: {progress.error}; tried again by itself"
        return {"good": False, "state": state}
    if progress.error is not None:
        return {"good": False, "state": f"the last message was given up: {progress.error}"}
    return {"good": True, "state": f"told up to event {progress.cursor}"}


def lines(rows: Sequence[Row]) -> list[str]:
    """The same for people."""
    widest = max(len(row["name"]) for row in rows)
    return [f"{row['name']:<{widest}}  {row['kind']:<7}  {row['state']}" for row in rows]
