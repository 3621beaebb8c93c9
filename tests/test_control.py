"""The socket through which commands reach the running service: who may, how much, how long."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from donations import control
from donations.control import NoService, Refused, ask, listening, socket_path
from donations.errors import ConfigError, StoreError
from tests.running import scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parent.parent


async def echo(asked: dict[str, Any]) -> dict[str, Any]:
    return {"heard": asked}


async def refuse(_: dict[str, Any]) -> dict[str, Any]:
    raise ConfigError("no such thing", key="id")


@asynccontextmanager
async def service(folder: Path, **works: Any) -> AsyncIterator[Path]:
    database = folder / "d.sqlite"
    async with listening(database, {"echo": echo, "refuse": refuse, **works}) as listens:
        assert listens
        yield database


async def asked(database: Path, what: str, **arguments: Any) -> dict[str, Any]:
    return await asyncio.to_thread(ask, database, what, **arguments)


async def sent(database: Path, text: bytes) -> dict[str, Any] | None:
    """What comes back for raw bytes; None for nothing."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path(database)))
    writer.write(text)
    line = await reader.read()
    writer.close()
    return json.loads(line) if line else None


@scene
async def test_a_question_has_one_answer(tmp_path: Path) -> None:
    """What is asked arrives as it was meant, and the answer comes back, in any script."""
    async with service(tmp_path) as database:
        told = await asked(database, "echo", text="merci ≠ \u202e \n ok", number=2**70)
    assert told["heard"]["text"] == "merci ≠ \u202e \n ok"
    assert told["heard"]["number"] == 2**70


@scene
async def test_a_refusal_says_whose_error_it_is(tmp_path: Path) -> None:
    """An error of the service reaches the terminal with its kind and its text."""
    async with service(tmp_path) as database:
        with pytest.raises(Refused, match="no such thing") as told:
            await asked(database, "refuse")
        assert told.value.kind == "input"
        with pytest.raises(Refused, match="does not know this command"):
            await asked(database, "dance")


@scene
async def test_only_the_owner_may_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket has mode 0600 whatever the umask; another user's call is refused."""
    old = os.umask(0)
    try:
        async with service(tmp_path) as database:
            mode = socket_path(database).stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
            monkeypatch.setattr(control, "_peer", lambda _: os.geteuid() + 1_000)
            with pytest.raises(Refused, match="another user"):
                await asked(database, "echo")
    finally:
        os.umask(old)


@scene
async def test_the_kernel_tells_who_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of another user is known as such, though it got hold of the socket."""
    database = tmp_path / "d.sqlite"
    caller = os.geteuid() or 65534
    if os.geteuid() != 0:  # who cannot call as another lets the service be another's
        monkeypatch.setattr(os, "geteuid", lambda: caller + 1)
    async with service(tmp_path):
        path = socket_path(database)
        path.chmod(0o777)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(0o755)
        code = (
            f"import os, socket, sys; os.getuid() == 0 and os.setuid({caller}); "
            "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(999))"
        )
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code, str(path)], capture_output=True, text=True
        )
        assert "another user" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        b"\n", b"[]\n", b"null\n", b'{"do": 1}\n', b'"x"\n', b"{" * 9_000 + b"\n",
        b"[" * 60_000 + b"\n", b"\xff\xfe\n", b"x" * (2 * control.MOST_BYTES) + b"\n",
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(tmp_path: Path, text: bytes) -> None:
    """Other bytes than a JSON object of a known command get an answer that says so."""

    @scene
    async def run() -> None:
        async with service(tmp_path) as database:
            told = await sent(database, text)
            assert told is not None
            assert told["refused"] == "input"
            assert (await asked(database, "echo"))["heard"] == {"do": "echo"}

    run()


@scene
async def test_who_says_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller who sends no whole line keeps his place for a while only; others are served."""
    monkeypatch.setattr(control, "_ASKING_SECONDS", 0.3)
    async with service(tmp_path) as database:
        silent = [await asyncio.open_unix_connection(str(socket_path(database))) for _ in range(16)]
        with pytest.raises(Refused, match="too many callers"):
            await asked(database, "echo")
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
        assert await asked(database, "echo")


@scene
async def test_work_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that does not end is answered for."""
    monkeypatch.setattr(control, "_WORKING_SECONDS", 0.2)

    async def hang(_: dict[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async with service(tmp_path, hang=hang) as database:
        with pytest.raises(Refused, match="too long"):
            await asked(database, "hang")


@scene
async def test_what_was_begun_is_told(tmp_path: Path) -> None:
    """A service that is stopped in the middle of a command finishes it and answers."""
    begun, end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        await end.wait()
        ended.set()
        return {"kept": True}

    async with service(tmp_path, slow=slow) as database:
        call = asyncio.create_task(asked(database, "slow"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.1, end.set)
    assert ended.is_set()
    assert await call == {"kept": True}
    assert not socket_path(database).exists()


@scene
async def test_a_socket_that_was_left_is_replaced(tmp_path: Path) -> None:
    """What a killed service left is no service, and is in nobody's way."""
    database = tmp_path / "d.sqlite"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path(database)))
    with pytest.raises(NoService):
        await asked(database, "echo")
    async with service(tmp_path):
        assert await asked(database, "echo")
    with pytest.raises(NoService):
        await asked(database, "echo")


@scene
async def test_a_file_in_its_place_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no socket is not taken away: the service runs without, and its log says why."""
    database = tmp_path / "d.sqlite"
    socket_path(database).write_text("mine")
    async with listening(database, {}) as listens:
        assert not listens
    assert socket_path(database).read_text() == "mine"
    assert "is there and is no socket" in caplog.text


@scene
async def test_a_path_too_long_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The system's limit, and what to do, stand in the log and in the command's error."""
    database = tmp_path / ("x" * 120) / "d.sqlite"
    database.parent.mkdir()
    async with listening(database, {"echo": echo}) as listens:
        assert not listens
    assert "choose a shorter `database`" in caplog.text
    with pytest.raises(NoService, match="at most"):
        await asked(database, "echo")


@pytest.mark.parametrize("answer", [b"", b"{", b"[1]\n", b"{}\n", b'{"done": 1}\n'])
def test_an_answer_that_is_none_is_told(tmp_path: Path, answer: bytes) -> None:
    """A service that breaks off, or speaks otherwise, is an error, and never "done"."""
    database = tmp_path / "d.sqlite"

    @scene
    async def run() -> None:
        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(answer)
            writer.close()

        server = await asyncio.start_unix_server(say, str(socket_path(database)))
        async with server:
            with pytest.raises(StoreError):
                await asked(database, "echo")

    run()
