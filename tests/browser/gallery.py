"""Pictures of every state of the widget: ``python -m tests.browser.gallery FOLDER [WORD]``.

Each state is shown on the hosted page, dark and narrow too; the element's own states (the closed
line, a service that is down, one that names another address, a gift that has just arrived) on a
post of a blog. With WORD, only pictures whose name holds it.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.blog import Blog, browser, embedded, hosted, pasted, reading, service
from tests.browser.states import ARRIVED, STATES, captured
from tests.web.samples import snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser

    from donations.snapshot import Snapshot


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

    async def page(self, name: str, edition: Snapshot, *, width: int, dark: bool, tag: str) -> None:
        """One state on the hosted page."""
        async with hosted(self._chromium, edition, width=width, scheme=_scheme(dark)) as visit:
            await visit.page.goto(f"{visit.origin}/?lang={tag}")
            await visit.page.wait_for_timeout(100)
            await visit.page.screenshot(path=self._folder / f"{name}.png", full_page=True)

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
    first = snapshot()
    async with browser() as chromium:
        gallery = Gallery(folder, word, chromium)
        for name, edition in STATES.items():
            for kind, width, dark, tag in (
                ("light", 800, False, "fr"),
                ("dark", 800, True, "en"),
                ("narrow", 320, False, "fr"),
                ("arabic", 412, False, "ar"),
            ):
                if gallery.wants(f"{name}-{kind}"):
                    await gallery.page(f"{name}-{kind}", edition, width=width, dark=dark, tag=tag)
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
