"""A long history streams: memory holds a page of it, however long it is."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.books import Filter
from donations.exporting import FORMS, export, frame_of, keys_of
from donations.exports.beancount import beancount
from donations.exports.csv_form import csv_form
from donations.exports.hledger import hledger
from donations.exports.json_form import json_form
from donations.exports.summary import summarise_year
from donations.store import Store
from tests.benchmarks.many import config_of, make
from tests.exports.made import KEYS, books

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from donations.exports.line import Line
    from tests.measured import Table

MOST_MIB = 12


def peak(pieces: Iterable[object]) -> int:
    """The most bytes of Python's while all of it is taken and nothing kept."""
    tracemalloc.start()
    try:
        for _ in pieces:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["csv", "json", "beancount", "hledger", "summary"])
def test_forms_hold_no_history(form: str, table: Table, long: bool) -> None:
    """However many gifts take the memory of a few: what was written is let go."""
    made = books(7, 500, digits=2)
    frame, some = made.frame, made.lines

    def many(count: int) -> Iterator[Line]:
        for number in range(count):
            yield replace(some[number % len(some)], id=f"{number:064x}")

    lines = many(200_000 if long else 10_000)
    units = ("USD", "XMR")
    most = {
        "csv": lambda: peak(csv_form(lines, frame)),
        "json": lambda: peak(json_form(lines, frame)),
        "beancount": lambda: peak(beancount(lines, frame, KEYS, units)),
        "hledger": lambda: peak(hledger(lines, frame, units)),
        "summary": lambda: peak(summarise_year(lines, frame, 2024) for _ in range(1)),
    }[form]()
    table.gate(f"export {form} of many lines: memory", round(most / 2**20, 1), 4, " MiB")


def test_the_database_is_read_page_by_page(tmp_path: Path, table: Table, long: bool) -> None:
    """Every form of a long history holds little more than a page of it."""
    config = config_of(tmp_path / "d.sqlite3")
    gifts = 200_000 if long else 4_000
    make(config, gifts)
    keys = keys_of(config)
    wanted = Filter(keys=frozenset(keys))
    frame = frame_of(config, 1_800_000_000)
    with closing(Store(config.database, config.timezone, config.currency)) as store:
        store.open_readonly()
        worst = 0
        for form in FORMS:
            pieces = export(form, store, frame, wanted, keys, manual=True)
            worst = max(worst, peak(pieces))
    table.gate(f"exports of {gifts:,} gifts: memory", round(worst / 2**20, 1), MOST_MIB, " MiB")
