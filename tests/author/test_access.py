"""Who may ask for what, read off the router of a whole service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from donations.app import running
from donations.author_token import digest_of
from donations.config_author import Operator
from donations.demo.world import World
from donations.web import create_web
from donations.web.access import ACCESS, Access
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from tests.author.client import ASSETS, TOKENS
from tests.running import config_on, scene

if TYPE_CHECKING:
    from pathlib import Path

    from donations.config import Config

WITH_AUTHOR = (Operator("Claire", digest_of(TOKENS["Claire"])),)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


async def routes_of(config: Config, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], int]:
    """The paths that a running service answers, in the form of its router, and its port."""
    seen: list[web.Application] = []

    def spy(*given: object, **named: object) -> web.Application:
        seen.append(create_web(*given, **named))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr("donations.app.create_web", spy)
    async with running(config) as (_, port):
        routes = seen[0].router.routes()
        return {route.resource.canonical for route in routes if route.resource is not None}, port


@scene
async def test_every_route_says_who_may_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each route of a whole service has its line, and no line is left over."""
    async with World(1) as world:
        config = replace(config_on(world, tmp_path), author=WITH_AUTHOR)
        several = (config.widget, replace(config.widget, slug="book"))
        paths, _ = await routes_of(replace(config, widgets=several), monkeypatch)
    unserved = set(ACCESS) - paths
    assert paths <= set(ACCESS)
    assert unserved <= {path for path in ACCESS if "/.well-known/" in path}
    assert any(ACCESS[path] is Access.AUTHOR for path in paths)


@scene
async def test_every_route_of_the_author_refuses_strangers(tmp_path: Path) -> None:
    """By every method, with no session, a made-up one and a wrong token, and tells them nothing."""
    strange: tuple[dict[str, str], ...] = (
        {},
        {"Cookie": "donations-author=made-up; __Host-donations-author=made-up"},
        {"Authorization": "Bearer made-up"},
        {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"},
    )
    guarded = [path for path, access in ACCESS.items() if access is Access.AUTHOR]
    async with World(1) as world:
        config = replace(config_on(world, tmp_path), author=WITH_AUTHOR)
        async with running(config) as (_, port), aiohttp.ClientSession() as http:
            for path in guarded:
                for method in METHODS:
                    for headers in strange:
                        url = f"http://127.0.0.1:{port}{path}".replace("{", "").replace("}", "")
                        async with http.request(
                            method, url, headers=headers, allow_redirects=False
                        ) as answer:
                            case = (method, path, headers, answer.status)
                            assert answer.status in (401, 403, 405, 429), case
                            assert answer.headers["Cache-Control"] == "no-store", case
                            assert "Access-Control-Allow-Origin" not in answer.headers, case
                            assert "Set-Cookie" not in answer.headers, case


@scene
async def test_without_operators_there_are_no_such_pages(tmp_path: Path) -> None:
    """Off unless configured: no page, no login, no trace."""
    async with (
        World(1) as world,
        running(config_on(world, tmp_path)) as (_, port),
        aiohttp.ClientSession() as http,
    ):
        for path, access in ACCESS.items():
            if access is not Access.PUBLIC:
                async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
                    assert answer.status == 404, path


async def _nothing(_request: web.Request) -> web.Response:
    return web.Response()


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/new", "who may ask for /new"), ("/author", "nothing keeps strangers from /author")],
)
def test_a_route_nobody_thought_about_stops_the_service(path: str, reason: str) -> None:
    """A route without a line, and one of the author without the gate, are not served at all."""
    publisher = Publisher(ASSETS, languages=("fr",))
    with pytest.raises(LookupError, match=reason):
        create_web(publisher, Readiness, more=[web.get(path, _nothing)])
