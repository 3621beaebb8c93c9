"""Pictures of every state of the widget: ``python -m tests.browser.gallery FOLDER [WORD]``.

Each state is shown on the hosted page: light, dark, in forced colours, narrow, and from right to
left. So are the other pages. The element's own states (the closed line, a service that is down, one
that names another address, a gift that has just arrived) stand on a post of a blog. With WORD,
only pictures whose name holds it.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.blog import Blog, browser, embedded, pasted, reading, service
from tests.browser.known import GIVEN, Open, opened
from tests.browser.states import ARRIVED, STATES, captured
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser

    from donations.snapshot import Snapshot


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    name: str
    language: str
    width: int = 800
    dark: bool = False
    forced: bool = False


LOOKS = (
    Look("light", "fr"),
    Look("dark", "en", dark=True),
    Look("forced", "fr", dark=True, forced=True),
    Look("narrow", "fr", width=320),
    Look("narrow-english", "en", width=320),
    Look("arabic", "ar", width=412),
)


class Gallery:
    """Takes pictures into a folder and remembers their names."""

    def __init__(self, folder: Path, word: str, chromium: Browser) -> None:
        self._folder = folder
        self._word = word
        self._chromium = chromium
        self.names: list[str] = []

    def wants(self, name: str) -> bool:
        """Whether this picture is asked for; it is remembered then."""
        if self._word not in name:
            return False
        self.names.append(f"{name}.png")
        return True

    async def states(self) -> None:
        """Each state on the hosted page."""
        async with opened(self._chromium) as at:
            for name, edition in STATES.items():
                at.publisher.publish(edition)
                for look in LOOKS:
                    await self.page(at, f"{name}-{look.name}", look, f"?lang={look.language}")

    async def pages(self) -> None:
        """The pages for givers, authors and sandboxes."""
        async with opened(self._chromium) as at:
            for look in LOOKS:
                tag = f"lang={look.language}"
                for name, given in GIVEN.items():
                    path = f"thanks?tx={given.id}&{tag}"
                    await self.page(at, f"thanks-{name}-{look.name}", look, path)
                await self.page(at, f"thanks-asked-{look.name}", look, f"thanks?{tag}")
                await self.page(at, f"embed-{look.name}", look, f"embed?{tag}")
                await self.page(at, f"sandboxed-{look.name}", look, f"sandboxed?{tag}")

    async def page(self, at: Open, name: str, look: Look, path: str) -> None:
        """One page of the service in one look."""
        if not self.wants(name):
            return
        await at.page.emulate_media(
            color_scheme="dark" if look.dark else "light",
            forced_colors="active" if look.forced else "none",
        )
        await at.page.set_viewport_size({"width": look.width, "height": 600})
        # The browser keeps what it got for half a minute: each picture has an address of its own.
        await at.page.goto(f"{at.home}{path}&picture={name}")
        for frame in await at.page.locator("iframe, img[loading]").all():
            await frame.scroll_into_view_if_needed()
        await at.page.wait_for_timeout(300 if path.startswith("embed") else 50)
        await at.page.screenshot(path=self._folder / f"{name}.png", full_page=True)

    async def post(
        self,
        name: str,
        printed: Snapshot,
        edition: Snapshot,
        *,
        later: Snapshot | None = None,
        form: str = "card",
        opened: bool = False,
        width: int = 720,
        dark: bool = False,
    ) -> None:
        """One state of the element in a post."""
        async with embedded(
            self._chromium,
            edition,
            printed=printed,
            lax=True,
            form=form,
            width=width,
            scheme=_scheme(dark),
        ) as visit:
            await visit.page.clock.install()
            await visit.settle()
            if opened:
                await visit.page.locator(".card > summary").click()
            if later is not None:
                visit.publisher.publish(later)
                await visit.page.clock.fast_forward(90_000)
                await visit.page.locator("li.new").wait_for()
            await visit.page.clock.run_for(200)
            await visit.page.screenshot(path=self._folder / f"{name}.png", full_page=True)

    async def down(self, name: str) -> None:
        """The service does not answer: the page's own text and codes."""
        async with service(snapshot()) as (origin, _):
            pass
        element = pasted(snapshot(), origin).partition("<script")[0]
        blog = Blog(origin, f'{element}<script type="module" src="/widget.js"></script>')
        async with reading(self._chromium, width=720) as (page, _), blog.online() as post:
            await page.goto(post)
            await page.locator("donation-widget svg").nth(2).wait_for()
            await page.screenshot(path=self._folder / f"{name}.png", full_page=True)


def _scheme(dark: bool) -> str:
    return "dark" if dark else "light"


async def make(folder: Path, word: str = "") -> list[str]:
    """Take the pictures; the names of those taken."""
    first = STATES["pending"]
    async with browser() as chromium:
        gallery = Gallery(folder, word, chromium)
        await gallery.states()
        await gallery.pages()
        posts: dict[str, Callable[[str], Awaitable[None]]] = {
            "arrived": lambda n: gallery.post(n, first, first, later=ARRIVED),
            "mismatch": lambda n: gallery.post(n, first, captured()),
            "compact": lambda n: gallery.post(n, first, first, form="compact"),
            "compact-dark": lambda n: gallery.post(n, first, first, form="compact", dark=True),
            "compact-narrow": lambda n: gallery.post(n, first, first, form="compact", width=280),
            "compact-no-goal": lambda n: gallery.post(
                n, first, replace(first, goal=None), form="compact"
            ),
            "compact-open": lambda n: gallery.post(n, first, first, form="compact", opened=True),
            "unreachable": gallery.down,
        }
        for name, take in posts.items():
            if gallery.wants(name):
                await take(name)
        return gallery.names


def main() -> None:
    """Read the command line."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")
    folder.mkdir(parents=True, exist_ok=True)
    names = asyncio.run(make(folder, *sys.argv[2:3]))
    sys.stdout.write("".join(f"{folder / name}\n" for name in names))


if __name__ == "__main__":
    main()
