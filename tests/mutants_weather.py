"""Seeded bugs of what meets bad weather: (what is broken, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_OPERATORS = "tests/test_operators.py"
_ELECTRUM = "tests/sources/test_electrum.py"
_LINES = "tests/test_lines.py"
_WATCHDOG = "tests/test_watchdog.py"
_KEY = "tests/test_explorer_key.py"
_NAMES = "tests/test_attribution.py"
_STORAGE = "tests/test_storage_weather.py"
_PROCESS = "tests/test_process_weather.py"
_LATE = "tests/test_lateness.py"
_LEVELS = "tests/test_ethereum_levels.py"

WEATHER: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/operators.py",
        (
            (
                "the pause does not grow",
                "_FIRST_PAUSE * 2 ** (self._failures - 1)",
                "_FIRST_PAUSE",
                f"{_OPERATORS}::test_pauses_grow_and_are_drawn_by_lot",
            ),
            (
                "all services come back at the same moment",
                "            pause *= 0.75 + secrets.randbelow(500) / 1000\n",
                "",
                f"{_OPERATORS}::test_pauses_grow_and_are_drawn_by_lot",
            ),
            (
                "a pause is forgotten once the breaker is open",
                "self._clock() + (told or 0.0)",
                "self._clock()",
                f"{_OPERATORS}::test_a_pause_that_was_asked_for_is_kept_to_the_second",
            ),
            (
                "a pause that one key was told of is not kept",
                "                self.failed(error)\n                return",
                "                return",
                f"{_OPERATORS}::test_a_pause_that_was_asked_for_is_kept_to_the_second",
            ),
            (
                "pushes reach through an open breaker",
                "        elif self.open:\n            await self.due.wait()",
                "        elif self.open:\n            await self._pushed_or_due()",
                f"{_OPERATORS}::test_the_breaker_opens_after_three_failures_and_closes_with_an_answer",
            ),
            (
                "the breaker never closes",
                "self.error, self._failures, self._resume_at = None, 0, 0.0",
                "self.error, self._resume_at = None, 0.0",
                f"{_OPERATORS}::test_the_breaker_opens_after_three_failures_and_closes_with_an_answer",
            ),
            (
                "an operator's other hosts are not tried",
                "        self._sources.append(self._sources.pop(0))\n",
                "",
                f"{_OPERATORS}::test_each_host_of_an_operator_has_its_turn_before_the_breaker_opens",
            ),
            (
                "there is no budget",
                "        self._looks -= 1\n",
                "",
                f"{_OPERATORS}::test_no_push_exceeds_the_budget",
            ),
            (
                "unused looks pile up",
                "min(_LOOKS_AT_ONCE, self._looks +",
                "max(0, self._looks +",
                f"{_OPERATORS}::test_what_was_not_used_is_kept_for_600_looks",
            ),
            (
                "a failure is logged at each poll",
                "        self._logged.add(failure)\n",
                "",
                f"{_OPERATORS}::test_a_failure_is_news_once",
            ),
        ),
    ),
    (
        "donations/sources/electrum_connection.py",
        (
            (
                "a line that died in silence is kept",
                "            with suppress(UpstreamUnavailable, UpstreamMalformed, ServerError):\n"
                '                await self.call("server.ping")',
                "            self._heard_at = time.monotonic()",
                f"{_ELECTRUM}::test_a_line_that_died_without_a_word_is_noticed",
            ),
        ),
    ),
    (
        "donations/event_loop.py",
        (
            (
                "any number of names are looked up at once",
                "_AT_ONCE = 64",
                "_AT_ONCE = 6_400",
                f"{_LINES}::test_names_without_an_answer_hold_nothing_up",
            ),
        ),
    ),
    (
        "donations/sources/electrum_connection.py",
        (
            (
                "an address that swallows everything is waited for",
                "host, port, limit=MAX_LINE, happy_eyeballs_delay=STAGGER_SECONDS",
                "host, port, limit=MAX_LINE",
                f"{_LINES}::test_an_address_that_leads_nowhere_is_not_waited_for",
            ),
        ),
    ),
    (
        "donations/sources/transport.py",
        (
            (
                "a name that moved is asked at its old place",
                "use_dns_cache=False",
                "use_dns_cache=True",
                f"{_LINES}::test_every_fault_of_names",
            ),
        ),
    ),
    (
        "donations/sources/electrum_tls.py",
        (
            (
                "a pinned server may show another certificate",
                "    elif pin != shown:",
                "    elif not shown:",
                f"{_LINES}::test_every_fault_of_tls",
            ),
        ),
    ),
    (
        "donations/watchdog.py",
        (
            (
                "a loop that hangs is passed off as alive",
                "            elif not told:\n",
                "            else:\n                pass\n            if True:\n",
                f"{_WATCHDOG}::test_life_is_told_while_the_loop_turns_and_only_then",
            ),
            (
                "a hang is told at each look",
                "                told = True\n",
                "",
                f"{_WATCHDOG}::test_a_hang_is_told_once_with_its_place",
            ),
            (
                "a process that was stopped as a whole is said to have hung",
                "                self._turned_at = now  #",
                "                pass  #",
                f"{_WATCHDOG}::test_the_program_tells_its_supervisor",
            ),
        ),
    ),
    (
        "donations/explorer_key.py",
        (
            (
                "a check passes with a key that is refused",
                "return self.reason == Reason.REFUSED.value",
                "return self.reason == Reason.LIE.value",
                f"{_KEY}::test_the_command_says_it",
            ),
        ),
    ),
    (
        "donations/attribution.py",
        (
            (
                "names that were learned are shown after a restart only",
                "        self._named(transfer)\n",
                "",
                f"{_NAMES}::test_the_service_learns_the_names",
            ),
            (
                "an explorer that answers again is still said to fail",
                "                self.error = None\n",
                "",
                f"{_KEY}::test_readyz_names_what_an_explorer_does",
            ),
        ),
    ),
    (
        "donations/retrospect.py",
        (
            (
                "what was sent since the watch began counts as sent before",
                "min([*ours, *nonces])",
                "min(nonces)",
                f"{_NAMES}::test_an_explorer_that_is_configured_later_fills_in_the_past",
            ),
        ),
    ),
    (
        "donations/settling.py",
        (
            (
                "an opening entry counts beside the history that it stood for",
                "changes = (*changes, supersede(opening, now))",
                "changes = (*changes, *[supersede(opening, now)][1:])",
                f"{_NAMES}::test_an_explorer_that_is_configured_later_fills_in_the_past",
            ),
            (
                "a past that is filled in is news",
                "                blocks={},\n                history=True,",
                "                blocks={},\n                history=False,",
                f"{_NAMES}::test_an_explorer_that_is_configured_later_fills_in_the_past",
            ),
        ),
    ),
    (
        "donations/database.py",
        (
            (
                "what is saved goes into a file that was taken away",
                "if self._file not in (None, _file_at(self._path)):",
                "if self._file == ():",
                f"{_STORAGE}::test_each_failure_of_storage_is_told_and_heals",
            ),
        ),
    ),
    (
        "donations/web/open_files.py",
        (
            (
                "strangers may take all files of a process that may have few",
                "_LEAST_CONNECTIONS = 8",
                "_LEAST_CONNECTIONS = 75",
                f"{_PROCESS}::test_out_of_files_readers_and_watch_go_on",
            ),
        ),
    ),
    (
        "donations/lateness.py",
        (
            (
                "who was apart once is told at once the next time",
                "            self._apart_since.pop(told.operator, None)\n",
                "",
                f"{_LATE}::test_who_stays_apart_for_two_polls_is_told",
            ),
            (
                "a block of another branch is taken for a block of ours",
                "told.blocks.get(agreed.height, agreed) == agreed",
                "agreed.height in told.blocks",
                f"{_LATE}::test_who_stays_apart_for_two_polls_is_told",
            ),
        ),
    ),
    (
        "donations/snapshot.py",
        (
            (
                "a number of an old block is fresh",
                "if old_block or silent else",
                "if silent else",
                f"{_LATE}::test_a_chain_without_new_blocks_is_not_fresh",
            ),
        ),
    ),
    (
        "donations/check.py",
        (
            (
                "a check says nothing of an old block",
                "return row if late is None else _failed(row, str(late), late.why)",
                "return row",
                f"{_LATE}::test_a_chain_without_new_blocks_is_not_fresh",
            ),
        ),
    ),
    (
        "donations/tracker.py",
        (
            (
                "what is down is looked at in full at each poll",
                "            operator.probe = await operator.source.probe()\n        asks",
                "            pass\n        asks",
                f"{_OPERATORS}::test_what_fails_for_long_is_logged_once_and_asked_little",
            ),
        ),
    ),
    (
        "donations/ethereum_levels.py",
        (
            (
                "what cannot be proven is tried again every minute",
                "            each.wait = min(2 * each.wait, _LONGEST_WAIT_SECONDS)\n",
                "",
                f"{_LEVELS}::test_what_cannot_be_proven_now_is_tried_later_and_later",
            ),
            (
                "the wait grows without end",
                "min(2 * each.wait, _LONGEST_WAIT_SECONDS)",
                "2 * each.wait",
                f"{_LEVELS}::test_what_cannot_be_proven_now_is_tried_later_and_later",
            ),
            (
                "what never can be proven is tried for ever",
                "            if each.claim in proven.unprovable:\n"
                "                self._open.pop((each.key, each.claim.id), None)\n",
                "",
                f"{_LEVELS}::test_what_never_can_be_proven_is_asked_once",
            ),
        ),
    ),
)
