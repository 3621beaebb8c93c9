"""Seeded bugs of the documented HTTP interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_AUTHOR = "tests/api/test_author_part.py"
_FILES = "tests/api/test_author_files.py"
_LIMITS = "tests/api/test_limits.py"
_OPENAPI = "tests/api/test_openapi.py"
_PUBLIC = "tests/api/test_public_part.py"

INTERFACE: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/web/api/front.py",
        (
            (
                "pages of other origins may read the author's part",
                "public = not request.path.startswith(AUTHOR_ROOT)",
                "public = True",
                f"{_AUTHOR}::test_nothing_of_it_is_for_pages_of_other_origins",
            ),
            (
                "clients share one limit",
                "(self._readers if client is None else self._reader)",
                "(self._readers)",
                f"{_LIMITS}::test_each_client_has_its_own_limit",
            ),
            (
                "whose request a proxy brings is not asked",
                "client_network(request.remote, forwarded, self._trusted)",
                "client_network(request.remote, (), self._trusted)",
                f"{_LIMITS}::test_a_household_of_ipv6_is_one_client",
            ),
        ),
    ),
    (
        "donations/web/api/throttle.py",
        (
            (
                "a client is admitted too early",
                "if early > 0:",
                "if early > 1:",
                f"{_LIMITS}::test_no_window_holds_more_than_the_burst_and_what_the_time_allows",
            ),
            (
                "clients are remembered for ever",
                "if len(self._whole_at) > _ROOM:",
                "if not self._whole_at:",
                f"{_LIMITS}::test_a_flood_of_networks_is_forgotten",
            ),
        ),
    ),
    (
        "donations/web/api/operation.py",
        (
            (
                "an unknown parameter is ignored",
                "if name not in declared:",
                "if not name:",
                f"{_PUBLIC}::test_what_is_no_parameter_is_refused",
            ),
            (
                "of a parameter given twice one is taken",
                "if len(request.query.getall(name)) > 1:",
                "if len(request.query.getall(name)) > 2:",
                f"{_PUBLIC}::test_what_is_no_parameter_is_refused",
            ),
        ),
    ),
    (
        "donations/web/api/cursor.py",
        (
            (
                "a cursor may go on after its end",
                "if _CURSOR.fullmatch(text) is None:",
                "if _CURSOR.match(text) is None:",
                f"{_PUBLIC}::test_what_is_no_cursor_is_refused_by_name",
            ),
        ),
    ),
    (
        "donations/web/api/accept.py",
        (
            (
                "0.0 is a wish",
                '.strip("0.") != ""',
                '!= "0"',
                f"{_PUBLIC}::test_only_json_can_be_had",
            ),
        ),
    ),
    (
        "donations/web/api/public.py",
        (
            (
                "own transfers are among the gifts",
                'if entry["kind"] == "gift" and entry["counts"]:',
                'if entry["kind"]:',
                f"{_PUBLIC}::test_all_gifts_are_told_once_and_in_order",
            ),
        ),
    ),
    (
        "donations/listing.py",
        (
            (
                "the entry at the cursor is told again",
                "if place is None or place_in(entry) < place:",
                "if place is None or place_in(entry) <= place:",
                f"{_PUBLIC}::test_all_gifts_are_told_once_and_in_order",
            ),
            (
                "what shares a page with a payment is that payment",
                "if number in _numbers(entry)",
                "if number",
                f"{_PUBLIC}::test_an_old_payment_is_found_in_the_list",
            ),
        ),
    ),
    (
        "donations/web/api/totals.py",
        (
            (
                "unknown is zero",
                "return None if unknown else amount_form(units, digits)",
                "return amount_form(units, digits)",
                f"{_PUBLIC}::test_what_is_not_known_is_null",
            ),
        ),
    ),
    (
        "donations/web/api/figures.py",
        (
            (
                "what nobody knows the worth of is worth nothing",
                "unknown = figure.transfers > 0 and figure.valued == 0",
                "unknown = figure.transfers < 0",
                f"{_AUTHOR}::test_what_nobody_knows_the_worth_of_is_null",
            ),
            (
                "what is pending was received",
                "(figure, Figure()) if bucket in RECEIVED else (Figure(), figure)",
                "(figure, Figure())",
                f"{_AUTHOR}::test_totals_are_those_of_the_books",
            ),
        ),
    ),
    (
        "donations/web/api/author.py",
        (
            (
                "an entry between two pages is left out",
                "write_cursor(place_of(told[-1].transfer))",
                "write_cursor(place_of(found[-1].transfer))",
                f"{_AUTHOR}::test_lists_are_whole_and_in_order",
            ),
        ),
    ),
    (
        "donations/web/api/author_writes.py",
        (
            (
                "the last one to write wins",
                'return await self._keep(annotation, body["expects"])',
                "return await self._keep(annotation, None)",
                f"{_AUTHOR}::test_two_who_write_at_once_do_not_overwrite_each_other",
            ),
            (
                "a gift may come from the future",
                'if body["received_at"] > self.sources.now():',
                'if body["received_at"] < 0:',
                f"{_AUTHOR}::test_what_cannot_be_kept_is_refused_by_name",
            ),
        ),
    ),
    (
        "donations/web/api/checked.py",
        (
            (
                "true is 1",
                "if type(value) is not form:",
                "if not isinstance(value, form):",
                f"{_AUTHOR}::test_what_cannot_be_kept_is_refused_by_name",
            ),
            (
                "what is said twice is taken once",
                "if name in found:",
                "if not name:",
                f"{_AUTHOR}::test_only_json_is_read",
            ),
        ),
    ),
    (
        "donations/web/api/author_files.py",
        (
            (
                "what came another way is in the file of one widget",
                "return wanted, slug is None",
                "return wanted, True",
                f"{_FILES}::test_a_file_is_what_the_terminal_writes",
            ),
        ),
    ),
    (
        "donations/web/api/openapi.py",
        (
            (
                "a route is left out of the document",
                "    for route in routes:",
                "    for route in routes[1:]:",
                f"{_OPENAPI}::test_the_document_describes_what_is_served",
            ),
        ),
    ),
    (
        "donations/web/author/gate.py",
        (
            (
                "a cookie opens the interface",
                "if bearer is None and request.path.startswith(ROOT):",
                "if bearer is None and not request.path:",
                f"{_AUTHOR}::test_the_token_alone_opens_it",
            ),
        ),
    ),
)
