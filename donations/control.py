"""How commands of the terminal reach the running service: a local socket beside the database.

The service alone writes the database, so a command that writes asks it. One JSON object a line goes
each way, then the connection ends:

    {"do": "annotate", ...}  ->  {"done": {...}}  or  {"refused": "conflict", "because": "..."}

Who may: the user of the service and root. The file has mode 0600, and the kernel tells who calls.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import stat
import struct
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any

from donations.errors import ConfigError, Conflict, DonationsError, NotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    # What a command asks, without more order than JSON has -> what it is told.
    Work = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

logger = logging.getLogger(__name__)

# Bytes of a line, either way: a note has 500 characters.
MOST_BYTES = 64 * 1024
_ASKING_SECONDS = 5.0
# A test of every notification may wait for a receiver that hangs.
_WORKING_SECONDS = 120.0
_CALLERS = 16
# Linux: 108 bytes with the zero at the end (unix(7)); 104 on macOS and the BSDs.
PATH_BYTES = 107 if os.uname().sysname == "Linux" else 103
_KINDS: tuple[tuple[str, type[DonationsError]], ...] = (
    ("input", ConfigError),
    ("conflict", Conflict),
    ("not found", NotFound),
    ("store", StoreError),
    ("world", DonationsError),
)


class NoService(DonationsError):
    """No service listens there."""


class Refused(DonationsError):
    """The service did not do it; ``kind`` says whose error it is, the text why."""

    def __init__(self, kind: str, because: str) -> None:
        super().__init__(because)
        self.kind = kind


def socket_path(database: Path) -> Path:
    """Where the service of ``database`` listens."""
    return database.absolute().with_name(database.name + ".sock")


def too_long(path: Path) -> str | None:
    """What to do about a path that no socket can have; None for a path that will do."""
    length = len(os.fsencode(path))
    if length <= PATH_BYTES:
        return None
    return (
        f"{path} has {length} bytes, a local socket at most {PATH_BYTES}: choose a shorter "
        "`database`, or stop the service while commands write"
    )


@asynccontextmanager
async def listening(database: Path, works: Mapping[str, Work]) -> AsyncIterator[bool]:
    """Answer commands while the block lasts; yields whether that can be.

    To be called by who holds the lock of the database: what lies at the path is then left over.
    """
    path = socket_path(database)
    try:
        listener = _listener(path)
    except OSError as error:
        logger.warning("commands that write cannot reach this service: %s", error)
        yield False
        return
    callers: set[asyncio.Task[Any] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = asyncio.current_task()
        with suppress(ConnectionError, TimeoutError):
            if len(callers) >= _CALLERS:
                await _say(writer, {"refused": "world", "because": "too many callers at once"})
            else:
                callers.add(caller)
                await _say(writer, await _answer(reader, writer, works))
        callers.discard(caller)
        writer.close()

    server = await asyncio.start_unix_server(answer, sock=listener, limit=MOST_BYTES)
    try:
        yield True
    finally:
        server.close()
        with suppress(OSError):
            path.unlink()
        # What was begun is done, and told to who asked: he would ask again otherwise.
        if tasks := [task for task in callers if task is not None]:
            await asyncio.wait(tasks, timeout=_ASKING_SECONDS)


def _listener(path: Path) -> socket.socket:
    """A bound socket of mode 0600. Raises OSError."""
    told = too_long(path)
    if told is not None:
        raise OSError(told)
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(f"{path} is there and is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Before anybody can connect: it does not listen yet.
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, works: Mapping[str, Work]
) -> dict[str, Any]:
    caller = _peer(writer.get_extra_info("socket"))
    if caller not in (None, os.geteuid(), 0):
        return {"refused": "world", "because": "this service belongs to another user"}
    try:
        async with asyncio.timeout(_ASKING_SECONDS):
            line = await reader.readuntil(b"\n")
        asked = json.loads(line)
    except asyncio.LimitOverrunError:
        return {"refused": "input", "because": f"a question has at most {MOST_BYTES} bytes"}
    except (asyncio.IncompleteReadError, ValueError, RecursionError):
        return {"refused": "input", "because": "a question is one JSON object and a line feed"}
    work = works.get(str(asked.get("do"))) if isinstance(asked, dict) else None
    if work is None:
        return {"refused": "input", "because": "the running service does not know this command"}
    try:
        async with asyncio.timeout(_WORKING_SECONDS):
            return {"done": await work(asked)}
    except DonationsError as error:
        kind = next(name for name, family in _KINDS if isinstance(error, family))
        return {"refused": kind, "because": str(error)}
    except TimeoutError:
        return {"refused": "world", "because": "it takes too long; look at the service's log"}


async def _say(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    async with asyncio.timeout(_ASKING_SECONDS):
        await writer.drain()


def _peer(connection: Any) -> int | None:
    """The user at the other end; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, 12))
    return int(user)


def ask(
    database: Path, what: str, *, seconds: float = _WORKING_SECONDS + 5, **arguments: Any
) -> dict[str, Any]:
    """Let the running service of ``database`` do something; what it answers.

    Raises NoService when there is none, Refused when it will not, StoreError when it does not
    answer as it should.
    """
    path = socket_path(database)
    if too_long(path) is not None:
        raise NoService(too_long(path))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoService(f"no service listens at {path}") from None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None
        try:
            # Who is refused at the door has his answer, though nobody read the question.
            with suppress(BrokenPipeError):
                connection.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
            answer = _read(connection)
        except OSError as error:
            raise StoreError(f"the service does not answer: {error.strerror or error}") from None
    if "refused" in answer:
        raise Refused(str(answer["refused"]), str(answer.get("because", "")))
    done = answer.get("done")
    if not isinstance(done, dict):
        raise StoreError("the service answers in another way than this version understands")
    return done


def _read(connection: socket.socket) -> dict[str, Any]:
    told = b""
    while not told.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(told) > MOST_BYTES:
            break
        told += part
    try:
        answer = json.loads(told)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise StoreError("the service broke off: look at its log")
    return answer
