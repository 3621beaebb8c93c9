"""What the author says to everybody stands beside its gift on the public list, and only that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp

from donations.app import running
from donations.books import Annotation, Writing
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.ledger import State
from donations.listing import Listing
from donations.web.ledger import LedgerPages
from tests.running import agrees, config_on, scene, until
from tests.web.samples import snapshot
from tests.web.test_ledger import ASSETS, ask, rows
from tests.web.test_thanks import KEYS, SHOWN, transfer

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '<script>alert(1)</script> & "quotes" \' \u05e9\u05dc\u05d5\u05dd'


def test_it_is_shown_as_text_in_its_own_direction() -> None:
    """Escaped, isolated from the text around it, and in the JSON as it was written."""
    came = transfer(State.FINAL)
    told = Listing(SHOWN).renew(
        KEYS.values(), (), lambda *_: iter([came]), thanks=lambda _: HOSTILE
    )
    made = LedgerPages(ASSETS)
    made.publish(snapshot(), told)
    _, html, _ = ask(made, "/ledger?lang=en")
    assert "<script>" not in html
    assert '<q dir="auto">&lt;script&gt;' in html
    assert "The author says:" in rows(html)
    _, text, _ = ask(made, "/ledger.json")
    assert json.loads(text)["entries"][0]["thanks"] == HOSTILE


def test_what_is_no_gift_to_the_author_says_so() -> None:
    """It stays on the list with what the chain says, marked, and in no sum."""
    came = replace(transfer(State.FINAL), excluded=True)
    told = Listing(SHOWN).renew(KEYS.values(), (), lambda *_: iter([came]))
    made = LedgerPages(ASSETS)
    made.publish(snapshot(), told)
    _, html, _ = ask(made, "/ledger?lang=en")
    assert "not a gift, says the author" in rows(html)
    assert "not mature" not in rows(html)
    assert told.sums == {}


@scene
async def test_a_running_service_shows_it_and_takes_it_back(tmp_path: Path) -> None:
    """Written, it stands on /ledger within a moment; undone, it is gone; a note never shows."""
    async with World(1) as world:
        config = config_on(world, tmp_path)
        async with running(config) as (service, port), aiohttp.ClientSession() as http:
            world.btc.pay(BTC_SCRIPT, 50_000)
            world.btc.mine(10)
            await until(lambda: agrees(service, world), seconds=60)

            async def listed() -> str:
                async with http.get(f"http://127.0.0.1:{port}/ledger.json") as answer:
                    return await answer.text()

            async def says(text: str, there: bool) -> bool:
                return (text in await listed()) == there

            await until(lambda: says('"stands":"final"', True), seconds=30)
            entry = next(e for e in json.loads(await listed())["entries"] if e["chain"] == "btc")
            key = next(
                key
                for key in [*service.store.standings()]
                if (key.chain, key.asset) == ("btc", "BTC")
            )
            note = Annotation(Writing.NOTE, "me", 1, key, entry["id"], "for me alone")
            await service.annotate(note, 0)
            thanks = Annotation(Writing.THANKS, "me", 1, key, entry["id"], "Merci à toi")
            kept = await service.annotate(thanks, None)
            await until(lambda: says("Merci à toi", True), seconds=10)
            assert "for me alone" not in await listed()
            undo = Annotation(Writing.UNDO, "me", 2, key, entry["id"], undoes=kept.sequence)
            await service.annotate(undo, kept.sequence)
            await until(lambda: says("Merci à toi", False), seconds=10)
