"""Seeded bugs of the watch over pages and of the statement: (what, old text, new text, test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_WEB = "tests/test_public_web.py"
_ATTACKS = "tests/tamper/test_attacks.py"
_TOKENS = "tests/tamper/test_tokens.py"
_WATCH = "tests/tamper/test_watch.py"
_SIGNED = "tests/statement/test_signatures.py"
_FILES = "tests/statement/test_files.py"

TAMPER: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/public_web.py",
        (
            (
                "an address inside another one is not looked at",
                "if inner is not None:",
                "if inner is None and False:",
                f"{_WEB}::test_public_addresses",
            ),
            (
                "any port may be asked",
                "if port not in ports:",
                "if port < 0:",
                f"{_WEB}::test_redirects_are_judged_again",
            ),
            (
                "naming one address of this machine allows them all",
                'named == ("localhost", port)',
                "named is not None",
                f"{_WEB}::test_the_judge_of_addresses",
            ),
        ),
    ),
    (
        "donations/fetch.py",
        (
            (
                "sockets are opened to any address",
                "resolver=ways.resolver, socket_factory=ways.open_socket",
                "resolver=ways.resolver",
                f"{_WEB}::test_an_authors_own_machine_must_be_named",
            ),
            (
                "a page is unpacked as far as it goes",
                "unpacked.decompress(chunk, room)",
                "unpacked.decompress(chunk)",
                "tests/test_bombs.py::test_bombs_of_half_a_gigabyte",
            ),
        ),
    ),
    (
        "donations/sources/transport.py",
        (
            (
                "an answer is unpacked as far as it goes",
                "unpack.decompress(chunk, min(MAX_BODY, dense) + 1 - len(body))",
                "unpack.decompress(chunk)",
                "tests/test_bombs.py::test_bombs_of_half_a_gigabyte",
            ),
        ),
    ),
    (
        "donations/tamper/tokens.py",
        (
            (
                "a comment ends in one way only",
                "--!?>",
                "-->",
                f"{_TOKENS}::test_a_page_is_cut_as_in_a_browser",
            ),
            (
                "a script inside a comment of a script ends the script",
                "doubled = commented",
                "doubled = False",
                f"{_TOKENS}::test_a_page_is_cut_as_in_a_browser",
            ),
        ),
    ),
    (
        "donations/tamper/zones.py",
        (
            (
                "the word comment excuses what stands beside the widget",
                "self.zones.in_comments |= around.in_comments",
                "self.zones.in_comments = False",
                f"{_ATTACKS}::test_nobody_hides_behind_the_word_comment",
            ),
            (
                "a paragraph that is left open holds the rest of the page",
                'if name in _ENDS_PARAGRAPH and self._count["p"]:',
                'if not name and self._count["p"]:',
                f"{_ATTACKS}::test_nobody_hides_behind_the_word_comment",
            ),
        ),
    ),
    (
        "donations/tamper/links.py",
        (
            (
                "a payment request may stand in a link",
                "if key not in _HARMLESS:",
                'if key == "req":',
                f"{_ATTACKS}::test_a_link_that_leads_elsewhere_alarms_anywhere",
            ),
        ),
    ),
    (
        "donations/tamper/outside.py",
        (
            (
                "a second hash beside ours is no harm",
                "hashes != {expectation.scripts[name]}",
                "expectation.scripts[name] not in hashes",
                f"{_ATTACKS}::test_each_change_inside_the_widget_alarms",
            ),
            (
                "a hidden widget is as good as a visible one",
                "(offered and not healthy)",
                "(offered and not marks)",
                f"{_ATTACKS}::test_a_hidden_widget_makes_every_offered_address_suspect",
            ),
        ),
    ),
    (
        "donations/tamper/inspect.py",
        (
            (
                "any code of ours may stand beside any link",
                "if bits and expectation.codes.get(bits) != payment.address:",
                "if bits and bits not in expectation.codes:",
                f"{_ATTACKS}::test_each_change_inside_the_widget_alarms",
            ),
        ),
    ),
    (
        "donations/tamper/state.py",
        (
            (
                "a page that cannot be read is forgotten",
                "replace(before or PageState(url, now), tried_at=now, error=error)",
                "PageState(url, now, error=error)",
                f"{_WATCH}::test_a_page_that_cannot_be_read_keeps_what_is_known",
            ),
        ),
    ),
    (
        "donations/tamper/watch.py",
        (
            (
                "the same alarm is told again and again",
                "_tell(before, after)",
                "_tell(None, after)",
                f"{_WATCH}::test_each_change_is_said_once",
            ),
        ),
    ),
    (
        "donations/statement/minisign.py",
        (
            (
                "the trusted comment is trusted without its signature",
                "if not _verifies(key, own + comment.encode(), whole):",
                "if not whole:",
                f"{_SIGNED}::test_minisign",
            ),
            (
                "any key may have signed",
                "if signer != key.id:",
                "if not signer:",
                f"{_FILES}::test_what_is_wrong_names_file_and_cure",
            ),
        ),
    ),
    (
        "donations/statement/ethereum_message.py",
        (
            (
                "the twin of a signature is one",
                ' or int.from_bytes(compact[32:], "big") > _HALF',
                "",
                f"{_SIGNED}::test_the_twin_of_an_ethereum_signature_is_refused",
            ),
        ),
    ),
    (
        "donations/statement/bip322.py",
        (
            (
                "a witness may have more behind its end",
                "if at != len(data):",
                "if at > len(data):",
                f"{_SIGNED}::test_bip_322",
            ),
        ),
    ),
    (
        "donations/statement/text.py",
        (
            (
                "a statement may say more than is configured",
                "if text != statement_text(site_of(config), config.watched, day):",
                "if not all(one.address in text for one in config.watched):",
                f"{_FILES}::test_what_is_wrong_names_file_and_cure",
            ),
        ),
    ),
    (
        "donations/statement/files.py",
        (
            (
                "anybody's address may sign",
                "if address in settings.addresses:",
                "if address:",
                f"{_FILES}::test_what_is_wrong_names_file_and_cure",
            ),
        ),
    ),
)
