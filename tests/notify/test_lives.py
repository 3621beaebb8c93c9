"""Who is told of a gift believes of it what the ledger does, in every life of a chain."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from donations.announcements import Asset, Baseline, Type, event_id, is_wanted, of_change
from donations.ledger import Kind, State
from tests.ledger.test_machine import ChainLife

GOOD = {Type.SEEN: State.SEEN, Type.CONFIRMED: State.CONFIRMED, Type.FINAL: State.FINAL}
_EVENTS = st.sets(st.sampled_from(sorted(GOOD)), min_size=1)
ASSET, BEGIN = Asset(decimals=8, dust=0), Baseline(-1, -1)


class ToldLife(ChainLife):
    """A reader who is told everything, and one who asked for some of the good news only."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self.heard: dict[str, list[tuple[Type, str]]] = {}
        self.took: dict[str, list[Type]] = {}
        self.ids: dict[str, str] = {}
        self.events: set[Type] = set(GOOD)

    @initialize(events=_EVENTS)
    def subscribe(self, events: set[Type]) -> None:
        self.events = events

    def _listen(self) -> None:
        for change in self.told[self.read :]:
            for each in of_change(change, ASSET, BEGIN):
                before = self.heard.setdefault(change.after.id, [])
                before.append((each.type, each.data["state"]))
                payload = each.payload([kind for kind, _ in before].count(each.type))
                assert self.ids.setdefault(event_id(payload), payload) == payload
                took = self.took.setdefault(change.after.id, [])
                if is_wanted(each.type, self.events, took):
                    took.append(each.type)
        self.read = len(self.told)

    @invariant()
    def the_last_that_is_told_is_so(self) -> None:
        """Of each gift that was ever told of, and of each that stands."""
        self._listen()
        for transfer in self.ledger.values():
            heard = self.heard.get(transfer.id)
            if transfer.kind is Kind.GIFT:
                assert heard is not None
                assert heard[-1][1] == transfer.state.value
            else:
                assert heard is None or heard[-1][0] is Type.OWN

    @invariant()
    def nobody_believes_what_is_not_so(self) -> None:
        """Good news that were told and not corrected hold; none is missed that was asked for."""
        self._listen()
        ranks = list(GOOD)
        for name, took in self.took.items():
            transfer = self.ledger[name]
            standing: set[Type] = set()
            for kind in took:
                if kind in GOOD:
                    standing.add(kind)
                else:
                    standing -= set(ranks if kind is not Type.REORGED else ranks[1:])
            if transfer.kind is not Kind.GIFT or transfer.state in (State.DROPPED, State.REPLACED):
                assert not standing
            else:
                best = max((ranks.index(kind) for kind in standing), default=-1)
                state = next(n for n, kind in enumerate(ranks) if GOOD[kind] is transfer.state)
                asked = [ranks.index(each) for each in self.events if ranks.index(each) <= state]
                assert max(asked, default=-1) <= best <= state


TestToldLife = ToldLife.TestCase
TestToldLife.settings = settings(
    max_examples=80,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
