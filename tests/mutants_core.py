"""Seeded bugs of ledger, agreement and store: (what is broken, old text, new text, test)."""

from __future__ import annotations

Bug = tuple[str, str, str, str]

_STATES = "tests/ledger/test_states.py"
_NET = "tests/ledger/test_net.py"
_FINALITY = "tests/ledger/test_finality.py"
_CONFLICTS = "tests/ledger/test_conflicts.py"
_VOTES = "tests/test_agreement.py"
_STORE = "tests/test_store.py"
_DURABLE = "tests/test_durability.py"
_KILLS = "tests/test_kills.py"

LEDGER: tuple[Bug, ...] = (
    (
        "absence counts below the height where the view begins",
        "return self.since <= block.height and (",
        "return (",
        f"{_STATES}::test_no_verdict_where_the_view_does_not_look",
    ),
    (
        "a missing gift goes on counting until the verdict",
        "if self.missing_since is not None and self.state is not State.FINAL:",
        "if self.missing_since is not None and self.state is State.DROPPED:",
        f"{_STATES}::test_missing_stops_counting_at_once",
    ),
    (
        "a missing gift is dropped without a grace",
        "News.MISSING, now)\n    if now - before.missing_since < grace:",
        "News.MISSING, now)\n    if now - before.missing_since < 0:",
        f"{_STATES}::test_missing_is_judged_after_the_whole_grace",
    ),
    (
        "what the operators did not decide is taken for absent",
        "if before.id in view.undecided or not view.covers(before.block):",
        "if not view.covers(before.block):",
        f"{_STATES}::test_undecided_is_not_absent",
    ),
    (
        "a reorg is not told as one",
        "reorged = before.state is State.CONFIRMED and (moved or state is State.SEEN)",
        "reorged = False",
        f"{_STATES}::test_each_cell_of_the_table",
    ),
    (
        "the block at the final height is not final yet",
        "return State.FINAL if block.height <= final_height else State.CONFIRMED",
        "return State.FINAL if block.height < final_height else State.CONFIRMED",
        f"{_STATES}::test_each_cell_of_the_table",
    ),
    (
        "a dropped gift never comes back",
        "        if placed is not None:\n            changes.append(placed)",
        "        if placed is not None and (known is None or not known.settled):\n"
        "            changes.append(placed)",
        f"{_STATES}::test_a_dropped_gift_that_was_mined_after_all_counts",
    ),
    (
        "change is counted as received",
        "return sum(units for _, units in self.brings) - sum(units for _, units in self.spends)",
        "return sum(units for _, units in self.brings)",
        f"{_NET}::test_change_is_no_gift",
    ),
    (
        "a move between two watched addresses is a gift",
        "if transaction.kind is Kind.GIFT and (transaction.own or transaction.net <= 0):",
        "if transaction.kind is Kind.GIFT and transaction.net <= 0:",
        f"{_NET}::test_a_move_between_two_watched_addresses_is_no_gift",
    ),
    (
        "a coinbase counts at its 99th confirmation",
        "final_height = min(final_height, tip - COINBASE_MATURITY + 1)",
        "final_height = min(final_height, tip - COINBASE_MATURITY + 2)",
        f"{_NET}::test_a_coinbase_counts_from_100_confirmations",
    ),
    (
        "a coinbase without an agreed block is pending",
        "if self.coinbase and self.state is not State.FINAL:",
        "if self.coinbase and self.state is State.CONFIRMED:",
        f"{_NET}::test_an_unconfirmed_coinbase_is_not_pending",
    ),
    (
        "an old gift is dated by the day it was read",
        "min(self.first_seen, self.block.time)",
        "self.first_seen",
        f"{_NET}::test_the_moment_of_a_gift_is_the_earlier_of_sight_and_block",
    ),
    (
        "the next look starts above what is still open",
        "return min([final_height + 1, *unsettled])",
        "return final_height + 1",
        f"{_NET}::test_the_next_look_starts_at_the_lowest_open_height",
    ),
    (
        "a final gift is reversed by a list without it",
        "if holder.hash == before.block.hash:",
        "if holder.hash == before.block.hash and transaction is not None:",
        f"{_FINALITY}::test_absence_alone_never_reverses",
    ),
    (
        "a final gift is reversed by the first look at another chain",
        "News.DOUBTED, now)\n    if now - before.missing_since < grace:",
        "News.DOUBTED, now)\n    if now - before.missing_since < 0:",
        f"{_FINALITY}::test_a_doubted_transfer_counts_until_the_verdict",
    ),
    (
        "a doubt is never cleared",
        "        return Change(before, replace(before, missing_since=None), News.FOUND, now)\n",
        "        return None\n",
        f"{_FINALITY}::test_a_doubt_clears_when_the_block_is_back",
    ),
    (
        "a final gift and its double spend count both during the grace",
        "if taken and _rival(",
        "if not taken and _rival(",
        f"{_FINALITY}::test_a_rival_that_pays_us_waits_for_the_verdict",
    ),
    (
        "a reversal keeps the amount of the block that is gone",
        "        after = _moved(before, transaction, state, view)\n    elif",
        "        after = replace(\n"
        "            before, state=state, block=transaction.block, missing_since=None\n"
        "        )\n    elif",
        f"{_FINALITY}::test_what_a_reversal_finds_is_what_counts",
    ),
    (
        "a reversal is not marked as one",
        "        final_reversed=True,\n",
        "",
        f"{_FINALITY}::test_a_reversal_is_told_with_its_evidence",
    ),
    (
        "the logs of one transaction replace each other",
        "if taker != transaction_hash), None)",
        "if taker in consumer.values()), None)",
        f"{_CONFLICTS}::test_transfers_of_one_transaction_do_not_conflict",
    ),
    (
        "a replaced gift is only missing",
        "    if rival is not None:\n        after = replace(before, state=State.REPLACED",
        "    if rival == before.id:\n        after = replace(before, state=State.REPLACED",
        f"{_CONFLICTS}::test_a_replacement_that_pays_somebody_else_takes_the_gift",
    ),
    (
        "a gift that came back still names who replaced it",
        "        missing_since=None,\n        replaced_by=None,\n        level=",
        "        missing_since=None,\n        level=",
        f"{_CONFLICTS}::test_replacement_and_return",
    ),
    (
        "a view may hold two rivals",
        "if consumer.setdefault(thing, transaction.hash) != transaction.hash:",
        "if consumer.setdefault(thing, transaction.hash) == thing:",
        f"{_CONFLICTS}::test_a_view_with_both_rivals_is_refused",
    ),
    (
        "what was found again has the moment of its return",
        "    return replace(\n        before,\n        kind=",
        "    return replace(\n        before,\n"
        "        first_seen=before.missing_since or before.first_seen,\n        kind=",
        f"{_STATES}::test_found_again_counts_again",
    ),
)

AGREEMENT: tuple[Bug, ...] = (
    (
        "an operator that lists a transaction twice has two votes",
        "if len(listed) != len(observation.transactions):",
        "if len(listed) > len(observation.transactions):",
        f"{_VOTES}::test_a_transaction_listed_twice_has_no_two_votes",
    ),
    (
        "an empty answer at the same tip is absence",
        "            forgotten = (last.listed | last.forgotten) - listed\n",
        "            forgotten = NOTHING\n",
        f"{_VOTES}::test_an_empty_answer_at_the_same_tip_is_forgetting",
    ),
    (
        "a second empty answer is absence",
        "(last.listed | last.forgotten) - listed",
        "last.listed - listed",
        f"{_VOTES}::test_forgetting_twice_is_still_forgetting",
    ),
    (
        "old answers keep their vote for ever",
        "if held.observation.at >= oldest and not _lags(held.observation, recorded)",
        "if not _lags(held.observation, recorded)",
        f"{_VOTES}::test_an_old_observation_makes_no_view",
    ),
    (
        "a lagging server undoes the latest blocks",
        "if held.observation.at >= oldest and not _lags(held.observation, recorded)",
        "if held.observation.at >= oldest",
        f"{_VOTES}::test_a_lower_tip_on_our_chain_is_ignored",
    ),
    (
        "a reorg to a lower tip is taken for lagging",
        "        height in recorded and recorded[height].hash != block.hash\n",
        "        height in recorded and recorded[height].height != block.height\n",
        f"{_VOTES}::test_a_lower_tip_of_another_chain_is_a_reorg",
    ),
    (
        "who holds the block and does not list it votes absent",
        "    return held is None or held.hash != block.hash\n",
        "    return True\n",
        f"{_VOTES}::test_who_holds_the_block_and_does_not_list_it_contradicts_himself",
    ),
    (
        "absence counts outside what the operator looked at",
        "    if not observation.since <= block.height <= (observation.until or block.height):\n",
        "    if not observation.since <= block.height:\n",
        f"{_VOTES}::test_no_absence_outside_the_coverage",
    ),
    (
        "a portion of a history votes on the mempool",
        "        return observation.until is None\n",
        "        return True\n",
        f"{_VOTES}::test_no_absence_from_the_mempool_by_a_portion",
    ),
    (
        "one operator suffices for absence",
        "return missing >= self.required",
        "return missing >= 1",
        f"{_VOTES}::test_absent_needs_as_many_votes_as_present",
    ),
    (
        "one operator suffices for presence",
        "    if len(tellers) < required:\n        return None\n",
        "",
        f"{_VOTES}::test_k_of_n",
    ),
    (
        "the final height is the highest that anybody tells",
        "final_height=min(_kth(self.required, (o.final_height for o in at_tip)), tip.height)",
        "final_height=min(max(o.final_height for o in at_tip), tip.height)",
        f"{_VOTES}::test_final_needs_as_many_as_everything_else",
    ),
    (
        "kind, maturity and consumption are the first teller's word",
        "return (told.consumes, told.brings, told.spends, told.kind, told.coinbase)",
        "return (told.brings, told.spends)",
        "tests/test_agreement_adversary.py::test_a_minority_never_raises_a_total",
    ),
    (
        "a block of another chain is a place",
        "return block is not None and shared.get(block.height, block) == block",
        "return block is not None",
        f"{_VOTES}::test_a_block_off_the_shared_chain_is_no_place",
    ),
    (
        "a mempool that is behind takes a gift out of its block",
        "believed is not None and believed.state in (State.SEEN, State.CONFIRMED):",
        "believed is not None and believed.state is State.FINAL:",
        f"{_VOTES}::test_a_block_keeps_what_it_holds",
    ),
    (
        "the tip is the highest that anybody tells",
        "    shared = [block for block, count in holders.items() if count >= required]\n",
        "    shared = list(holders)\n",
        f"{_VOTES}::test_a_higher_but_unshared_chain_does_not_win",
    ),
    (
        "of two rivals the one in more mempools beats the one in a block",
        "(vote[1].block is None, -vote[0], vote[1].id not in believed, vote[1].id)",
        "(-vote[0], vote[1].block is None, vote[1].id not in believed, vote[1].id)",
        f"{_VOTES}::test_a_block_beats_a_mempool",
    ),
    (
        "between equal rivals the ledger swings",
        "(vote[1].block is None, -vote[0], vote[1].id not in believed, vote[1].id)",
        "(vote[1].block is None, -vote[0], vote[1].id in believed, vote[1].id)",
        f"{_VOTES}::test_between_equals_the_believed_one_stays",
    ),
    (
        "a history that one operator has told whole is whole",
        "    if complete >= required:\n",
        "    if complete:\n",
        f"{_VOTES}::test_the_view_covers_what_enough_cover",
    ),
    (
        "one operator decides the balance",
        "return balance if count >= required else None",
        "return balance if count else None",
        f"{_VOTES}::test_a_balance_is_of_the_tip_and_agreed",
    ),
)

STORE: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/database.py",
        (
            (
                "each statement commits by itself",
                'connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")',
                "connection.info.clear()",
                f"{_DURABLE}::test_a_failure_in_any_table_leaves_nothing",
            ),
            (
                "two processes write one database",
                "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)",
                "fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)",
                f"{_STORE}::test_a_second_writer_is_refused_in_one_line",
            ),
            (
                "an error of the database is none of ours",
                "    except DBAPIError as error:\n",
                "    except NotImplementedError as error:\n",
                f"{_DURABLE}::test_a_full_disk_heals",
            ),
            (
                "a reader may write",
                'query={"mode": "ro", "uri": "true"}',
                'query={"mode": "rw", "uri": "true"}',
                f"{_STORE}::test_reading_alone",
            ),
        ),
    ),
    (
        "donations/store.py",
        (
            (
                "totals are committed after the rest",
                "        sums.add_changes(connection, changes, self._timezone, self._currency)\n",
                "        connection.exec_driver_sql('COMMIT')\n"
                "        connection.exec_driver_sql('BEGIN')\n"
                "        sums.add_changes(connection, changes, self._timezone, self._currency)\n",
                f"{_DURABLE}::test_a_failure_in_any_table_leaves_nothing",
            ),
            (
                "a batch is committed in two halves, which only a kill can tell",
                "            for cursor in batch.cursors:\n",
                "            connection.exec_driver_sql('COMMIT')\n"
                "            import time; time.sleep(0.005)\n"
                "            connection.exec_driver_sql('BEGIN IMMEDIATE')\n"
                "            for cursor in batch.cursors:\n",
                f"{_DURABLE}::test_kill_9_at_any_moment",
            ),
            (
                "what a view changed is committed after the cursors",
                "            if batch.changes:\n"
                "                self._save_changes(connection, batch.changes, "
                "history=batch.history)\n"
                "            for cursor in batch.cursors:\n"
                "                put(connection, CURSORS, [rows.cursor_row(cursor)])\n",
                "            for cursor in batch.cursors:\n"
                "                put(connection, CURSORS, [rows.cursor_row(cursor)])\n"
                "            connection.exec_driver_sql('COMMIT')\n"
                "            connection.exec_driver_sql('BEGIN IMMEDIATE')\n"
                "            if batch.changes:\n"
                "                self._save_changes(connection, batch.changes, "
                "history=batch.history)\n",
                f"{_KILLS}::test_kill_9_of_the_whole_service",
            ),
            (
                "cursors are not saved",
                "            for cursor in batch.cursors:\n",
                "            for cursor in batch.cursors[:0]:\n",
                f"{_STORE}::test_cursors_standings_blocks_and_facts_come_back",
            ),
            (
                "blocks of a chain that was left are kept",
                "    connection.execute(delete(BLOCKS).where(BLOCKS.c.chain == chain))\n",
                "",
                f"{_STORE}::test_blocks_are_those_of_the_last_batch_that_names_any",
            ),
            (
                "later steps of a first history are not told",
                "not (history and c.before is None)",
                "not history",
                f"{_STORE}::test_history_is_no_news",
            ),
            (
                "another time zone keeps the old months",
                "if any(kept[name] not in (grounds[name], None) for name in grounds):",
                "if any(kept[name] == '' for name in grounds):",
                f"{_STORE}::test_another_time_zone_has_other_months",
            ),
            (
                "the ledger of one network is continued on another",
                "        if recorded not in (network, None):\n",
                "        if recorded in ():\n",
                f"{_STORE}::test_another_network_is_refused",
            ),
            (
                "gifts elsewhere include those of the same address",
                "return [transfer for transfer in found if transfer.key != key]",
                "return found",
                f"{_STORE}::test_questions_to_the_ledger",
            ),
        ),
    ),
    (
        "donations/rows.py",
        (
            (
                "an amount passes through a float",
                '"amount": str(transfer.amount)',
                '"amount": str(int(float(transfer.amount)))',
                f"{_STORE}::test_a_transfer_comes_back_as_it_was",
            ),
            (
                "a doubted transfer is not loaded at a start",
                '"settled": transfer.settled',
                '"settled": transfer.settled or transfer.state is State.FINAL',
                f"{_STORE}::test_unsettled_are_those_that_views_change",
            ),
        ),
    ),
    (
        "donations/sums.py",
        (
            (
                "a gift that moves on stays in the total it leaves",
                "for transfer, sign in ((change.before, -1), (change.after, 1)):",
                "for transfer, sign in ((change.after, 1),):",
                f"{_STORE}::test_totals_kept_are_totals_rebuilt",
            ),
            (
                "months begin at full hours of UTC",
                "_STEP = 900",
                "_STEP = 3_600",
                f"{_STORE}::test_a_month_is_one_of_the_time_zone",
            ),
            (
                "totals made anew are added to the old ones",
                "for table in (TOTALS, DAYS):",
                "for table in (DAYS,):",
                f"{_STORE}::test_totals_kept_are_totals_rebuilt",
            ),
        ),
    ),
    (
        "donations/schema.py",
        (
            (
                "a newer database is opened",
                "    if version > len(MIGRATIONS):\n",
                "    if version < 0:\n",
                f"{_STORE}::test_a_newer_schema_is_refused_by_both_versions",
            ),
            (
                "a step of migration is committed piece by piece",
                "        with engine.begin() as connection:\n            step(connection)\n",
                "        with engine.connect().execution_options(\n"
                '            isolation_level="AUTOCOMMIT"\n'
                "        ) as connection:\n            step(connection)\n",
                f"{_KILLS}::test_kill_9_of_the_whole_service",
            ),
        ),
    ),
)
