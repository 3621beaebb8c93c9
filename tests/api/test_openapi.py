"""The document: valid, whole, and true of each answer of a whole service."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from donations.app import running
from donations.demo.show import ADDRESSES
from donations.demo.story import BTC_SCRIPT
from donations.demo.world import World
from donations.web.access import ACCESS
from donations.web.below import BELOW
from tests.api.interface import Interface, interface
from tests.author.test_access import WITH_AUTHOR
from tests.running import agrees, config_on, scene, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from donations.app import Service

# What people see, scripts, a feed for one, and a stream: OpenAPI has no words for the last.
_OF_A_WIDGET = (
    "/", "/frame", "/fragment", "/card", "/compact", "/static", "/sandboxed", "/embed", "/thanks",
    "/ledger", "/widget.js", "/widget.{digest}.js", "/live",
)  # fmt: skip
PAGES = {
    *_OF_A_WIDGET,
    BELOW,
    *(f"{BELOW}{path}" for path in _OF_A_WIDGET),
    "/events/{secret}.atom",
    *(path for path in ACCESS if path.startswith("/author")),
}


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[World, Service, Interface]]:
    """A whole service on a simulated world, with two widgets, and its interface."""
    async with World(1) as world:
        config = replace(config_on(world, folder), author=WITH_AUTHOR)
        several = (config.widget, replace(config.widget, slug="book"))
        async with (
            running(replace(config, widgets=several)) as (service, port),
            interface(port) as api,
        ):
            yield world, service, api


@scene
async def test_the_document_describes_what_is_served(tmp_path: Path) -> None:
    """It is valid OpenAPI 3.1; each route but pages is in it, and nothing that is not served."""
    async with served(tmp_path) as (_, _, api):
        OpenAPIV31SpecValidator(api.document).validate()
        described = set(api.document["paths"])
        paths = {path for path in ACCESS if "/.well-known/" not in path}
        names = [
            operation["operationId"]
            for item in api.document["paths"].values()
            for operation in item.values()
        ]
    assert described <= paths - PAGES
    assert paths - PAGES <= described
    assert len(set(names)) == len(names)


@scene
async def test_each_answer_is_as_documented(tmp_path: Path) -> None:
    """Of a service that knows nothing yet, and of one that knows gifts."""
    async with served(tmp_path) as (world, service, api):
        before = [await api.ask(path) for path in plain_paths(api.document["paths"])]
        world.btc.pay(BTC_SCRIPT, 5_000)
        await until(lambda: agrees(service, world) and not service.readiness().reasons)
        after = [await api.ask(path) for path in plain_paths(api.document["paths"])]
        code = await api.ask(f"/qr/btc/{ADDRESSES['btc']}.svg")
    assert {answer.status for answer in before} <= {200, 400, 404, 503}
    assert {answer.status for answer in after} <= {200, 400, 404}
    assert code.status == 200


def plain_paths(paths: dict[str, object]) -> list[str]:
    """Those without parameters in the path that anyone may ask for."""
    return [path for path in paths if "{" not in path and "/author/" not in path]


@scene
async def test_errors_are_problems_below_documented_addresses(tmp_path: Path) -> None:
    """Whatever goes wrong there, whoever refuses it; and pages keep their plain errors."""
    async with served(tmp_path) as (_, _, api):

        async def is_listed() -> bool:
            return (await api.ask("/ledger.json")).status == 200

        await until(is_listed)
        wrong = [
            await api.ask("/api/"),
            await api.ask("/api/v1/nothing"),
            await api.ask("/api/v2/totals"),
            await api.ask("/snapshot.json", "POST"),
            await api.ask("/ledger.json?page=0"),
            await api.ask("/ledger.json?page=999"),
            await api.ask("/proof.json"),
            await api.ask("/oembed"),
            await api.ask("/badge.json?" + "x" * 9_000),
            await api.ask("/badge.json", headers={"X-Long": "x" * 9_000}),
            await api.ask("/qr/btc/nothing.svg"),
        ]
        async with api.http.get("/nothing") as page:
            assert "json" not in page.headers["Content-Type"]
    assert [answer.status for answer in wrong] == [
        404, 404, 404, 405, 404, 404, 404, 400, 414, 431, 404,
    ]  # fmt: skip
    assert set(re.split(r", *", wrong[3].headers["allow"])) == {"GET", "HEAD"}


@scene
async def test_pages_of_widgets_are_not_part_of_it(tmp_path: Path) -> None:
    """Its leave for other origins reaches no page beside a documented path."""
    async with served(tmp_path) as (_, _, api):
        for path in ("/w/book/", "/w/book/thanks", "/w/book/ledger", "/w/book", "/w/none/x"):
            async with api.http.get(path, allow_redirects=False) as page:
                assert "Access-Control-Allow-Origin" not in page.headers, path
                assert page.headers.get("Cross-Origin-Resource-Policy") != "cross-origin", path
        assert (await api.ask("/w/book/snapshot.json")).headers["access-control-allow-origin"]


@pytest.mark.parametrize("path", ["/snapshot.json", "/openapi.json", "/healthz"])
@scene
async def test_pages_of_other_origins_may_read_what_is_public(path: str, tmp_path: Path) -> None:
    """Without credentials, errors too, and ask again with the tag of what they hold."""
    origin = {"Origin": "https://blog.example"}
    wish = {**origin, "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match"}  # fmt: skip
    async with served(tmp_path) as (_, _, api):
        answers = [
            await api.ask(path, headers=origin),
            await api.ask(path, "OPTIONS", headers=wish),
            await api.ask("/api/v1/nothing", headers=origin),
        ]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
    asked = answers[1]
    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["allow"] == "GET, HEAD, OPTIONS"
    assert asked.headers["access-control-allow-methods"] == "GET, HEAD"
    assert asked.headers["access-control-allow-headers"].lower() == "if-none-match"
