"""The documented interface of a running service, each answer of which is held against its document.

The matching and the checks here are written from the OpenAPI 3.1 specification, not from the code.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from jsonschema import Draft202012Validator
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What came back, its headers in lower case; ``json`` is None for what is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body) if "json" in self.headers.get("content-type", "") else None


@dataclass(frozen=True)
class Interface:
    """Asks, and insists that each answer is as the document has it."""

    http: aiohttp.ClientSession
    document: dict[str, Any]

    async def ask(self, path: str, method: str = "GET", **how: Any) -> Answer:
        """The answer; ``path`` is sent as it is."""
        url = URL(path, encoded=True)
        async with self.http.request(method, url, allow_redirects=False, **how) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            got = Answer(answer.status, headers, await answer.read())
        self.check(path, method, got)
        return got

    def check(self, path: str, method: str, got: Answer) -> None:
        """Raise AssertionError unless the answer is one that the document promises."""
        operation = self.operation(path, method)
        if operation is None or got.status == 405:
            self._check_problem(got)
            return
        if not got.body:
            return
        promised = operation["responses"].get(str(got.status))
        assert promised is not None, f"{method} {path}: {got.status} is not documented"
        if "$ref" in promised:
            promised = self.document["components"]["responses"][promised["$ref"].rpartition("/")[2]]
        content = promised["content"]
        kind = got.headers["content-type"].partition(";")[0]
        found = next((c for media, c in content.items() if _covers(media, kind)), None)
        assert found is not None, f"{path}: {kind} is not documented"
        if kind == PROBLEM:
            self._check_problem(got)
        if "schema" in found:
            self.hold(found["schema"], got.json, path)

    def hold(self, schema: dict[str, Any], value: Any, where: str) -> None:
        """Raise AssertionError unless the schema allows the value."""
        rooted = {**schema, "components": self.document["components"]}
        errors = [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in Draft202012Validator(rooted).iter_errors(value)
        ]
        assert not errors, f"{where}: {errors[:3]}"

    @staticmethod
    def _check_problem(got: Answer) -> None:
        if got.status < 400:
            return
        assert got.headers["content-type"] == PROBLEM, got
        told = got.json
        assert {"type", "title", "status", "detail"} <= set(told), told
        assert told["status"] == got.status
        assert all(isinstance(told[name], str) and told[name] for name in ("title", "detail"))

    def operation(self, path: str, method: str = "GET") -> dict[str, Any] | None:
        """What the document says of a method at an address; HEAD is GET."""
        plain = path.partition("?")[0]
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), plain):
                found: dict[str, Any] | None = item.get(method.lower().replace("head", "get"))
                return found
        return None


def _covers(media: str, kind: str) -> bool:
    family, _, name = media.partition("/")
    return media == kind or (name == "*" and kind.startswith(f"{family}/"))


@asynccontextmanager
async def interface(port: int, **headers: str) -> AsyncIterator[Interface]:
    """The interface of the service on a port of this machine; ``headers`` go with each request."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as http:
        async with http.get("/openapi.json") as answer:
            document = json.loads(await answer.read())
        yield Interface(http, document)
