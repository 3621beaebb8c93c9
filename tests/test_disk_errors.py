"""A disk that fails at each single write and sync: what was acknowledged is there, once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from donations.errors import StoreError
from donations.reasons import Reason
from donations.store import Store
from tests.saver import GIFTS, NETWORKS, save
from tests.storage_faults import on_disk
from tests.test_durability import ROOT, _assert_whole, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.measured import Table

SAVES = 2
# A log that cannot be made makes a database that "cannot be opened".
OF_THE_DISK = {Reason.STORE_INPUT_OUTPUT, Reason.STORE_FULL, Reason.STORE_READ_ONLY}


def _life(path: Path, *, fails: range, full: bool) -> tuple[int, int, int, set[Reason]]:
    """Open a database and save on a disk with these faults, then look at it on a sound one.

    The number of steps, of faults met, of batches acknowledged but lost, and the reasons told.
    """
    acknowledged, reasons = 0, set[Reason]()
    with on_disk() as disk:
        disk.full, disk.fails = full, fails
        with closing(Store(path, UTC)) as store:
            try:
                store.open(NETWORKS)
                for number in range(1, SAVES + 1):
                    save(store, number)
                    acknowledged = number
            except StoreError as error:
                reasons.add(error.why)
        steps, met = disk.steps, disk.met
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(opened(path)) as store:
        there = _assert_whole(store, acknowledged)
        save(store, there + 1)
        assert _assert_whole(store, there + 1) == there + 1
    return steps, met, max(0, acknowledged - there), reasons


@pytest.mark.parametrize("full", [False, True], ids=["i/o error", "full"])
def test_each_write_and_sync_fails(tmp_path: Path, full: bool, table: Table) -> None:
    """With an error at each step in turn, nothing acknowledged is lost, nothing counts twice, the
    file stays sound, and the reason is of the disk."""
    steps, _, _, _ = _life(tmp_path / "whole", fails=range(0), full=full)
    assert steps > 20
    met = lost = 0
    for step in range(steps):
        fails = range(step, step + 1)
        _, struck, missing, reasons = _life(tmp_path / f"d{step}", fails=fails, full=full)
        met, lost = met + struck, lost + missing
        assert reasons <= OF_THE_DISK
    assert met >= steps
    kind = "full disk" if full else "I/O errors"
    table.never(f"{kind} ({steps} steps, {met} met): acknowledged but lost", lost, steps * GIFTS)


def test_a_kill_at_each_step(tmp_path: Path, table: Table, long: bool) -> None:
    """Killed before each single write and sync of a first start and some saves: what was told is
    there, whole and once, and the next start needs no hand."""
    saves = 20 if long else 2
    told = subprocess.run(
        [sys.executable, "-m", "tests.saver_kills", str(tmp_path), str(saves), "0"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    lives = [line.split() for line in told.stdout.splitlines()]
    phases = Counter(about for _, about, _ in lives[:-1])
    lost = 0
    for step, _, acknowledged in lives:
        path = tmp_path / f"{step}.sqlite"
        with closing(opened(path)) as store:
            lost += int(acknowledged) > _assert_whole(store, int(acknowledged), rebuild=False)
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert lives[-1][1] == "end"
    assert phases.keys() == {"migration", "begin", "write", "commit", "checkpoint"}
    hit = ", ".join(f"{phase} {count}" for phase, count in sorted(phases.items()))
    table.never(f"kills at each step on the disk ({hit}): lost or double", lost, len(lives) - 1)
