"""`donations notify`: who is told what, and whether it reaches them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from donations import outbox
from donations.app import running
from donations.cli import main
from donations.demo.world import World
from tests.notify.receiver import receiving, webhook
from tests.notify.test_configuration import ADDRESS, EVENT, HOOK, MAIL, WORD
from tests.notify.test_mail import server
from tests.running import config_on, free_port, scene, until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def file(folder: Path, *channels: str, head: str = "") -> str:
    """A configuration file with these channels."""
    path = folder / "config.toml"
    path.write_text(head + ADDRESS + "".join(f"[[notify]]\n{channel}\n" for channel in channels))
    return str(path)


def test_a_test_goes_through_each_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`donations notify --test`: taken or why not, each for itself; exit code 1 if one was not."""
    with server() as (box, port):
        path = file(
            tmp_path,
            MAIL.replace("mail.example", f"127.0.0.1:{port}") + 'language = "fr"',
            HOOK.replace("https://hooks.example/in", f"http://127.0.0.1:{free_port()}/hidden"),
            f'kind = "atom"\nsecret = "{WORD}"',
        )
        assert main(["notify", "--config", path, "--test"]) == 1
        told = capsys.readouterr().out
        assert re.search(r"^email +email +taken$", told, re.MULTILINE)
        assert re.search(r"^webhook +webhook +not taken: no connection$", told, re.MULTILINE)
        assert "hidden" not in told
        assert main(["notify", "--config", path, "--test", "email", "--json"]) == 0
        assert [row["name"] for row in json.loads(capsys.readouterr().out)["channels"]] == ["email"]
        assert main(["notify", "--config", path, "--test", "nobody"]) == 2
        assert "email, webhook, atom" in capsys.readouterr().err
    assert [mail["Subject"] for mail in box.took] == 2 * ["un essai"]


def test_without_channels_it_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, as for what is not configured."""
    assert main(["notify", "--config", file(tmp_path)]) == 2
    assert "[[notify]]" in capsys.readouterr().err


@scene
async def test_it_says_how_far_each_was_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first start, while all is well, and when a receiver wants nothing any more."""
    async with World(1) as world, receiving() as receiver:
        config = replace(config_on(world, tmp_path, only=("btc",)), notify=(webhook(receiver.url),))
        hook = HOOK.replace("https://hooks.example/in", receiver.url)
        path = file(tmp_path, hook, head=f'database = "{config.database}"\n')
        assert main(["notify", "--config", path]) == 0
        assert "new: it is told what comes" in capsys.readouterr().out

        async def gone(_: web.Request) -> web.Response:
            return web.Response(status=410)

        async with running(config) as (service, _):
            await until(lambda: service.trackers)
            await service.store.transact(outbox.put_events, [EVENT])
            service.notifier.wake()
            await until(lambda: receiver.got)
            assert main(["notify", "--config", path]) == 0
            assert "told up to event" in capsys.readouterr().out
            receiver.answer = gone
            await service.store.transact(outbox.put_events, [EVENT])
            service.notifier.wake()
            await until(lambda: service.notifier.alarmed)
        assert main(["notify", "--config", path, "--json"]) == 1
        (row,) = json.loads(capsys.readouterr().out)["channels"]
        assert "stopped until its settings change" in row["state"]
