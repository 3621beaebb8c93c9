"""A process that saves, killed at each single step on the disk: `... FOLDER SAVES FIRST`.

Every life is a fork of this one, so that nothing is imported twice. Each opens a database of its
own, saves, and is killed (SIGKILL, by itself) at the start of one step of SQLite on the disk, from
FIRST up; the last life is not killed. A line is printed for each: its number, what it was about to
do, and the last batch that it told as saved.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from datetime import UTC
from pathlib import Path

from sqlalchemy import Engine, event

from donations.store import Store
from tests.saver import NETWORKS, save, tell
from tests.storage_faults import Disk, on_disk

# So that some of the steps belong to a checkpoint: pages in the log before it is folded in.
_CHECKPOINT_PAGES = 60


class Deadly(Disk):
    """A disk that kills who uses it at the first step named in ``fails``."""

    phase = "migration"
    report = -1

    def step(self, kind: str, error: int) -> int:
        if self.steps in self.fails:
            about = self.phase if self.phase == "migration" else kind
            os.write(self.report, about.encode() + b"\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(kind, error)


def live(path: Path, saves: int, step: int, report: int) -> None:
    """Save so often, and die at the step of this number."""
    with on_disk(disk := Deadly(fails=range(step, step + 1))):
        disk.report = report

        @event.listens_for(Engine, "connect")
        def checkpoint_often(connection: object, _record: object) -> None:
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")  # type: ignore[attr-defined]

        @event.listens_for(Engine, "begin")
        def begun(_connection: object) -> None:
            if disk.phase != "migration":
                disk.step("begin", 0)

        with closing(Store(path, UTC)) as store:
            store.open(NETWORKS)
            disk.phase = "saving"
            for number in range(1, saves + 1):
                save(store, number)
                os.write(report, f"{number}\n".encode())


def main() -> None:
    folder, saves, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    while True:
        reading, report = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            live(folder / f"{step}.sqlite", saves, step, report)
            os._exit(0)
        os.close(report)
        with os.fdopen(reading) as told:
            words = told.read().split()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        numbers = [word for word in words if word.isdigit()]
        about = words[-1] if killed else "end"
        tell(f"{step} {about} {numbers[-1] if numbers else 0}")
        if not killed:
            return
        step += 1


if __name__ == "__main__":
    main()
