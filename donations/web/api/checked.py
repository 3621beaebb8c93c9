"""A JSON value -> the same value, once it is of a form. What is not is named by its place."""

from __future__ import annotations

import json
import re
import types
from enum import Enum
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from donations.web.api.operation import JSON
from donations.web.api.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from donations.web.api.schema import Says


class Amiss(ValueError):
    """The value at ``place`` is not as it should be."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place


async def read_body(request: web.Request, form: Any) -> Any:
    """The JSON body of a request, once it is of ``form``. Raises Problem: 400, 413 or 415."""
    if request.content_type != JSON or (request.charset or "utf-8").lower() != "utf-8":
        raise Problem(415, f"Send {JSON}.")
    body = await request.read()
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        # Outside of the handler, so that nothing of what was sent goes along.
        value = _Nothing
    if value is _Nothing:
        raise Problem(400, "The body is no JSON (RFC 8259), or names something twice.")
    try:
        return checked(form, value)
    except Amiss as amiss:
        raise Problem(400, f"{amiss.place}: {amiss}", parameter=amiss.place) from None


class _Nothing:
    """No value."""


def _refuse(_text: str) -> None:
    raise ValueError("no number")


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError("twice")
        found[name] = value
    return found


def checked(form: Any, value: Any, place: str = "body") -> Any:
    """``value`` as it is used from here on: members of enumerations, whole numbers as int.

    Raises Amiss.
    """
    if is_typeddict(form):
        return _record(form, value, place)
    if isinstance(form, type) and issubclass(form, Enum):
        try:
            return form(value)
        except ValueError:
            raise Amiss(place, f"give one of: {', '.join(one.value for one in form)}") from None
    arguments = get_args(form)
    match get_origin(form):
        case origin if origin is Annotated:
            return _said(checked(arguments[0], value, place), arguments[1:], place)
        case origin if origin is Literal:
            if value not in arguments or type(value) not in {type(one) for one in arguments}:
                raise Amiss(place, "give one of the words that the document has")
            return value
        case origin if origin in (Union, types.UnionType):
            if value is None and type(None) in arguments:
                return None
            (rest,) = (one for one in arguments if one is not type(None))
            return checked(rest, value, place)
    if form is int and isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows no difference between 1.0 and 1
    if type(value) is not form:
        raise Amiss(place, f"give {_NAMES[form]}")
    return value


_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}


def _record(form: Any, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Amiss(place, "give an object")
    hints = get_type_hints(form, include_extras=True)
    inside = "" if place == "body" else f"{place}."
    missing = sorted(form.__required_keys__ - set(value))
    if missing:
        raise Amiss(f"{inside}{missing[0]}", "is missing")
    if not set(value) <= set(hints):
        raise Amiss(place, f"known here: {', '.join(hints)}")
    found = {}
    for name, given in value.items():
        hint = hints[name]
        bare = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
        found[name] = checked(bare, given, f"{inside}{name}")
    return found


def _said(value: Any, says: Iterable[Says], place: str) -> Any:
    for one in says:
        if isinstance(value, str):
            if one.longest is not None and len(value) > one.longest:
                raise Amiss(place, f"at most {one.longest} characters")
            if one.pattern is not None and re.fullmatch(one.pattern, value) is None:
                raise Amiss(place, one.about or "not of the form that the document has")
        elif isinstance(value, int):
            lowest, highest = one.lowest, one.highest
            if (lowest is not None and value < lowest) or (highest is not None and value > highest):
                raise Amiss(place, f"give a whole number from {lowest} to {highest}")
    return value
