"""Seeded bugs of several widgets and their goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants_core import Bug

_GOALS = "tests/test_goals.py"
_GATHERING = "tests/test_gathering.py"
_CONFIG = "tests/test_config_widgets.py"
_WORDS = "tests/web/test_goal.py"
_SEVERAL = "tests/test_several_widgets.py"
_BELOW = "tests/web/test_below.py"

WIDGETS: tuple[tuple[str, tuple[Bug, ...]], ...] = (
    (
        "donations/goals.py",
        (
            (
                "a month loses its last day",
                "(self.last is not None and day > self.last)",
                "(self.last is not None and day >= self.last)",
                f"{_GOALS}::test_periods_tile_the_time_of_a_goal",
            ),
            (
                "a yearly goal ends with its month",
                "date(day.year, 12, 31)",
                "date(day.year, day.month, 28)",
                f"{_GOALS}::test_the_period_of_a_day",
            ),
            (
                "a month that is cut is shown whole",
                "first if terms.since is None or first is None else max(first, terms.since)",
                "first",
                f"{_GOALS}::test_the_period_of_a_day",
            ),
            (
                "per cent end at the goal",
                "return None if collected is None else collected * 100 // self.target",
                "return None if collected is None else min(100, collected * 100 // self.target)",
                f"{_GOALS}::test_per_cent_are_cut_and_go_on_past_the_goal",
            ),
            (
                "what is pending reaches the goal",
                "collected is not None and collected >= self.target",
                "collected is not None and collected + (self.pending or 0) >= self.target",
                f"{_GOALS}::test_pending_reaches_nothing",
            ),
            (
                "what came another way does not count",
                "self.received + sum(each.units for each in self.elsewhere)",
                "self.received",
                f"{_GOALS}::test_what_came_another_way_counts_and_is_not_received",
            ),
            (
                "what is not valued is nothing",
                "if fed is None or (fed.unvalued and not fed.units):",
                "if fed is None:",
                f"{_GOALS}::test_gifts_without_a_value_are_counted_and_never_nothing",
            ),
        ),
    ),
    (
        "donations/gathering.py",
        (
            (
                "a part of what is known is taken for all",
                "if not wanted <= known:",
                "if not wanted & known:",
                f"{_GOALS}::test_a_goal_is_unknown_while_one_of_its_histories_is_read",
            ),
            (
                "a coin goal takes other coins",
                "terms.fiat or key.asset == terms.symbol",
                "terms.fiat or key.chain == 'btc' or key.asset == terms.symbol or True",
                f"{_GOALS}::test_a_goal_in_a_coin_counts_its_units_alone",
            ),
            (
                "manual gifts of one widget count in all",
                'if gift.widget in ("", slug)',
                'if gift.widget in ("", slug, gift.widget)',
                f"{_GOALS}::test_manual_gifts_belong_to_a_widget_or_to_all",
            ),
            (
                "dollars count as euros",
                "return (gift.unit, gift.decimals) == (terms.symbol, terms.decimals)",
                "return gift.decimals == terms.decimals",
                f"{_GOALS}::test_manual_gifts_of_the_same_unit_count_and_others_are_not_valued",
            ),
            (
                "days are those of Greenwich",
                "datetime.fromtimestamp(gift.received_at, zone).date()",
                "datetime.utcfromtimestamp(gift.received_at).date()",
                f"{_GOALS}::test_every_moment_is_in_one_month_of_its_zone",
            ),
            (
                "a site has the keys of its first widget",
                "(keys_of(config, each) for each in widgets)",
                "(keys_of(config, each) for each in widgets[:1])",
                f"{_GATHERING}::test_groups_by_widget_site_and_post",
            ),
        ),
    ),
    (
        "donations/config_widgets.py",
        (
            (
                "two widgets may share a slug",
                "if widget.slug in widgets:",
                "if widget.slug in widgets and not widget.slug:",
                f"{_CONFIG}::test_a_wrong_widget_is_told",
            ),
            (
                "the ledger shows what is hidden",
                'ledger = table.boolean("ledger", totals and gifts)',
                'ledger = table.boolean("ledger", True)',
                f"{_CONFIG}::test_what_is_hidden_takes_the_ledger_with_it",
            ),
        ),
    ),
    (
        "donations/snapshot.py",
        (
            (
                "hidden sums are in the snapshot",
                "if Part.TOTALS in hidden:",
                "if Part.TOTALS in hidden and not coins:",
                f"{_SEVERAL}::test_what_is_hidden_is_in_no_public_answer",
            ),
            (
                "hidden gifts are in the snapshot",
                "if Part.GIFTS not in hidden and _is_listed(one, transfer)",
                "if _is_listed(one, transfer)",
                f"{_SEVERAL}::test_what_is_hidden_is_in_no_public_answer",
            ),
        ),
    ),
    (
        "donations/web/thanks.py",
        (
            (
                "a widget tells of payments to others",
                "if (chain, a.key.address) in self._addresses]",
                "if a.key.address or self._addresses]",
                f"{_SEVERAL}::test_a_payment_is_told_where_its_address_is_shown",
            ),
        ),
    ),
    (
        "donations/web/goal.py",
        (
            (
                "every milestone has a tick",
                "if goal.has_reached(each) else amount",
                "if goal.milestones else amount",
                f"{_WORDS}::test_everything_of_a_goal_is_said_in_every_language",
            ),
            (
                "what has no value yet is not said",
                "    if goal.unvalued:\n",
                "    if goal.unvalued < 0:\n",
                f"{_WORDS}::test_everything_of_a_goal_is_said_in_every_language",
            ),
        ),
    ),
    (
        "donations/web/below.py",
        (
            (
                "a widget is found with its prefix",
                'request.path.removeprefix(f"/w/{slug}")',
                'request.path.removeprefix(f"/w/")',
                f"{_BELOW}::test_each_slug_answers_for_itself",
            ),
        ),
    ),
    (
        "donations/web/proofs.py",
        (
            (
                "a widget proves what another shows",
                "if of is not None and (",
                "if of is None and (",
                f"{_BELOW}::test_a_widget_gives_proofs_of_its_own_addresses_alone",
            ),
        ),
    ),
    (
        "donations/web/live.py",
        (
            (
                "news of a widget wakes the readers of all",
                "return self._editions.get(channel, self._start)",
                "return max([self._start, *self._editions.values()])",
                f"{_BELOW}::test_news_of_a_widget_is_for_its_readers",
            ),
        ),
    ),
    (
        "donations/tamper/inspect.py",
        (
            (
                "a widget must show what another shows",
                "return next(known, expectation.addresses)",
                "return expectation.addresses",
                "tests/tamper/test_several_widgets.py::test_each_widget_may_stand_on_a_page",
            ),
        ),
    ),
    (
        "donations/summary.py",
        (
            (
                "a goal of some days takes all",
                "if period != Period():",
                "if period is None:",
                "tests/test_goals_kept.py::test_each_gift_is_in_its_period_at_every_edge",
            ),
        ),
    ),
)
