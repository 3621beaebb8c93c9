"""Two widgets of one service on one post, in a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.web import create_web
from donations.web.below import routes_below
from donations.web.live import Live
from donations.web.public import Readiness, widget_routes
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.browser.blog import ASSETS, Blog, pasted, reading
from tests.browser.states import STATES
from tests.nodes.process import free_ports
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from tests.browser.bench import Bench


def test_two_widgets_stand_on_one_post(bench: Bench) -> None:
    """Each asks below its own address, shows its own addresses, and hears its own news."""

    async def law() -> None:
        (port,) = free_ports(1)
        origin = f"http://127.0.0.1:{port}"
        book = replace(snapshot(chains=("btc",)), slug="book", title="Pour le livre")
        goal = STATES["goal-everything"].goal
        assert goal is not None
        book = replace(book, goal=goal)
        publishers = [
            Publisher(ASSETS, languages=list(ASSETS.locales), public_url=url)
            for url in (origin, f"{origin}/w/book")
        ]
        for publisher, edition in zip(publishers, (snapshot(title="Carnet"), book), strict=True):
            publisher.publish(edition)
        live = Live(())
        below = routes_below({"book": [*widget_routes(publishers[1]), *live.routes("book")]})
        app = create_web(publishers[0], Readiness, more=[*live.routes(), *below])
        app.on_shutdown.append(live.close)
        element = pasted(book, f"{origin}/w/book", form="card")
        widget = pasted(snapshot(title="Carnet"), origin, form="card") + element
        async with (
            serve(app, "127.0.0.1", port),
            reading(bench.chromium) as (page, seen),
            Blog(origin, widget).online() as post,
        ):
            await page.goto(post)
            cards = page.locator("donation-widget .card")
            await cards.nth(1).wait_for()
            assert await cards.locator("h2").all_inner_texts() == ["Carnet", "Pour le livre"]
            assert await cards.nth(0).locator(".address").count() == 3
            assert await cards.nth(1).locator(".address").count() == 1
            assert "✓ 250" in (await cards.nth(1).inner_text()).replace("\u00a0", " ")
            assert f"{origin}/w/book/card?lang=fr" in seen.requests
            await cards.nth(1).locator(".copy").click()
            more = replace(goal, received=47_000)
            publishers[1].publish(replace(book, goal=more))
            while not any(stream.channel == "book" for stream in live._streams):
                await page.wait_for_timeout(20)
            live.announce("book")
            await cards.nth(1).get_by_text("470\u00a0€").wait_for()
            assert f"{origin}/w/book/live" in seen.requests
            assert f"{origin}/live" not in seen.requests
            assert seen.complaints == []

    bench.run(law())
