"""The author's feed: found by who knows its address, and by nobody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.announcements import Type
from donations.app import running
from donations.config_notify import ChannelSettings, Way
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.web.secret_feed import write
from tests.running import config_on, received, scene, until

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "qwertzuiopasdfghjklyxcvbnm"
FEED = ChannelSettings("mine", Way.ATOM, frozenset({Type.SEEN}), "fr", secrets=(SECRET,))
ATOM = "{http://www.w3.org/2005/Atom}"


@scene
async def test_who_knows_the_address_is_told(tmp_path: Path) -> None:
    """What is announced stands in the feed, is kept by no cache, and shown to no other origin."""
    async with World(1) as world, aiohttp.ClientSession() as http:
        config = replace(config_on(world, tmp_path, only=("btc",)), notify=(FEED,))
        async with running(config) as (service, port):
            url = f"http://127.0.0.1:{port}/events/{SECRET}.atom"

            async def titles() -> list[str | None]:
                async with http.get(url, headers={"Origin": "https://evil.example"}) as answer:
                    assert answer.status == 200
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert "Access-Control-Allow-Origin" not in answer.headers
                    feed = ElementTree.fromstring(await answer.text())
                    return [entry.text for entry in feed.iter(f"{ATOM}title")][1:]

            await until(lambda: received(service, "btc") is not None)
            await until(lambda: _found(http, port))
            assert await titles() == []
            world.btc.pay(BTC_SCRIPT, 5_000_000)
            await until(titles)
            assert await titles() == ["Le carnet du mardi: 0,05 BTC en route"]


@scene
async def test_nobody_else_learns_that_there_is_one(tmp_path: Path) -> None:
    """A wrong secret, a part of it and none are answered as an address that does not exist."""
    async with World(1) as world, aiohttp.ClientSession() as http:
        for notify in ((), (FEED,)):
            folder = tmp_path / str(len(notify))
            folder.mkdir()
            config = replace(config_on(world, folder, only=("btc",)), notify=notify)
            async with running(config) as (_, port):
                if notify:
                    await until(lambda: _found(http, port))
                answers = set()
                for name in ("made-up", SECRET[:-1], SECRET + "x", SECRET.upper(), "%20", "é"):
                    for path in (f"events/{name}.atom", f"nothing/{name}"):
                        async with http.get(f"http://127.0.0.1:{port}/{path}") as answer:
                            answers.add((answer.status, await answer.text()))
                assert answers == {(404, "404: Not Found")}


async def _found(http: aiohttp.ClientSession, port: int) -> bool:
    """Whether the feed is there for who knows its address."""
    async with http.get(f"http://127.0.0.1:{port}/events/{SECRET}.atom") as answer:
        return answer.status == 200


@dataclass(frozen=True)
class _Item:
    id: str
    title: str
    text: str
    at: int


@given(st.text(), st.text(), st.text(), st.integers(0, 2**33))
def test_nothing_that_is_told_breaks_the_feed(name: str, title: str, text: str, at: int) -> None:
    """Whatever characters there are, the feed is well-formed XML and says all that may be said."""
    feed = ElementTree.fromstring(write([_Item("evt_1", title, text, at)], name, title, "fr"))
    assert len(feed.findall(f"{ATOM}entry")) == 1


@pytest.mark.parametrize("title", ["\x00\x08<b>", "\ufffe\uffff\ud800", "]]>&\u202e"])
def test_an_entry_has_one_name_for_ever(title: str) -> None:
    """Its identity comes from the event, not from the title, the language or the place."""
    one = write([_Item("evt_1", title, title, 1)], "mine", "a", "fr")
    other = write([_Item("evt_1", "x", "y", 2)], "mine", "b", "en")
    ids = [
        [each.text for each in ElementTree.fromstring(feed).iter(f"{ATOM}id")]
        for feed in (one, other)
    ]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2
