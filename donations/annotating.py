"""What the author writes at the terminal, on its way to the one who keeps it.

The running service keeps it where there is one, since it holds unsettled transfers in memory; else
the command takes the database for itself. Both check what is written as if nobody had before.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from donations.books import Annotation, ManualGift, Writing, check_text
from donations.control import NoService, Refused, ask
from donations.errors import ConfigError, StoreError
from donations.ledger import Key
from donations.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from donations.config import Config
    from donations.control import Work
    from donations.records import Annotated

WORK = "annotate"
_BY_LETTERS = 80


def write(config: Config, annotation: Annotation, expects: int | None) -> int:
    """Keep an entry through the running service, or without one; the number that it got.

    Raises ConfigError, and Refused or, without a service, Conflict, NotFound and StoreError: see
    `Store.annotate`.
    """
    question = _question(annotation, expects)
    try:
        return int(ask(config.database, WORK, **question)["sequence"])
    except Refused as refusal:
        if refusal.kind == "input":
            raise ConfigError(str(refusal)) from None
        raise
    except NoService as nobody:
        checked, expected = read_question(question, annotation.at)
        with closing(Store(config.database, config.timezone, config.currency)) as store:
            if not config.database.exists():
                raise StoreError(
                    f"{config.database}: no database yet; `donations serve` makes it"
                ) from None
            try:
                store.open({name: each.network.name for name, each in config.chains.items()})
            except StoreError as error:
                raise StoreError(f"{error} ({nobody})", why=error.why) from None
            return store.annotate(checked, expected).sequence


def work(annotate: Callable[[Annotation, int | None], Awaitable[Annotated]]) -> Work:
    """What the service does when a command asks it to keep an entry."""

    async def keep(asked: dict[str, Any]) -> dict[str, Any]:
        kept = await annotate(*read_question(asked))
        return {"sequence": kept.sequence}

    return keep


def _question(annotation: Annotation, expects: int | None) -> dict[str, Any]:
    key, manual = annotation.key, annotation.manual
    return {
        "writing": annotation.writing.value,
        "key": None if key is None else [key.chain, key.address, key.asset],
        "id": annotation.id,
        "text": annotation.text,
        "undoes": annotation.undoes,
        "manual": None
        if manual is None
        else {
            "amount": str(manual.amount),
            "unit": manual.unit,
            "decimals": manual.decimals,
            "received_at": manual.received_at,
            "widget": manual.widget,
        },
        "by": annotation.by,
        "expects": expects,
    }


def read_question(asked: dict[str, Any], now: int | None = None) -> tuple[Annotation, int | None]:
    """The entry that a command wants kept, and the last one its author had seen.

    Raises ConfigError for what is none.
    """
    try:
        text, by = check_text(_text(asked["text"])), check_text(_text(asked["by"]))
        key = None if asked["key"] is None else Key(*map(_text, asked["key"]))
        told = asked["manual"]
        manual = None
        if told is not None:
            manual = ManualGift(
                int(_text(told["amount"])),
                check_text(_text(told["unit"])),
                _number(told["decimals"]),
                _number(told["received_at"]),
                check_text(_text(told["widget"])),
            )
        annotation = Annotation(
            writing=Writing(asked["writing"]),
            by=by[:_BY_LETTERS],
            at=int(time.time()) if now is None else now,
            key=key,
            id=None if asked["id"] is None else _text(asked["id"]),
            text=text,
            undoes=None if asked["undoes"] is None else _number(asked["undoes"]),
            manual=manual,
        )
        expects = None if asked["expects"] is None else _number(asked["expects"])
    except (KeyError, TypeError) as error:
        raise ConfigError("the question is not of the form that this version asks in") from error
    except ValueError as error:
        raise ConfigError(str(error), key="text") from None
    _check_sense(annotation)
    return annotation, expects


def _check_sense(annotation: Annotation) -> None:
    about = annotation.key is not None and annotation.id is not None
    right = {
        Writing.MANUAL_GIFT: annotation.manual is not None and annotation.key is None,
        Writing.UNDO: annotation.undoes is not None,
    }.get(annotation.writing, about and annotation.undoes is None)
    if not right:
        raise ConfigError("this entry is about nothing", key=annotation.writing.value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise TypeError("a number")
    return value
