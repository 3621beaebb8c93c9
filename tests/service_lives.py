"""`donations serve`, life after life, each killed (SIGKILL): `... CONFIG`.

Every life is a fork of this process, so that nothing is imported twice; it runs the whole program,
from the reading of its file on. Orders come in lines of JSON, as `Order`. A life ends itself at the
step of SQLite that it was told to die at, else it is killed when its seconds are over. What it
saves is written to ``lives.log`` beside the configuration, before and after; for each life a line
is answered: whether it was killed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event, inspect

import donations.sources.ethereum
import donations.sources.ethereum_rpc  # noqa: F401 (not in each life anew)
from donations import app, database, schema
from donations.cli import main as donations_main
from donations.ledger import News
from donations.rows import change_row
from donations.store import Store
from tests.storage_faults import Disk, on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from donations.evidence import EthereumProof, Proof
    from donations.ledger import Change
    from donations.records import Batch

PHASES = ("migration", "begin", "write", "commit", "checkpoint")
# So that some of the steps belong to a checkpoint: pages in the log before it is folded in.
_CHECKPOINT_PAGES = 20
OPEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """Die at the ``step``-th step of ``phase`` ("" for none), or so many seconds after the start.

    ``opened``: the seconds begin when the database is open, however long that took. ``moves`` is
    how many releases ahead of the present one the database is: each has a step of migration that
    moves every row of every table.
    """

    phase: str
    step: int
    seconds: float
    opened: bool
    moves: int
    port: int


class Deadly(Disk):
    """A disk that kills who uses it at the step that was ordered."""

    def __init__(self, order: Order, log: int) -> None:
        super().__init__()
        self.order, self.log = order, log
        self.migrating = self.saving = False
        self.reached = 0

    def step(self, kind: str, error: int) -> int:
        if self.order.phase == ("migration" if self.migrating else kind):
            self.reached += 1
            if self.reached == self.order.step:
                tell(self.log, "dying", self.order.phase)
                os.kill(os.getpid(), signal.SIGKILL)
        return super().step(kind, error)


def tell(log: int, word: str, what: object = None) -> None:
    """Say it now: what is written to a file outlives the process."""
    os.write(log, f"{word} {json.dumps(what)}\n".encode())


def move_all(connection: Connection) -> None:
    """A step of migration as a later release may have one: each row is taken out and put back."""
    for table in inspect(connection).get_table_names():
        connection.exec_driver_sql(f"CREATE TABLE moved AS SELECT * FROM {table}")
        connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM moved")
        connection.exec_driver_sql("DROP TABLE moved")


def live(order: Order, config: Path, log: int, opened: int) -> int:
    """The whole program, on a disk that may be its end; it tells when its database is open."""
    disk = Deadly(order, log)
    really_migrate = schema.migrate

    def migrate(engine: Engine) -> None:
        disk.migrating = True
        really_migrate(engine)
        disk.migrating = False
        os.write(opened, b".")

    class Telling(Store):
        """A store that tells what it is about to save, and that it did."""

        def save(self, batch: Batch) -> None:
            with saving(batch.changes, history=batch.history):
                super().save(batch)

        def save_proofs(self, proofs: Sequence[Proof], changes: Sequence[Change]) -> None:
            with saving(changes):
                super().save_proofs(proofs, changes)

        def save_ethereum_proofs(
            self, proofs: Sequence[EthereumProof], changes: Sequence[Change]
        ) -> None:
            with saving(changes):
                super().save_ethereum_proofs(proofs, changes)

    @contextmanager
    def saving(changes: Sequence[Change], *, history: bool = False) -> Iterator[None]:
        news = (
            c for c in changes if c.news is not News.PROVEN and not (history and c.before is None)
        )
        tell(log, "saving", [change_row(change) for change in news])
        disk.saving = True
        yield
        disk.saving = False
        tell(log, "saved")

    vars(schema)["MIGRATIONS"] = (*schema.MIGRATIONS, *[move_all] * order.moves)
    vars(database)["migrate"] = migrate
    vars(app)["Store"] = Telling

    @event.listens_for(Engine, "connect")
    def checkpoint_often(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")

    @event.listens_for(Engine, "begin")
    def begun(connection: Connection) -> None:
        if disk.saving and "mode" not in connection.engine.url.query:
            disk.step("begin", 0)

    with on_disk(disk):
        return donations_main(["serve", "--config", str(config), "--port", str(order.port)])


def fork(order: Order, config: Path, opened: int) -> int:
    """Start a life; its process id."""
    child = os.fork()
    if child:
        return child
    log = os.open(config.with_name("lives.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    output = os.open(config.with_name("serve.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(output, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 70
    try:
        code = live(order, config, log, opened)
    finally:
        os._exit(code)


def main() -> None:
    config = Path(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = Order(**json.loads(line))
        reading, opened = os.pipe()
        child = fork(order, config, opened)
        os.close(opened)
        ended = os.pidfd_open(child)
        if order.opened:
            select.select([ended, reading], [], [], OPEN_SECONDS)
        if not select.select([ended], [], [], order.seconds)[0]:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(ended)
        os.close(reading)
        sys.stdout.write(json.dumps(os.WIFSIGNALED(status)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
