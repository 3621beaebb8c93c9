"""A blog of another origin, a service, and a real browser that reads both."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import zxingcpp
from aiohttp import web
from PIL import Image
from playwright.async_api import async_playwright

from donations.web import create_web
from donations.web.assets import load_assets
from donations.web.embed import embed_script
from donations.web.live import Live
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser, Locator, Page

    from donations.snapshot import Snapshot
    from donations.web.prepared import Prepared

ASSETS = load_assets()
PUBLIC_URL = "https://dons.example.org/"
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
POST = """<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Un billet</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/blog.css">
<article>{lead}{widget}<p id="after">Commentaires</p></article>"""
LAX = "default-src * data: 'unsafe-inline'"
BLOG_STYLE = (
    ":root { color-scheme: light dark } html { font-size: 62.5% } "
    "body { font: 1.6rem/1.6 serif; margin: 8px }"
)


@dataclass
class Blog:
    """A page of a blog with a strict policy; ``widget`` is what its author pasted."""

    service: str  # origin
    widget: str
    language: str = "fr"
    style: str = BLOG_STYLE
    script: bytes = b""
    policy: bool = True
    isolated: bool = False
    lead: int = 1  # paragraphs before the widget

    async def post(self, _request: web.Request) -> web.Response:
        """The post."""
        policy = (
            f"default-src 'none'; style-src 'self'; img-src data:; connect-src {self.service}; "
            f"script-src 'self' {self.service}; frame-src {self.service}"
        )
        headers = {"Content-Security-Policy": policy if self.policy else LAX}
        if self.isolated:
            headers["Cross-Origin-Embedder-Policy"] = "require-corp"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
        lead = "<p>Un billet.</p>" * self.lead
        text = POST.format(language=self.language, widget=self.widget, lead=lead)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def sandboxed(self, _request: web.Request) -> web.Response:
        """The post in a frame that has no origin."""
        text = '<!doctype html><iframe sandbox="allow-scripts" src="/" width=700 height=900>'
        headers = {"Content-Security-Policy": LAX}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def sheet(self, _request: web.Request) -> web.Response:
        """The blog's own style."""
        return web.Response(text=self.style, content_type="text/css")

    async def copy(self, _request: web.Request) -> web.Response:
        """A copy of the script that the blog serves itself."""
        return web.Response(body=ASSETS.script, content_type="text/javascript")

    @asynccontextmanager
    async def online(self) -> AsyncIterator[str]:
        """The address of the post while the blog runs."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self.post),
                web.get("/blog.css", self.sheet),
                web.get("/sandboxed", self.sandboxed),
                web.get("/widget.js", self.copy),
            ]
        )
        async with serve(app, "127.0.0.1", 0) as port:
            # Not the service's host name, so to the browser it is another site.
            yield f"http://localhost:{port}/"


@dataclass
class Seen:
    """What a page did besides showing itself."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Newsroom:
    """Publishes as the service does: first the edition, then the news that there is one."""

    publisher: Publisher
    live: Live

    def publish(self, edition: Snapshot) -> None:
        """Make an edition and tell those who listen."""
        if self.publisher.publish(edition):
            self.live.announce()

    def find(self, path: str, language: str | None = None) -> Prepared | None:
        """What the service answers."""
        return self.publisher.find(path, language)


@asynccontextmanager
async def service(edition: Snapshot) -> AsyncIterator[tuple[str, Newsroom]]:
    """A running service: its origin and what publishes in it."""
    publisher = Publisher(ASSETS, languages=list(ASSETS.locales))
    publisher.publish(edition)
    live = Live(())
    app = create_web(publisher, Readiness, more=live.routes())
    app.on_shutdown.append(live.close)
    async with serve(app, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}", Newsroom(publisher, live)


def pasted(
    snapshot: Snapshot,
    origin: str,
    *,
    reserve: bool = False,
    form: str = "card",
    language: str = "fr",
) -> str:
    """What ``donations embed`` prints, with the loopback service in place of the public one.

    Without ``reserve`` the style element is left out, as a blog with a strict policy must do.
    """
    text = embed_script(
        ASSETS, snapshot.coins, public_url=PUBLIC_URL, language=language, form=form
    ).replace(PUBLIC_URL, f"{origin}/")
    return text if reserve else text[text.index("<donation-widget") :]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, quiet."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def reading(
    chromium: Browser,
    *,
    width: int = 900,
    script: bool = True,
    scheme: str = "light",
    density: int = 1,
) -> AsyncIterator[tuple[Page, Seen]]:
    """A fresh page and what it does."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        java_script_enabled=script,
        device_scale_factor=density,
        color_scheme="dark" if scheme == "dark" else "light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(15_000)
    page, seen = await context.new_page(), Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield page, seen
    finally:
        await context.close()


async def decode(code: Locator) -> list[str]:
    """What a phone reads from a code as it is on the screen."""
    picture = Image.open(io.BytesIO(await code.screenshot()))
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@dataclass(frozen=True)
class Visit:
    """A reader's page, not yet opened, and all that it will meet."""

    page: Page
    seen: Seen
    origin: str
    publisher: Newsroom
    post: str

    async def settle(self) -> None:
        """Open the post and wait until the card stands."""
        await self.page.goto(self.post)
        await self.page.locator("donation-widget .card").first.wait_for()


@asynccontextmanager
async def hosted(
    chromium: Browser,
    edition: Snapshot,
    *,
    width: int = 900,
    script: bool = True,
    scheme: str = "light",
    density: int = 1,
) -> AsyncIterator[Visit]:
    """The service's own pages."""
    async with (
        service(edition) as (origin, publisher),
        reading(chromium, width=width, script=script, scheme=scheme, density=density) as (
            page,
            seen,
        ),
    ):
        yield Visit(page, seen, origin, publisher, f"{origin}/")


@asynccontextmanager
async def embedded(
    chromium: Browser,
    edition: Snapshot,
    *,
    printed: Snapshot | None = None,
    twice: bool = False,
    lax: bool = False,
    isolated: bool = False,
    form: str = "card",
    language: str = "fr",
    style: str = BLOG_STYLE,
    lead: int = 1,
    width: int = 900,
    script: bool = True,
    scheme: str = "light",
    density: int = 1,
    change: Callable[[str], str] = str,
) -> AsyncIterator[Visit]:
    """The widget in a post: ``edition`` is what the service says, ``printed`` what was pasted.

    ``lax`` is a blog without a policy, which takes the printed text as it is.
    """
    async with hosted(
        chromium, edition, width=width, script=script, scheme=scheme, density=density
    ) as visit:
        widget = pasted(printed or edition, visit.origin, reserve=lax, form=form, language=language)
        widget = change(widget)
        if twice:
            alias = f'<script type="module" src="{visit.origin}/widget.js"></script>'
            widget = f"{widget}{widget}{alias}"
        blog = Blog(
            visit.origin,
            widget,
            language=language,
            style=style,
            policy=not lax,
            isolated=isolated,
            lead=lead,
        )
        async with blog.online() as post:
            yield replace(visit, post=post)
