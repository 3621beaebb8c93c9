"""What a channel is given to send: one event, or many of them in a digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from donations.announcements import Announcement, Type, event_id
from donations.notify import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.outbox import Event

# A digest tells so many events each in a line of its own.
_LINES = 50


@dataclass(frozen=True, slots=True)
class Message:
    """``payload`` for programs; ``title``, of one line, and ``text`` for people.

    All of it is the same at every attempt. ``at`` is in Unix seconds.
    """

    id: str
    payload: str
    title: str
    text: str
    at: int


class Channel(Protocol):
    """A way to the author."""

    async def send(self, message: Message) -> None:
        """Return when the message was taken. Raises NotDelivered."""
        ...

    async def close(self) -> None:
        """Give up what is under way."""
        ...


def of_events(events: Sequence[Event], language: str, title: str) -> Message:
    """The message that tells these events. ``title`` is that of the blog's widget."""
    if len(events) > 1:
        return _digest(events, language, title)
    (event,) = events
    told = words.tell(event.type, json.loads(event.payload)["data"], language)
    return Message(
        id=event.id,
        payload=event.payload,
        title=_one_line(f"{title}: {told[0]}" if title else told[0]),
        text="\n".join(told[1:]),
        at=event.at,
    )


def of_test(name: str, language: str, title: str, now: int) -> Message:
    """A message that says that the channel works."""
    test = Announcement(Type.TEST, "", now, {"channel": name, "time": now})
    payload = test.payload(1)
    told = words.tell(Type.TEST, test.data, language)
    head = _one_line(f"{title}: {told[0]}" if title else told[0])
    return Message(event_id(payload), payload, head, "\n".join(told[1:]), now)


def _digest(events: Sequence[Event], language: str, title: str) -> Message:
    """Its id is made of the ids of its events: the same ones make the same message."""
    data = {"events": [event.id for event in events]}
    payload = Announcement(Type.DIGEST, "", 0, data).payload(1)
    lines = [
        words.tell(event.type, json.loads(event.payload)["data"], language)[0]
        for event in events[:_LINES]
    ]
    told = words.tell_many([event.type for event in events], lines, language)
    head = _one_line(f"{title}: {told[0]}" if title else told[0])
    return Message(event_id(payload), payload, head, "\n".join(told[1:]), events[-1].at)


def _one_line(text: str) -> str:
    """Fit for a header: no control character passes, whatever the title holds."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]
