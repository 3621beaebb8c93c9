"""Which test holds which kind of bad weather: the map, and that all it names is there.

What has no line here does not befall this service: it has no replicas and no other database than
SQLite, and it starts no other programs.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent

MAP = """
# upstreams
hangs, drips, closes, cuts short   test_fault_matrix::test_every_fault_at_every_question
... two at once                    test_fault_pairs::test_two_faults_at_once
... at every byte                  sources/test_cut::*
... stalls over many polls         test_process_weather::test_upstreams_that_stall_do_not_pile_up
... never answers a ping           sources/test_electrum::test_a_line_that_died_without_a_word_is*
asks for a pause                   sources/test_strictness::test_retry_after_in_all_its_forms
... which is kept                  test_operators::test_a_pause_that_was_asked_for_is_kept_to_the*
... for one part of a look         test_weather::test_a_pause_that_was_asked_for_is_kept
fails for long                     test_operators::test_what_fails_for_long_is_logged_once_and_as*
... opens the breaker              test_operators::test_the_breaker_opens_after_three_failures_an*
pushes without end                 test_operators::test_no_push_exceeds_the_budget
refuses, errors, pages, redirects  test_fault_matrix::test_every_fault_at_every_question
far too much, packed or not        sources/test_memory::test_a_flood_costs_bounded_memory
... by twenty at once              test_bombs::test_bombs_of_half_a_gigabyte
answers in another form            sources/test_fuzz::test_fuzzed_answers_neither_crash_hang_nor*
... with one thing wrong           sources/test_strictness::test_answers_with_one_thing_wrong_bre*
another network                    sources/test_contract::test_another_network_is_refused
another branch                     test_lateness::test_a_server_on_another_branch_is_named_and_mo*
frozen, or gone back               test_lateness::test_one_that_falls_behind_is_named_and_costs_n*
... and alone                      test_lateness::test_a_lone_server_that_goes_back_makes_its_num*
a tip that is far too old          test_lateness::test_a_chain_without_new_blocks_is_not_fresh
back ends of different heights     sources/test_ethereum::test_back_ends_that_differ_never_make_a*
states that are no longer kept     sources/test_ethereum::test_lost_states_become_one_entry
an amount, or a gift, is a lie     test_agreement_adversary::test_a_minority_never_raises_a_total
... of all upstreams together      proof/test_adversary::*
hidden, doubled, shuffled pages    sources/test_explorers::test_pages_that_go_round_are_refused
an empty history                   test_weather::test_an_empty_history_deletes_nothing
reorgs                             test_deep_reorgs::*
other mempools                     test_weather::test_other_mempools_make_nothing_flap
TLS in every bad form              test_lines::test_every_fault_of_tls
names in every bad form            test_lines::test_every_fault_of_names
... hold nothing up                test_lines::test_names_without_an_answer_hold_nothing_up
... with an address that is dead   test_lines::test_an_address_that_leads_nowhere_is_not_waited_for
notices without end                sources/test_strictness::test_a_flood_of_notifications_is_surv*
all down, also at the first start  test_weather::test_a_first_start_with_everything_down_heals
the key of an explorer             test_explorer_key::test_a_key_is_taken_refused_or_told_to_wait
mail and webhooks                  notify/test_webhook::*
# storage
full, failing, read-only, locked   test_storage_weather::test_each_failure_of_storage_is_told_and*
... at each write and sync         test_disk_errors::test_each_write_and_sync_fails
a log that is lost, short, foreign test_storage_weather::test_a_log_that_is_lost_or_cut_costs_no*
a damaged page                     test_storage_weather::test_a_damaged_page_shows_no_wrong_number
no database at all                 test_store::test_a_file_that_is_no_database_is_refused
moved or replaced while it runs    test_storage_weather::test_each_failure_of_storage_is_told_and*
an older copy                      test_storage_weather::test_an_older_copy_catches_up_without_te*
two processes                      test_process_weather::test_two_of_it_are_one_line
a newer schema                     test_store::test_a_newer_schema_is_refused_by_both_versions
# the process
killed                             test_kills::*
... at each step on the disk       test_disk_errors::test_a_kill_at_each_step
told to stop, once and twice       test_process_weather::test_signals_at_any_moment_end_it_in_order
a clock that jumps                 test_timer::test_no_jump_of_the_clock_stops_or_multiplies_a_job
a suspend                          test_process_weather::test_a_suspend_is_followed_by_one_poll_a*
a loop that stood still            test_timer::test_a_blocked_loop_loses_no_run
... or hangs                       test_watchdog::test_a_hang_is_told_once_with_its_place
... under a supervisor             test_watchdog::test_the_program_tells_its_supervisor
a port that is taken               test_weather::test_a_port_that_is_taken_is_one_line
no files left                      test_process_weather::test_out_of_files_readers_and_watch_go_on
a bare environment                 test_process_weather::test_a_bare_environment_is_enough
# clients
never read, never end their words  web/test_crowd::test_honest_clients_are_answered_in_a_rush
streams without end                web/test_live::test_one_client_has_so_many_streams_and_all_hav*
malformed requests                 web/test_server::test_a_malformed_request_is_refused_without_a*
large bodies                       web/test_server::test_a_large_body_is_not_read
other methods                      web/test_public::test_other_methods_are_refused_by_name
paths that lead out                web/test_clients::test_no_path_leads_to_a_file
caches that are misled             web/test_clients::test_an_answer_depends_on_its_path_alone
... by an end of the path          web/test_clients::test_no_suffix_makes_a_page_another_one
wrong queries                      api/test_fuzzed::test_the_fuzzer_finds_nothing
other hosts                        web/test_public::test_only_our_host_is_answered
forged addresses                   web/test_live::test_the_client_is_the_rightmost_hop_that_is_no*
other sites                        author/test_login::test_other_sites_pages_can_do_nothing
guessed tokens                     author/test_login::test_wrong_tokens_are_limited_and_lock_nobo*
# the configuration
every wrong value                  test_config::test_errors_name_line_key_and_reason
mutated files                      test_config::test_mutated_files_are_read_or_refused
addresses with one error           chains/test_address_errors::*
keys that are pasted               test_config::test_secrets_are_refused_anywhere
"""


@cache
def laws(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / f"{file}.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = (node.name for node in ast.walk(tree) if isinstance(node, kinds))
    return frozenset(name for name in names if name.startswith("test_"))


def test_every_kind_of_weather_has_a_test_that_is_there() -> None:
    """Each line names one that exists, by the beginning of its name where that is long; or a file
    of them."""
    lines = [line for line in MAP.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 60
    for line in lines:
        file, _, law = line.split()[-1].partition("::")
        begins = [name for name in laws(file) if name.startswith(law.removesuffix("*"))]
        assert law in laws(file) or (law.endswith("*") and begins), line
