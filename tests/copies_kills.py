"""A process that backs up or restores, killed before each of its steps: `... WHAT FOLDER FIRST`.

Every life is a fork. It works on a fresh copy of the folder FOLDER/model, and is killed (SIGKILL,
by itself) before the step of its number: a file that Python opens, names, copies or takes away, or
a database that it opens. A line is printed for each life: its number and what it was about to do.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from datetime import UTC
from pathlib import Path

from donations.copies.backup import back_up
from donations.copies.restore import restore
from tests.saver import NETWORKS, tell

NOW = 1_800_000_000
_STEPS = ("open", "os.", "shutil.", "sqlite3.connect", "tempfile.")


def die_before(step: int, report: int) -> None:
    """Kill this process at the audit event of this number (PEP 578)."""
    done = 0

    def see(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event.startswith(_STEPS):
            done += 1
            if done == step:
                os.write(report, event.encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)


def work(what: str, folder: Path) -> None:
    """The one call that is killed."""
    if what == "backup":
        back_up(folder / "d.sqlite", folder / "copy", NOW)
    else:
        restore(folder / "copy", folder / "d.sqlite", NETWORKS, UTC, NOW)


def main() -> None:
    what, folder, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    while True:
        life = folder / f"{step}"
        shutil.copytree(folder / "model", life)
        reading, report = os.pipe()
        child = os.fork()
        if child == 0:
            die_before(step, report)
            work(what, life)
            os._exit(0)
        os.close(report)
        with os.fdopen(reading) as told:
            about = told.read()
        _, status = os.waitpid(child, 0)
        tell(f"{step} {about or 'end'}")
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        step += 1


if __name__ == "__main__":
    main()
