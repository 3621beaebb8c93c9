"""The forms of what was sent to the author; as `forms`, not with postponed annotations."""

from typing import Annotated, Any, TypedDict

from donations.web.api.forms import Count, Moment
from donations.web.api.public_forms import Next
from donations.web.api.schema import Says


class DeliveryForm(TypedDict):
    """How an event fared in a channel. `error` says why it was given up; null: it was taken."""

    channel: str
    message: Annotated[str, Says("the id it was sent under, alone or with others")]
    attempts: Count
    at: Moment
    error: str | None


class NoticeForm(TypedDict):
    """One event that was announced, as channels get it, and how it fared."""

    sequence: Annotated[int, Says(lowest=1)]
    id: str
    type: Annotated[str, Says(example="gift.confirmed")]
    at: Moment
    event: dict[str, Any]
    deliveries: list[DeliveryForm]


class NoticesForm(TypedDict):
    """Some events, the newest first."""

    notifications: list[NoticeForm]
    next: Next | None
