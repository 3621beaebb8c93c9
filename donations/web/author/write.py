"""What the author writes: about one transfer, and of gifts that came another way.

Each is an entry of its own, kept beside the ledger and undone by another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from babel.numbers import is_currency

from donations.books import Annotation, Writing, check_text, parse_manual
from donations.errors import Conflict, NotFound
from donations.ledger import Key
from donations.valuation import minor_digits
from donations.web.author.by_hand_page import FIELDS, ByHandWriter
from donations.web.author.gate import OPERATOR
from donations.web.author.gift_page import WRITINGS, Draft, GiftWriter
from donations.web.author.rows import query_of
from donations.web.author.search import BadSearch, day_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from donations.web.author.room import Room

# Of a coin that is not watched: as many as Bitcoin has, and most of the others.
_DECIMALS = 8
# An entry's number; those of the store fit into 63 bits.
_DIGITS = 18


async def about_a_gift(room: Room) -> web.Response:
    """A form of the page of one transfer was sent."""
    asked, form = room.request.query, await _fields(room)
    key = Key(asked.get("chain", ""), asked.get("address", ""), asked.get("asset", ""))
    identity = asked.get("id", "")
    full = await room.full(key, identity)
    if full is None:
        return room.show("gift", room.writer.pages.note("none_such"), "gifts", status=404)
    page = GiftWriter(room.writer, room.root, room.rows, room.session.form)
    writing = next((w for w in WRITINGS if w.value == form.get("writing")), None)
    text, undoes = form.get("text", ""), _number(form.get("undoes"))
    reason, status = room.writer.pages.say("bad_form"), 400
    kept = ""
    try:
        expects = _number(form.get("expects"))
        entry = _entry(room, key, identity, writing, text, undoes)
        if entry is not None and expects is not None:
            await room.sources.keep(entry, expects)
            return _back(room, f"author/gift?{query_of(key, identity)}")
    except ValueError as error:
        reason = room.writer.pages.say("bad_text", reason=str(error))
    except Conflict as error:
        last, kept, status = error.between[-1], text, 409
        reason = room.writer.pages.say("conflict", operator=last.by)
    except NotFound:
        status = 404
    # As it is now: what came between is shown, and the next try has seen it.
    full = await room.full(key, identity) or full
    draft = Draft(writing or Writing.NOTE, kept, reason, refill=status == 409)
    return room.show("gift", page.write(full, draft), "gifts", status=status)


def _entry(
    room: Room, key: Key, identity: str, writing: Writing | None, text: str, undoes: int | None
) -> Annotation | None:
    """What is to be kept. Raises ValueError for a text that is not to be."""
    by, at = room.request[OPERATOR], int(room.sources.now())
    if undoes is not None:
        return Annotation(Writing.UNDO, by, at, key, identity, undoes=undoes)
    if writing is None:
        return None
    return Annotation(writing, by, at, key, identity, check_text(text))


async def by_hand(room: Room) -> web.Response:
    """The page of gifts that came another way."""
    gifts = await room.sources.desk.by_hand()
    return room.show("by_hand", _page(room).write(gifts, {"unit": room.sources.desk.currency}))


async def add_by_hand(room: Room) -> web.Response:
    """A form of that page was sent: another gift, or the undoing of one."""
    desk, form = room.sources.desk, await _fields(room)
    say = room.writer.pages.say
    status = 400
    try:
        undoes = _number(form.get("undoes"))
        entry = _gift(room, form) if undoes is None else _undoing(room, undoes)
        await room.sources.keep(entry, None)
        return _back(room, "author/by-hand")
    except BadSearch as error:
        reason = say(
            "bad_field", field=say(error.field if error.field == "day" else "field_widget")
        )
    except ValueError as error:
        reason = say("bad_text", reason=str(error))
    except Conflict as error:
        reason, status = say("conflict", operator=error.between[-1].by), 409
    except NotFound:
        reason, status = say("none_such"), 404
    filled = {name: form.get(name, "") for name in FIELDS if name != "text"}
    body = _page(room).write(await desk.by_hand(), filled, reason)
    return room.show("by_hand", body, status=status)


def _page(room: Room) -> ByHandWriter:
    return ByHandWriter(room.writer, room.root, room.session.form, room.sources.desk.widgets)


def _gift(room: Room, form: Mapping[str, str]) -> Annotation:
    """Raises BadSearch and ValueError."""
    desk = room.sources.desk
    unit, widget = form.get("unit", "").strip(), form.get("widget", "")
    if widget not in ("", *(slug for slug, _, _ in desk.widgets)):
        raise BadSearch("widget")
    decimals = next((a.decimals for key, a in desk.assets.items() if key.asset == unit), _DECIMALS)
    if is_currency(unit):
        decimals = minor_digits(unit)
    at = int(day_of(form.get("day", ""), "day", room.writer.zone).timestamp())
    now = int(room.sources.now())
    if at > now:
        raise BadSearch("day")
    manual = parse_manual(form.get("amount", "").strip(), unit, decimals, at, widget)
    text = check_text(form.get("text", ""))
    by = room.request[OPERATOR]
    return Annotation(Writing.MANUAL_GIFT, by, now, text=text, manual=manual)


def _undoing(room: Room, undoes: int) -> Annotation:
    by, at = room.request[OPERATOR], int(room.sources.now())
    return Annotation(Writing.UNDO, by, at, undoes=undoes)


async def _fields(room: Room) -> dict[str, str]:
    """The fields of a form that are text."""
    given = await room.request.post()
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        return None
    return int(text)


def _back(room: Room, path: str) -> web.Response:
    """To the page that the form stands on, by GET: sending it again is not reloading."""
    return web.Response(status=303, headers={"Location": f"{room.root}{path}"})
