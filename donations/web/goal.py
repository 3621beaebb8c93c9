"""A goal in words: its name, its amounts, how far it is, and what came another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.goals import Every, Phase
from donations.web.markup import Html, escape, join

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.goals import Goal
    from donations.web.locale import Locale

# Pixels for each line below the bar: milestones, and what came another way.
HEIGHT_LINE = 32
_DOT = Html(" · ")


def lines_below(goal: Goal | None) -> int:
    """How many lines stand below the bar."""
    return 0 if goal is None else bool(goal.milestones) + bool(goal.elsewhere)


def say_amount(locale: Locale, goal: Goal, units: int) -> Html:
    """An amount of what the goal is counted in."""
    if goal.fiat:
        return locale.money(units, goal.symbol, goal.decimals, brief=True)
    return locale.amount(units, goal.decimals, goal.symbol)


def say_name(locale: Locale, goal: Goal) -> Html:
    """ "Goal", with the month or the year of one that begins anew, or with its dates."""
    name, period = locale.say("goal"), goal.period
    if goal.phase is Phase.EARLY and period.first is not None:
        return join([name, _DOT, locale.say("goal_begins", date=locale.day(period.first))])
    if goal.phase is Phase.OVER and period.last is not None:
        return join([name, _DOT, locale.say("goal_ended", date=locale.day(period.last))])
    if goal.every is not None and period.last is not None:
        month = goal.every is Every.MONTH
        when = locale.month(period.last) if month else str(period.last.year)
        return join([name, _DOT, escape(when)])
    if period.last is not None:
        return join([name, _DOT, locale.say("goal_until", date=locale.day(period.last))])
    return name


def say_progress(
    locale: Locale, goal: Goal, amount: Callable[[Locale, Goal, int], Html] = say_amount
) -> Html:
    """How far it is; what came another way stands beside what was received, never within."""
    target = amount(locale, goal, goal.target)
    if goal.received is None or goal.percent is None:
        return locale.say("goal_unknown", target=target)
    parts = [goal.received, *(each.units for each in goal.elsewhere)]
    return locale.say(
        "goal_known",
        received=Html(" + ".join(amount(locale, goal, units) for units in parts)),
        target=target,
        percent=locale.whole(goal.percent),
    )


def say_notes(locale: Locale, goal: Goal) -> list[Html]:
    """What else is to be said: that it is reached, what is pending, what has no value yet."""
    notes = []
    if goal.is_reached:
        notes.append(locale.say("goal_reached"))
    if goal.pending:
        pending = say_amount(locale, goal, goal.pending)
        notes.append(locale.say("goal_pending", amount=pending))
    if goal.unvalued:
        notes.append(locale.count("goal_unvalued", goal.unvalued))
    return notes


def say_elsewhere(locale: Locale, goal: Goal) -> Html:
    """What came another way, each part with the author's word for it."""
    parts = []
    for each in goal.elsewhere:
        amount = say_amount(locale, goal, each.units)
        parts.append(Html(f"{amount} ({escape(each.label)})") if each.label else amount)
    return locale.say("goal_elsewhere", amounts=Html(", ".join(parts)))


def say_milestones(locale: Locale, goal: Goal) -> Html:
    """All of them, those that are reached with a tick."""
    told = [
        Html(f"✓\u00a0{amount}") if goal.has_reached(each) else amount
        for each in goal.milestones
        for amount in [say_amount(locale, goal, each)]
    ]
    return locale.say("goal_milestones", amounts=Html(" · ".join(told)))
