"""The newest events as entries of a feed, in the words of its language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations import outbox
from donations.announcements import is_wanted
from donations.notify.message import of_events

if TYPE_CHECKING:
    from donations.announcements import Type
    from donations.config_notify import ChannelSettings
    from donations.notify.message import Message
    from donations.store import Store

# So many events are looked at: readers keep what they once saw.
_LATEST = 200


async def read_entries(settings: ChannelSettings, store: Store, title: str) -> list[Message]:
    """What the feed tells, the newest first. Raises StoreError."""
    latest = await store.transact(outbox.read_latest, None, _LATEST)
    told: dict[str, list[Type]] = {}
    entries = []
    for event in reversed(latest):
        before = told.setdefault(event.subject, [])
        if is_wanted(event.type, settings.events, before):
            before.append(event.type)
            entries.append(of_events([event], settings.language, title))
    return entries[::-1]
