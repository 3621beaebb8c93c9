"""The way in and out of the author's pages, and what thieves and other sites' pages get."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from donations.web.author.attempts import Attempts
from donations.web.author.login import next_page
from donations.web.author.sessions import IDLE_SECONDS, WHOLE_SECONDS, Sessions
from tests.author.client import PUBLIC, TOKENS, author_pages, make_gate
from tests.web.waiting import run

if TYPE_CHECKING:
    import pytest

    from donations.config import Config

COOKIE = "__Host-donations-author"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_stranger_sees_the_login_and_a_program_a_401(few: Config) -> None:
    """People get a form, programs a problem in JSON; neither learns anything else."""

    async def law() -> None:
        async with author_pages(few) as browser:
            status, headers, page = await browser.ask("GET", "/author")
            assert (status, 'name="token"' in page) == (401, True)
            assert headers["www-authenticate"] == "Bearer"
            status, headers, text = await browser.ask("GET", "/author", Accept="application/json")
            assert status == 401
            assert headers["content-type"].startswith("application/problem+json")
            assert "token" in text

    run(law())


def test_a_token_opens_a_session_of_a_strict_cookie(few: Config) -> None:
    """The cookie is the host's alone, by TLS alone, out of reach for scripts and other sites."""

    async def law() -> None:
        async with author_pages(few) as browser:
            assert await browser.log_in() == 303
            status, headers, _ = await browser.ask(
                "POST", "/author/login", form={"token": TOKENS["Bob"]}, Sec_Fetch_Site="none"
            )
            cookie = headers["all cookies"]
            assert status == 303
            assert headers["location"] == "../author"
            assert cookie.startswith(f"{COOKIE}=")
            said = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert said == {"httponly", "secure", "path=/", "samesite=strict"}
            status, headers, page = await browser.ask("GET", "/author")
            assert (status, "Bob" in page) == (200, True)
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "same-origin"
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy

    run(law())


def test_on_this_machine_the_cookie_needs_no_tls(few: Config) -> None:
    """Loopback by plain HTTP has a name of its own, which no __Host- rule forbids."""

    async def law() -> None:
        async with author_pages(few, make_gate(None)) as browser:
            host = browser.base.removeprefix("http://")
            _, headers, _ = await browser.ask(
                "POST", "/author/login", form={"token": TOKENS["Bob"]},
                Host=host, Origin=f"http://{host}",
            )  # fmt: skip
            assert headers["all cookies"].startswith("donations-author=")
            assert "Secure" not in headers["all cookies"]
            status, _, _ = await browser.ask("GET", "/author", Host=host)
            assert status == 200

    run(law())


def test_a_login_takes_no_name_that_somebody_else_chose(few: Config) -> None:
    """Fixation: a cookie planted before the login is not the session, and an old one ends."""

    async def law() -> None:
        async with author_pages(few) as browser:
            browser.cookies[COOKIE] = "planted"
            await browser.log_in()
            first = browser.cookies[COOKIE]
            assert first != "planted"
            await browser.log_in()
            assert browser.cookies[COOKIE] != first
            for old in ("planted", first):
                browser.cookies[COOKIE] = old
                status, _, _ = await browser.ask("GET", "/author")
                assert status == 401

    run(law())


def test_a_stolen_cookie_is_worth_nothing_after_the_logout(few: Config) -> None:
    """The service forgets the session; the browser's copy is no session."""

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in()
            stolen = browser.cookies[COOKIE]
            form = await browser.form()
            status, headers, _ = await browser.ask(
                "POST", "/author/logout", form={"form": form}, Origin=PUBLIC
            )
            assert (status, headers["location"]) == (303, "../author/login")
            assert "max-age=0" in headers["all cookies"].lower()
            browser.cookies = {COOKIE: stolen}
            status, _, _ = await browser.ask("GET", "/author")
            assert status == 401

    run(law())


def test_sessions_end_by_themselves() -> None:
    """After half an hour without a request, and after twelve hours with many."""
    clock = Clock()
    sessions = Sessions(clock)
    busy = sessions.open("Bob")
    for _ in range(int(WHOLE_SECONDS / 600) - 1):
        clock.now += 600
        assert sessions.find(busy) is not None
    clock.now += 600
    assert sessions.find(busy) is None
    again = sessions.open("Bob")
    clock.now += IDLE_SECONDS - 1
    assert sessions.find(again) is not None
    clock.now += IDLE_SECONDS
    assert sessions.find(again) is None
    assert len(sessions) <= 1


FETCHED = (None, "same-origin", "none", "same-site", "cross-site", "nonsense")
ORIGINS = (None, PUBLIC, "https://evil.example", "null", "http://donations.example")


def test_other_sites_pages_can_do_nothing(few: Config) -> None:
    """All thirty pairs of Sec-Fetch-Site and Origin, with the cookie and the form's own word.

    One of the two has to be there, and neither may speak of another site.
    """

    async def law() -> None:
        async with author_pages(few) as browser:
            for fetched, origin in itertools.product(FETCHED, ORIGINS):
                headers = {"Sec_Fetch_Site": fetched, "Origin": origin}
                sent = {name: value for name, value in headers.items() if value is not None}
                good = fetched in (None, "same-origin", "none") and origin in (None, PUBLIC)
                expected = 303 if good and sent else 403
                await browser.log_in()
                for path, what in (
                    ("/author/logout", {"form": await browser.form()}),
                    ("/author/login", {"token": TOKENS["Bob"]}),
                ):
                    status, _, _ = await browser.ask("POST", path, form=what, **sent)
                    assert status == expected, (path, fetched, origin)

    run(law())


def test_a_form_needs_the_word_of_its_session(few: Config) -> None:
    """Without it, with a wrong one and with another session's, nothing happens."""

    async def law() -> None:
        async with author_pages(few) as browser:
            await browser.log_in(TOKENS["Bob"])
            other = await browser.form()
            await browser.log_in()
            for sent in ({}, {"form": ""}, {"form": other}, {"form": "é" * 43}):
                status, _, _ = await browser.ask(
                    "POST", "/author/logout", form=sent, Sec_Fetch_Site="same-origin"
                )
                assert status == 403, sent
            status, _, _ = await browser.ask("GET", "/author")
            assert status == 200

    run(law())


def test_a_token_never_stands_in_an_address(few: Config) -> None:
    """?token= is refused, right or wrong, logged in or not, and opens nothing."""

    async def law() -> None:
        async with author_pages(few) as browser:
            for path in ("/author", "/author/login"):
                status, headers, text = await browser.ask("GET", f"{path}?token={TOKENS['Claire']}")
                assert (status, headers["all cookies"]) == (400, "")
                assert TOKENS["Claire"] not in text

    run(law())


def test_other_hosts_are_not_ours(few: Config) -> None:
    """A name that leads here by DNS rebinding is refused; so is plain HTTP before a proxy."""

    async def law() -> None:
        async with author_pages(few) as browser:
            for host in ("evil.example", "donations.example.evil.example", "192.0.2.1", ""):
                status, _, _ = await browser.ask("GET", "/author/login", Host=host)
                assert status in ((421,) if host else (400, 421)), host
            status, _, _ = await browser.ask("GET", "/author/login", X_Forwarded_Proto="http")
            assert status == 403
            status, _, _ = await browser.ask("GET", "/author/login", X_Forwarded_Proto="https")
            assert status == 200

    run(law())


def test_a_program_shows_its_token_at_each_request(few: Config) -> None:
    """Bearer needs no session and no form, and a wrong one is counted as any wrong token."""

    async def law() -> None:
        async with author_pages(few) as browser:
            status, _, _ = await browser.ask(
                "POST", "/author/logout", Authorization=f"Bearer {TOKENS['Bob']}"
            )
            assert status == 303
            seen = set()
            for _ in range(10):
                status, headers, _ = await browser.ask("GET", "/author", Authorization="Bearer x")
                seen.add(status)
                assert status != 429 or int(headers["retry-after"]) > 0
            assert seen == {401, 429}

    run(law())


def test_wrong_tokens_are_limited_and_lock_nobody_out(
    few: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """Five a minute; the log has a few lines and no letter of any token; the right one works."""
    caplog.set_level(logging.INFO)

    async def law() -> None:
        async with author_pages(few) as browser:
            answers = [await browser.log_in(f"wrong-{number}") for number in range(200)]
            assert answers.count(401) <= 6
            assert answers.count(429) >= 194
            status, headers, page = await browser.ask(
                "POST", "/author/login", form={"token": "wrong-x"}, Origin=PUBLIC
            )
            assert (status, 0 < int(headers["retry-after"]) <= 60) == (429, True)
            assert "wrong-x" not in page
            assert await browser.log_in() == 303

    run(law())
    assert len(caplog.records) <= 30
    assert "wrong-" not in caplog.text
    assert TOKENS["Claire"] not in caplog.text


def test_attempts_are_forgiven_with_time_and_told_a_few_times_an_hour(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One in twelve seconds; the log is bounded whoever tries, and memory too."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(5):
        assert attempts.wait(None) == 0
        attempts.fail(None)
    assert attempts.wait(None) == 12
    clock.now += 12
    assert attempts.wait(None) == 0
    for _ in range(1000):
        attempts.fail(None)
    assert 0 < attempts.wait(None) <= 60
    assert len(caplog.records) == 20
    assert attempts.failed == 1005


def test_who_logs_in_goes_on_to_a_page_of_ours() -> None:
    """What was wished for is followed only inside the author's pages."""
    for good in ("/author", "/author/gifts?coin=btc&before=1.2", "/author/gifts"):
        assert next_page(good) == good
    for bad in (
        "", "//evil.example", "/author/../x", "https://evil.example/author", "/author/logout",
        "/author/login", "/authors", "/author/gifts?x=<b>", "/author\r\nX: y", "/author/gifts/a",
    ):  # fmt: skip
        assert next_page(bad) == "/author"
