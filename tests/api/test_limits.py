"""How often one client may ask: exact, bounded, by who it is, and no way to shut others out."""

from __future__ import annotations

import ipaddress
import random
import tracemalloc

import pytest

from donations.web import create_web
from donations.web.api.front import Front
from donations.web.api.throttle import READER, Rate, Throttle
from donations.web.assets import load_assets
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.api.interface import Answer, interface
from tests.web.waiting import run

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_no_window_holds_more_than_the_burst_and_what_the_time_allows(seed: int) -> None:
    """In whatever rhythm one asks: of any two admitted, what lies between is within the rate."""
    chance, clock = random.Random(seed), Clock()
    throttle = Throttle(Rate(5, 10), clock)
    admitted: list[float] = []
    for _ in range(3_000):
        clock.now += chance.choice([0, 0, 0.01, 0.3, 4])
        if throttle.wait("one") == 0:
            admitted.append(clock.now)
    for first in range(len(admitted)):
        for last in range(first + 10, min(first + 60, len(admitted))):
            allowed = 10 + 5 * (admitted[last] - admitted[first])
            assert last - first + 1 <= allowed + 1e-6, (seed, first, last)


def test_who_waits_as_told_is_admitted() -> None:
    """Not one second too early, and being refused costs nothing more."""
    clock = Clock()
    throttle = Throttle(Rate(0.5, 3), clock)
    assert [throttle.wait("one") for _ in range(3)] == [0, 0, 0]
    assert [throttle.wait("one") for _ in range(50)] == [2] * 50
    clock.now += 2
    assert [throttle.wait("one"), throttle.wait("one")] == [0, 2]
    assert throttle.wait("another") == 0


def test_a_flood_of_networks_is_forgotten() -> None:
    """Half a million clients take no more room than the last of them."""
    throttle = Throttle(Rate(1, 1), Clock())
    for number in range(20_000):
        throttle.wait(number)
    tracemalloc.start()
    try:
        for number in range(20_000, 500_000):
            throttle.wait(number)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 8 * 2**20
    assert throttle.wait(499_999) == 1


def asked(
    *forwarded: str, path: str = "/healthz", trusted: bool = True, burst: int = 2
) -> list[Answer]:
    """The answers to one request each, in the name of these, by a proxy."""

    async def law() -> list[Answer]:
        few = Throttle(Rate(0.1, burst), Clock())
        many = Throttle(Rate(0.1, 1_000), Clock())
        proxies = LOOPBACK if trusted else []
        app = create_web(
            Publisher(load_assets(), languages=("fr",)),
            Readiness,
            front=lambda routes: Front(routes, proxies, reader=few, readers=many),
        )
        async with serve(app, "127.0.0.1", 0) as port, interface(port) as api:
            return [await api.ask(path, headers={"X-Forwarded-For": who}) for who in forwarded]

    return run(law())


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_each_client_has_its_own_limit() -> None:
    """The third request of one is 429 with the seconds to wait; another is served."""
    answers = asked("203.0.113.5", "203.0.113.5", "203.0.113.5", "203.0.113.6")
    assert statuses(answers) == [200, 200, 429, 200]
    refused = answers[2]
    assert refused.headers["retry-after"] == "10"
    assert "10 s" in refused.json["detail"]
    assert refused.headers["access-control-allow-origin"] == "*"


def test_a_household_of_ipv6_is_one_client() -> None:
    """All of a /64 together, and its neighbour apart."""
    inside = ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:1::3")
    assert statuses(asked(*inside, "2001:db8:0:2::1")) == [200, 200, 429, 200]


def test_what_the_client_itself_forwards_does_not_help() -> None:
    """Only the hop before the trusted proxy counts, whatever stands to its left."""
    forged = [f"198.51.100.{n}, 203.0.113.5" for n in range(3)]
    assert statuses(asked(*forged)) == [200, 200, 429]


def test_strangers_behind_an_unnamed_proxy_do_not_shut_each_other_out() -> None:
    """Who cannot be told apart has no limit of one client."""
    assert statuses(asked(*["203.0.113.5"] * 20, trusted=False)) == [200] * 20


@pytest.mark.parametrize("path", ["/nothing", "/", "/widget.js"])
def test_pages_have_no_such_limit(path: str) -> None:
    """It is for the documented interface; readers of pages are many behind one address."""
    assert 429 not in statuses_of_pages(path)


def statuses_of_pages(path: str) -> list[int]:
    async def law() -> list[int]:
        few = Throttle(Rate(0.1, 1), Clock())
        app = create_web(
            Publisher(load_assets(), languages=("fr",)),
            Readiness,
            front=lambda routes: Front(routes, LOOPBACK, reader=few),
        )
        async with serve(app, "127.0.0.1", 0) as port, interface(port) as api:
            told = []
            for _ in range(5):
                async with api.http.get(path, headers={"X-Forwarded-For": "192.0.2.9"}) as answer:
                    told.append(answer.status)
            return told

    return run(law())


def test_an_unknown_address_of_the_interface_counts_too() -> None:
    """Looking for addresses is asking."""
    assert statuses(asked(*["203.0.113.5"] * 3, path="/api/v1/x")) == [404, 404, 429]


def test_the_usual_limit_is_no_hindrance_to_a_reader() -> None:
    """A list of 20,000 gifts is read from end to end at once."""
    assert READER.burst * 100 >= 20_000
