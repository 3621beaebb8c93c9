"""The forms of the public part below /api/v1; as `forms`, not with postponed annotations."""

from typing import Annotated, TypedDict

from donations.arrivals import Whereabouts
from donations.web.api.forms import (
    AmountForm,
    Asset,
    Chain,
    CoinForm,
    Decimals,
    EntryForm,
    GoalForm,
    Height,
    Moment,
    Text,
    Units,
)
from donations.web.api.schema import Says

Next = Annotated[str, Says("the cursor to go on with; null: that was all")]


class AssetForm(TypedDict):
    """What came in of one asset at all addresses: null while one of them is not known."""

    symbol: Asset
    decimals: Decimals
    received: AmountForm | None
    final: AmountForm | None
    confirmed: AmountForm | None
    pending: AmountForm | None
    unknown: Annotated[int, Says("addresses of which nothing is known yet", lowest=0)]


class TotalsForm(TypedDict):
    """Totals. A coin's own address is in `addresses`, each asset of all of them in `assets`."""

    addresses: list[CoinForm]
    assets: list[AssetForm]
    goal: GoalForm | None


class GiftsForm(TypedDict):
    """Some gifts, the newest first."""

    gifts: list[EntryForm]
    next: Next | None


class PaymentForm(TypedDict):
    """What one transaction brought to one address. `time` is when it was received."""

    chain: Chain
    address: str
    asset: Asset
    id: str
    gift: Annotated[bool, Says("false: moved between own addresses, or no gift otherwise")]
    stands: Whereabouts
    units: Units
    amount: Text
    decimals: Decimals
    time: Moment
    height: Height | None
    replaced_by: str | None


class PaymentsForm(TypedDict):
    """All that one transaction brought."""

    payments: list[PaymentForm]
