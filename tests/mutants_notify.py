"""Seeded bugs of what is announced and of how it is brought: (what, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_SAID = "tests/notify/test_announcements.py"
_SERVICE = "tests/notify/test_service.py"
_COURIER = "tests/notify/test_courier.py"
_WEBHOOK = "tests/notify/test_webhook.py"
_MAIL = "tests/notify/test_mail.py"
_APPRISE = "tests/notify/test_apprise.py"
_OTHER = "tests/notify/test_other_news.py"
_FEED = "tests/notify/test_feed.py"
_CONFIG = "tests/notify/test_configuration.py"

NOTIFY: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/announcements.py",
        (
            (
                "a gift in another block is told without a word about the first",
                "return (Type.REORGED, kind) if stands and kind is not None else (Type.REORGED,)",
                "return (kind,) if stands and kind is not None else (Type.REORGED,)",
                f"{_SAID}::test_each_step_of_a_gift_has_its_event",
            ),
            (
                "the past is announced",
                "return block.height <= limit",
                "return block.height < 0",
                f"{_SAID}::test_what_stood_in_a_block_before_is_the_past",
            ),
            (
                "dust is announced",
                "return gift.amount >= max(1, asset.dust)",
                "return gift.amount >= 1",
                f"{_SAID}::test_what_is_no_gift_is_not_announced",
            ),
            (
                "what the author took out is announced",
                "gift.kind is not Kind.GIFT or gift.excluded",
                "gift.kind is not Kind.GIFT",
                f"{_SAID}::test_what_is_no_gift_is_not_announced",
            ),
            (
                "a miner's pay is announced before it is final",
                "return transfer.coinbase or transfer.id",
                "return transfer.id",
                f"{_SAID}::test_what_may_change_its_sum_is_announced_when_it_is_final",
            ),
            (
                "who did not ask for a correction does not get it",
                "return bool(believed & _CONTRADICTS.get(kind, frozenset()))",
                "return False",
                f"{_SAID}::test_who_is_to_be_told",
            ),
            (
                "who missed good news does not get better ones",
                "return max(missed, default=-1) > max(",
                "return max(missed, default=-1) > 9 + max(",
                f"{_SAID}::test_who_is_to_be_told",
            ),
            (
                "a gift that comes back to its block has the id it had",
                '"number": number,',
                '"number": 1,',
                f"{_SAID}::test_the_bytes_hold_facts_alone",
            ),
            (
                "what comes back after it was given up is not told",
                "if kind is None and before is not None and before.state in _GONE:",
                "if kind is None and before is not None and before.state in ():",
                f"{_SAID}::test_each_step_of_a_gift_has_its_event",
            ),
        ),
    ),
    (
        "donations/outbox.py",
        (
            (
                "a new channel is told all that ever was",
                "known = Progress(name, wanted, last)",
                "known = Progress(name, wanted, 0)",
                f"{_COURIER}::test_a_new_channel_is_not_told_the_past",
            ),
            (
                "a restart is enough to bother who wants nothing any more",
                "(known.stopped_at is not None and known.settings != wanted)",
                "(known.stopped_at is not None)",
                f"{_COURIER}::test_who_wants_nothing_any_more_gets_nothing",
            ),
            (
                "each view begins the watch anew",
                "if read_baseline(connection, key) is None:",
                "if True:",
                f"{_SERVICE}::test_each_chain_is_told_of",
            ),
            (
                "a restored database announces what it catches up with",
                "connection.execute(delete(BASELINES))",
                "pass",
                f"{_SERVICE}::test_an_older_backup_sends_nothing_of_what_was_sent",
            ),
        ),
    ),
    (
        "donations/notify/courier.py",
        (
            (
                "a restart forgets how often it failed",
                "attempts=attempts, due=due, error=str(error)",
                "due=due, error=str(error)",
                f"{_COURIER}::test_ten_attempts_over_three_days",
            ),
            (
                "a digest is made anew at each attempt",
                "await self._keep(replace(self.progress, planned=events[-1].sequence))",
                "self.progress = replace(self.progress, planned=events[-1].sequence)",
                f"{_COURIER}::test_a_digest_that_failed_is_sent_again_as_it_was",
            ),
            (
                "a pause that was asked for is not kept",
                "due = now + int(max(gap, error.retry_after or 0))",
                "due = now + int(gap)",
                f"{_COURIER}::test_a_pause_that_is_asked_for_is_kept",
            ),
            (
                "a clock that was set back stops the channel",
                "wait = min(self.progress.due - now, longest)",
                "wait = self.progress.due - now",
                f"{_COURIER}::test_a_clock_that_was_set_back_does_not_stop_it",
            ),
            (
                "a storm is told mail by mail",
                "if wait:\n                return wait",
                "if wait < 0:\n                return wait",
                f"{_COURIER}::test_a_storm_becomes_a_digest",
            ),
            (
                "few events are gathered too",
                "if len(events) <= self._limit.room(sent, now):",
                "if len(events) <= 1:",
                f"{_COURIER}::test_few_events_are_single_mails",
            ),
            (
                "what failed is passed over",
                "await self._keep(replace(self.progress, attempts=attempts",
                "await self._mark(events, message, None)\n            "
                "await self._keep(replace(self.progress, attempts=attempts",
                f"{_COURIER}::test_what_fails_is_sent_again_before_what_follows",
            ),
        ),
    ),
    (
        "donations/notify/webhook.py",
        (
            (
                "redirects are followed",
                "headers=headers, allow_redirects=False",
                "headers=headers, allow_redirects=True",
                f"{_WEBHOOK}::test_a_redirect_is_not_followed",
            ),
            (
                "any address is asked",
                "open_socket = self._ways.open_socket if self._ways else public_sockets(url)",
                "open_socket = None",
                f"{_WEBHOOK}::test_a_name_that_leads_inside_is_not_asked",
            ),
            (
                "an endless answer is read to its end",
                "if read > _READ_AT_MOST:",
                "if read < 0:",
                f"{_WEBHOOK}::test_an_endless_answer_is_not_read",
            ),
            (
                "one secret alone signs",
                'return " ".join(f"v1,{signature}" for signature in made)',
                'return f"v1,{next(made)}"',
                f"{_WEBHOOK}::test_while_secrets_change_both_sign",
            ),
            (
                "what failed counts as taken",
                "if 200 <= status < 300:",
                "if 200 <= status < 400:",
                f"{_WEBHOOK}::test_only_2xx_is_taken",
            ),
        ),
    ),
    (
        "donations/notify/mail.py",
        (
            (
                "without STARTTLS mail goes in the open",
                'if not server.has_extn("starttls"):',
                'if not server.has_extn("starttls"):\n                return server\n'
                "            if False:",
                f"{_MAIL}::test_a_server_that_strips_encryption_gets_nothing",
            ),
            (
                "a name that begins like loopback is trusted",
                "if is_loopback(host):",
                'if host.startswith("127."):',
                f"{_MAIL}::test_a_server_that_strips_encryption_gets_nothing",
            ),
            (
                "the certificate is not looked at",
                "server.starttls(context=context)",
                "server.starttls(context=ssl._create_unverified_context())",
                f"{_MAIL}::test_a_certificate_of_somebody_else_is_refused",
            ),
        ),
    ),
    (
        "donations/notify/apprise_process.py",
        (
            (
                "Apprise follows redirects",
                'how |= {"allow_redirects": False,',
                'how |= {"allow_redirects": True,',
                f"{_APPRISE}::test_a_redirect_is_not_followed",
            ),
            (
                "Apprise asks this machine",
                "if where not in own and not is_public(where):",
                "if False:",
                f"{_APPRISE}::test_a_name_that_leads_inside_is_not_asked",
            ),
            (
                "Apprise reads to the end",
                "answer.raw.read(_ANSWER_BYTES + 1, decode_content=False)",
                "answer.raw.read()",
                f"{_APPRISE}::test_an_endless_answer_is_not_read",
            ),
        ),
    ),
    (
        "donations/notify/goals.py",
        (
            (
                "a goal that was reached before is told",
                "before = reached | reach.coming",
                "before = frozenset[int]()",
                f"{_OTHER}::test_a_goal_that_was_reached_before_is_the_past",
            ),
            (
                "the past that is being valued reaches a goal",
                "if known is None and not reach.whole:",
                "if False:",
                f"{_OTHER}::test_a_goal_that_was_reached_before_is_the_past",
            ),
        ),
    ),
    (
        "donations/notify/silence.py",
        (
            (
                "who is silent is told again after each restart",
                "name: int(value) for name, value in facts.items() if name.startswith(_FACT)",
                "name: int(value) for name, value in facts.items() if name == _FACT",
                f"{_OTHER}::test_who_is_silent_is_told_once_and_that_he_is_back",
            ),
        ),
    ),
    (
        "donations/web/secret_feed.py",
        (
            (
                "any secret opens the feed",
                "if hmac.compare_digest(given, digest):",
                "if given != digest or given == digest:",
                f"{_FEED}::test_nobody_else_learns_that_there_is_one",
            ),
        ),
    ),
    (
        "donations/config_notify.py",
        (
            (
                "events go anywhere in the open",
                'if parts.scheme == "https" or (',
                'if parts.scheme in ("http", "https") or (',
                f"{_CONFIG}::test_what_is_wrong_is_named_with_its_cure",
            ),
            (
                "secrets are shown",
                'url: str = field(default="", repr=False)',
                'url: str = field(default="")',
                f"{_CONFIG}::test_a_channel_is_shown_without_its_secrets",
            ),
        ),
    ),
)
