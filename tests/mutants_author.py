"""Seeded bugs of the author's pages: who gets in, what is shown, what is found and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_LOGIN = "tests/author/test_login.py"
_ACCESS = "tests/author/test_access.py"
_CONFIGURATION = "tests/author/test_configuration.py"
_OVERVIEW = "tests/author/test_overview.py"
_LISTS = "tests/author/test_lists.py"
_WRITING = "tests/author/test_writing.py"
_THANKS = "tests/author/test_thanks.py"

AUTHOR: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/web/author/gate.py",
        (
            (
                "no session is asked for",
                "        if session is None:\n            return self.unknown(request)",
                "        if session is None:\n            return None",
                f"{_ACCESS}::test_every_route_of_the_author_refuses_strangers",
            ),
            (
                "any form will do",
                "not isinstance(form, str) or not session.owns(form)",
                "not isinstance(form, str)",
                f"{_LOGIN}::test_a_form_needs_the_word_of_its_session",
            ),
            (
                "other sites may act",
                "if unsafe and bearer is None and not comes_from(",
                "if unsafe and bearer == '' and not comes_from(",
                f"{_LOGIN}::test_other_sites_pages_can_do_nothing",
            ),
            (
                "a token may stand in an address",
                "if _TOKEN in request.query:",
                "if _TOKEN in request.headers:",
                f"{_LOGIN}::test_a_token_never_stands_in_an_address",
            ),
        ),
    ),
    (
        "donations/web/author/origin.py",
        (
            (
                "one good header outweighs a bad one",
                "return fetched in (None, *_OWN_SITES) and origin in (None, site.origin)",
                "return fetched in _OWN_SITES or origin == site.origin",
                f"{_LOGIN}::test_other_sites_pages_can_do_nothing",
            ),
            (
                "any host is ours",
                "if near and is_loopback(name):",
                "if near:",
                f"{_LOGIN}::test_other_hosts_are_not_ours",
            ),
        ),
    ),
    (
        "donations/web/author/login.py",
        (
            (
                "a login goes on with the old session",
                '        self._gate.sessions.close(request.cookies.get(site.cookie, ""))\n'
                '        _log.info("%s opened',
                '        _log.info("%s opened',
                f"{_LOGIN}::test_a_login_takes_no_name_that_somebody_else_chose",
            ),
            (
                "a logout only asks the browser",
                '        self._gate.sessions.close(request.cookies.get(site.cookie, ""))\n'
                '        _log.info("%s closed',
                '        _log.info("%s closed',
                f"{_LOGIN}::test_a_stolen_cookie_is_worth_nothing_after_the_logout",
            ),
        ),
    ),
    (
        "donations/web/author/sessions.py",
        (
            (
                "a busy session never ends",
                "or now - session.opened >= WHOLE_SECONDS",
                "or now < session.opened",
                f"{_LOGIN}::test_sessions_end_by_themselves",
            ),
        ),
    ),
    (
        "donations/web/access.py",
        (
            (
                "what nobody declared is served",
                "        if access is None:\n            raise LookupError",
                "        if access is None:\n            continue\n            raise LookupError",
                f"{_ACCESS}::test_a_route_nobody_thought_about_stops_the_service",
            ),
        ),
    ),
    (
        "donations/config_author.py",
        (
            (
                "TLS needs no named proxy",
                "    elif not proxies:",
                "    elif proxies is None:",
                f"{_CONFIGURATION}::test_they_are_never_open_to_a_network_without_tls",
            ),
        ),
    ),
    (
        "donations/overview.py",
        (
            (
                "pending gifts were received",
                "        if bucket in RECEIVED:\n            received[key]",
                "        if bucket in (*RECEIVED, *_PENDING):\n            received[key]",
                f"{_OVERVIEW}::test_what_does_not_count_is_in_no_sum",
            ),
            (
                "a shared address counts twice in all",
                "sum((worth for _, worth in self.years), Worth())",
                "sum((line.worth for line in self.widgets), Worth())",
                f"{_OVERVIEW}::test_a_shared_address_counts_in_each_widget_and_once_in_all",
            ),
            (
                "without a price all is worth nothing today",
                "if None not in todays else None",
                "if todays else None",
                f"{_OVERVIEW}::test_nothing_unknown_is_told_as_zero",
            ),
        ),
    ),
    (
        "donations/picking.py",
        (
            (
                "what lies at the place itself comes again",
                "table.c.received_at < at, table.c.id < identity",
                "table.c.received_at < at, table.c.id <= identity",
                f"{_LISTS}::test_a_search_finds_all_of_it_and_nothing_else",
            ),
            (
                "final gifts are never marked",
                "        or wanted.excluded is True\n",
                "        or wanted.excluded is False\n",
                f"{_LISTS}::test_a_search_finds_all_of_it_and_nothing_else",
            ),
        ),
    ),
    (
        "donations/web/author/write.py",
        (
            (
                "who writes second overwrites",
                "await room.sources.keep(entry, expects)",
                "await room.sources.keep(entry, None)",
                f"{_WRITING}::test_the_second_of_two_at_once_is_told_and_loses_nothing",
            ),
            (
                "any text is kept",
                "return Annotation(writing, by, at, key, identity, check_text(text))",
                "return Annotation(writing, by, at, key, identity, text)",
                f"{_WRITING}::test_what_hides_something_is_refused_at_the_door",
            ),
        ),
    ),
    (
        "donations/web/ledger_page.py",
        (
            (
                "what is no gift is told to be immature",
                'not entry["counts"] and not entry["excluded"]',
                'not entry["counts"]',
                f"{_THANKS}::test_what_is_no_gift_to_the_author_says_so",
            ),
        ),
    ),
)
