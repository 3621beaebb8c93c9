"""Scripts of earlier releases: pinned by pages that nobody will ever edit again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from donations.web.assets import integrity, widget_folder
from tests.browser.blog import ASSETS, decode, embedded
from tests.browser.states import ARRIVED, captured
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from tests.browser.bench import Bench

# The present script has to pass as well: the next release keeps it.
SCRIPTS = {**ASSETS.released, ASSETS.script_name: ASSETS.script}
PAYMENTS = [coin.payment for coin in snapshot().coins]


def test_every_kept_script_is_what_its_name_says() -> None:
    """A file of ``widget/released`` has the hash in its name: nobody edited it."""
    kept = [file for file in (widget_folder() / "released").iterdir() if file.suffix == ".js"]
    assert {file.name for file in kept} == set(ASSETS.released)
    for name, body in ASSETS.released.items():
        assert re.fullmatch(r"widget\.[0-9a-f]{16}\.js", name)
        assert hashlib.sha256(body).hexdigest().startswith(name.split(".")[1])


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@pytest.mark.parametrize("form", ["card", "compact"])
def test_a_kept_script_shows_the_card_of_today(bench: Bench, name: str, form: str) -> None:
    """Served under its name, pinned as it was: coins, codes, copying, news and the warning work."""

    def pin(widget: str) -> str:
        old = integrity(SCRIPTS[name], "sha384")
        return widget.replace(ASSETS.script_name, name).replace(ASSETS.integrity, old)

    async def law() -> None:
        async with embedded(bench.chromium, snapshot(), form=form, change=pin) as visit:
            page = visit.page
            await page.clock.install()
            await visit.settle()
            if form == "compact":
                await page.locator("donation-widget .card > summary").click()
            for index, payment in enumerate(PAYMENTS):
                await page.locator("donation-widget label").nth(index).click()
                assert await decode(page.locator(".qr svg >> visible=true")) == [payment]
            await page.locator(".copy >> visible=true").click()
            await page.locator(".copy", has_text="Adresse copiée").wait_for()
            visit.publisher.publish(ARRIVED)
            await page.locator("li.new", has_text="0,025 BTC").wait_for()
            assert f"{visit.origin}/{name}" in visit.seen.requests
            visit.publisher.publish(replace(captured(), title="taken over"))
            await page.clock.fast_forward(90_000)
            await page.locator("[role=alert]").wait_for()
            assert await page.locator("donation-widget svg").count() == 0

    bench.run(law())
