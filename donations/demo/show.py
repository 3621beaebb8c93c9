"""``donations demo``: the whole service on a simulated world, with a sample post around the widget.

The product code is the same; only the upstreams, on loopback, differ.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from donations.app import running
from donations.author_token import digest_of, new_token
from donations.config import Config, Operator, parse
from donations.config_author import is_loopback
from donations.demo.story import PAST, Story
from donations.demo.world import World
from donations.web.assets import load_assets
from donations.web.embed import embed_script
from donations.web.server import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ADDRESSES = {
    "btc": "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf",
    "bch": "qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6",
    "eth": "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8",
}


def demo_config(world: World, folder: Path, host: str, port: int) -> Config:
    """A configuration whose upstreams are the servers of ``world``."""
    genesis = {
        "btc": world.btc.genesis_hash,
        "bch": world.bch.genesis_hash,
        "eth": world.eth.genesis_hash,
    }
    chains = "".join(
        f"[chains.{name}]\n"
        + f'network = {{ name = "mainnet", genesis = "{genesis[name]}" }}\n'
        + "upstreams = ["
        + ", ".join(
            f'{{ url = "{url}", operator = "operator {n}" }}'
            for n, url in enumerate(world.urls(name))
        )
        + "]\n"
        for name in ADDRESSES
    )
    text = (
        f'public_url = "http://{host}:{port}"\ntitle = "Le carnet du mardi"\nlanguage = "fr"\n'
        'timezone = "Europe/Paris"\npoll_seconds = 15\ngrace_seconds = 30\n[addresses]\n'
        + "".join(f'{name} = "{address}"\n' for name, address in ADDRESSES.items())
        + f'[server]\nhost = "{host}"\nport = {port}\n'
        + '[widget]\ngoal = { amount = "0.25", asset = "BTC" }\n'
        + _prices(world)
        + chains
    )
    return parse(text, folder / "demo.toml", {})


def _prices(world: World) -> str:
    """Only the exchanges of the world are asked, or none."""
    if world.markets is None:
        return "[prices]\nenabled = false\n"
    urls = ", ".join(f'{name} = "{url}"' for name, url in world.markets.urls.items())
    return f"[prices]\nurls = {{ {urls} }}\n"


def sample_post(embed: str) -> str:
    """The French post with the widget in its footer, and the addresses as they stand in it."""
    template = (Path(__file__).with_name("post.html")).read_text(encoding="utf-8")
    for name, address in ADDRESSES.items():
        template = template.replace("{" + name + "}", escape(address))
    return template.replace("<!-- widget -->", embed)


async def show(
    host: str, port: int, post_port: int, speed: float, tell: Callable[[str], None], seed: int = 0
) -> None:
    """Run the demo until cancelled; ``tell`` hears where to look and what happens.

    Raises OSError when a port cannot be had.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="donations-demo-")))
        world = await stack.enter_async_context(World(seed, past=PAST, final_lag=8, markets=True))
        story = Story(world, seed, tell)
        story.begin()
        token, config = new_token(), demo_config(world, folder, host, port)
        if is_loopback(host):
            config = replace(config, author=(Operator("the author", digest_of(token)),))
        service, _ = await stack.enter_async_context(running(config))
        snapshot = service.publisher.published
        if snapshot is None:
            raise RuntimeError("nothing is published")
        post = sample_post(
            embed_script(load_assets(), snapshot.coins, public_url=config.public_url, language="fr")
        )
        app = web.Application()
        app.router.add_get("/", _page(post))
        await stack.enter_async_context(serve(app, host, post_port))
        tell(f"a sample post with the widget:  http://{host}:{post_port}/")
        tell(f"the hosted page of the service: http://{host}:{port}/")
        if config.author:
            tell(f"the author's own pages:        http://{host}:{port}/author, token {token}")
        tell("Ctrl-C ends the demo.")
        await story.run(speed)


def _page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    return handler
