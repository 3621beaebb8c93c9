"""Seeded bugs of backup and restore, of the local socket, and of the exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_COPIES = "tests/test_copies.py"
_CONTROL = "tests/test_control.py"
_TABLES = "tests/exports/test_tables.py"
_JOURNALS = "tests/exports/test_journals.py"
_SUMMARY = "tests/exports/test_summary.py"
_COMMANDS = "tests/test_author_commands.py"

TERMINAL: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/copies/content.py",
        (
            (
                "a damaged copy passes for a backup",
                'if problems != ["ok"]:',
                "if not problems:",
                f"{_COPIES}::test_a_damaged_database_is_not_backed_up",
            ),
        ),
    ),
    (
        "donations/copies/backup.py",
        (
            (
                "half a backup stays where one was killed",
                "        _settle(part, to)\n",
                '        to.write_bytes(b"")\n        to.write_bytes(part.read_bytes())\n',
                f"{_COPIES}::test_a_killed_backup_is_whole_or_not_there",
            ),
        ),
    ),
    (
        "donations/copies/restore.py",
        (
            (
                "changed bytes are restored",
                "if digest != digest_of(copy) or not moment.isdecimal():",
                "if not moment.isdecimal():",
                f"{_COPIES}::test_every_changed_byte_of_a_backup_is_noticed",
            ),
            (
                "what comes again after a restore is news",
                'copy.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (RESTORED, str(now)))',
                "pass",
                f"{_COPIES}::test_what_was_backed_up_comes_back",
            ),
            (
                "the former database is lost",
                "aside = _keep_aside(database, now) if database.exists() else None",
                "aside = None",
                f"{_COPIES}::test_the_former_database_is_kept",
            ),
            (
                "between two steps there is no database",
                "            coming.replace(database)\n",
                "            database.unlink(missing_ok=True)\n"
                "            shutil.copy2(coming, database)\n",
                f"{_COPIES}::test_a_killed_restore_leaves_old_or_new",
            ),
        ),
    ),
    (
        "donations/outbox.py",
        (
            (
                "what waited in a backup is sent again",
                "    connection.execute(update(CHANNELS).values(told))\n",
                "",
                f"{_COPIES}::test_nothing_of_a_backup_is_sent_again",
            ),
        ),
    ),
    (
        "donations/control.py",
        (
            (
                "anybody may annotate",
                "if caller not in (None, os.geteuid(), 0):",
                "if caller == -1:",
                f"{_CONTROL}::test_the_kernel_tells_who_calls",
            ),
            (
                "everybody may connect",
                "        path.chmod(0o600)\n",
                "",
                f"{_CONTROL}::test_only_the_owner_may_ask",
            ),
            (
                "what was begun is cut off by a stop",
                "await asyncio.wait(tasks, timeout=_ASKING_SECONDS)",
                "pass",
                f"{_CONTROL}::test_what_was_begun_is_told",
            ),
            (
                "a file of somebody's is taken away",
                "if not stat.S_ISSOCK(path.lstat().st_mode):",
                "if False:",
                f"{_CONTROL}::test_a_file_in_its_place_is_left_alone",
            ),
        ),
    ),
    (
        "donations/exports/csv_form.py",
        (
            (
                "signs of full width begin formulas",
                'begins = unicodedata.normalize("NFKC", text)',
                "begins = text",
                f"{_TABLES}::test_a_text_is_no_formula",
            ),
            (
                "negative amounts are texts",
                "    if isinstance(cell, int | Number):\n",
                "    if isinstance(cell, int):\n",
                f"{_TABLES}::test_numbers_stay_numbers",
            ),
            (
                "notes run in a spreadsheet",
                "    return '\"' + harmless(cell).replace('\"', '\"\"') + '\"'",
                "    return '\"' + cell.replace('\"', '\"\"') + '\"'",
                f"{_TABLES}::test_a_spreadsheet_runs_no_formula",
            ),
        ),
    ),
    (
        "donations/exports/beancount.py",
        (
            (
                "notes end where a quote stands",
                """.replace("\\\\", "\\\\\\\\").replace('"', '\\\\"')""",
                "",
                f"{_JOURNALS}::test_whatever_is_written_stays_a_remark",
            ),
        ),
    ),
    (
        "donations/exports/hledger.py",
        (
            (
                "dates in notes move what is booked",
                "return visible(text).translate(_BRACKETS)",
                "return text",
                f"{_JOURNALS}::test_whatever_is_written_stays_a_remark",
            ),
            (
                "currencies without decimals are refused",
                'point = "" if digits else "."',
                'point = ""',
                f"{_JOURNALS}::test_other_currencies_have_their_own_digits",
            ),
        ),
    ),
    (
        "donations/exports/movement.py",
        (
            (
                "what is pending is booked",
                "    against = _AGAINST.get(line.what)\n",
                "    against = _AGAINST.get(line.what, INCOME)\n",
                f"{_JOURNALS}::test_beancount_accepts_the_journal",
            ),
            (
                "an unknown value is zero",
                "cost=line.minor if valued else None,",
                "cost=(line.minor or 0) if valued else None,",
                f"{_JOURNALS}::test_beancount_tells_the_same_totals",
            ),
            (
                "two coins share a commodity",
                "        while account_part(name) in taken:\n",
                "        while False:\n",
                f"{_JOURNALS}::test_any_symbol_becomes_a_commodity",
            ),
        ),
    ),
    (
        "donations/exports/summary.py",
        (
            (
                "years are those of UTC",
                "received = frame.moment(line.received_at)",
                "received = frame.moment(line.received_at - 3_600)",
                f"{_SUMMARY}::test_new_year_is_that_of_the_author",
            ),
            (
                "own transfers are gifts",
                "if line.what is not Class.GIFT:",
                "if line.what is Class.GONE:",
                f"{_SUMMARY}::test_the_sums_are_those_of_the_year",
            ),
        ),
    ),
    (
        "donations/annotating.py",
        (
            (
                "who wrote at the same time is overwritten",
                '        "expects": expects,\n',
                '        "expects": None,\n',
                f"{_COMMANDS}::test_two_who_write_at_once",
            ),
        ),
    ),
)
