"""Files and notifications for the author: what the terminal writes, and what was announced."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest

from donations import outbox
from donations.announcements import Announcement, Type
from donations.books import Filter
from donations.exporting import export, frame_of, keys_of, reading
from tests.api.author_part import author_part
from tests.api.test_author_part import GIFTS, ROOT, config, law, made
from tests.web.waiting import run

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config
    from tests.api.author_part import AuthorPart

__all__ = ["config", "made"]

FORMS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "beancount": "text/plain; charset=utf-8",
    "hledger": "text/plain; charset=utf-8",
}
_MADE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def undated(text: str) -> str:
    """A file without the time that it was made, which stands at its beginning."""
    return _MADE.sub("", text, count=1) if not text.startswith('"') else text


def written(config: Config, form: str, wanted: Filter, *, manual: bool) -> str:
    """What the terminal writes."""
    keys = keys_of(config)
    with reading(config) as store:
        frame = frame_of(config, 0)
        return "".join(export(form, store, frame, wanted, keys, manual=manual)).replace(
            "1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z"
        )


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_what_the_terminal_writes(config: Config, form: str) -> None:
    """To the last byte but its date, of everything and of a time; nobody else may keep it."""

    async def judge(part: AuthorPart) -> None:
        gift = {"unit": "EUR", "units": "1234", "received_at": 1_750_000_000, "text": "=cash"}
        kept = await part.api.ask(f"{ROOT}/manual-gifts", "POST", json=gift)
        assert kept.status == 201
        for query, wanted, manual in (
            ("", Filter(keys=frozenset(keys_of(config))), True),
            (
                "?since=1700000000&until=1760000000",
                Filter(frozenset(keys_of(config)), since=1_700_000_000, until=1_760_000_000),
                True,
            ),
            (f"?widget={config.widget.slug}", Filter(keys=frozenset(keys_of(config))), False),
        ):
            told = await part.api.ask(f"{ROOT}/export.{form}{query}")
            assert told.status == 200
            assert told.headers["content-type"] == FORMS[form]
            assert told.headers["content-disposition"] == f'attachment; filename="donations.{form}"'
            assert told.headers["cache-control"] == "no-store"
            text = told.body.decode()
            assert undated(text) == undated(written(config, form, wanted, manual=manual))
            assert len(text) > 50_000

    law(config, judge)


def test_who_breaks_off_keeps_nobody_waiting(config: Config) -> None:
    """Files that are begun and not read to their end are given up, and the next one is served."""

    async def judge(part: AuthorPart) -> None:
        for _ in range(6):
            async with part.api.http.get(f"{ROOT}/export.json") as answer:
                await answer.content.read(10)
                answer.close()
        whole = await part.api.ask(f"{ROOT}/export.json")
        assert len(whole.json["lines"]) == GIFTS
        head = await part.api.ask(f"{ROOT}/export.json", "HEAD")
        assert (head.status, head.body) == (200, b"")

    law(config, judge)


def test_files_wait_for_each_other(config: Config) -> None:
    """Four at once are served one after the other; of more some are told to come again."""

    async def judge(part: AuthorPart) -> None:
        answers = await asyncio.gather(*(part.api.ask(f"{ROOT}/export.csv") for _ in range(8)))
        statuses = sorted(answer.status for answer in answers)
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) >= 4
        bodies = {answer.body for answer in answers if answer.status == 200}
        assert len(bodies) == 1

    law(config, judge)


@pytest.mark.parametrize(
    ("query", "status"), [("widget=none", 404), ("since=x", 400), ("asset=BTC", 400)]
)
def test_what_no_file_is_of(made: Path, query: str, status: int) -> None:
    """An unknown widget, no time, no such parameter: a problem, and no half of a file."""

    async def judge() -> None:
        from tests.benchmarks.many import config_of

        async with author_part(config_of(made)) as part:
            assert (await part.api.ask(f"{ROOT}/export.csv?{query}")).status == status

    run(judge())


def test_what_was_announced_is_told_with_how_it_fared(config: Config) -> None:
    """Page by page, the newest first: the very event that was sent, and each channel's answer."""

    async def judge(part: AuthorPart) -> None:
        store = part.store
        given = [
            Announcement(Type.SEEN, f"a transfer {n}", 1_700_000_000 + n, {"n": n})
            for n in range(25)
        ]
        await store.run(store.transaction, outbox.put_events, given)
        channels = await store.run(store.transaction, outbox.open_channels, {"mail": "x"})
        deliveries = [
            outbox.Delivery("mail", 25, "msg_1", 1, 1_700_000_100),
            outbox.Delivery("mail", 24, "msg_1", 10, 1_700_000_100, "550 no such user"),
        ]
        await store.run(store.transaction, outbox.put_deliveries, deliveries, channels["mail"])
        found: list[dict[str, object]] = []
        cursor = ""
        while True:
            told = (await part.api.ask(f"{ROOT}/notifications?limit=7{cursor}")).json
            found += told["notifications"]
            if told["next"] is None:
                break
            cursor = f"&cursor={told['next']}"
        assert [one["sequence"] for one in found] == [*range(25, 0, -1)]
        newest, second = found[:2]
        assert newest["event"] == json.loads(given[-1].payload(1))
        assert newest["deliveries"] == [
            {"channel": "mail", "message": "msg_1", "attempts": 1, "at": 1_700_000_100,
             "error": None}
        ]  # fmt: skip
        assert second["deliveries"][0]["error"] == "550 no such user"  # type: ignore[index]
        for bad in ("0", "x", "-1", "1~2", "9" * 17, "%D9%A1"):
            assert (await part.api.ask(f"{ROOT}/notifications?cursor={bad}")).status == 400

    law(config, judge)
