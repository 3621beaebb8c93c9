"""The forms of what readers get. Names in the document are without "Form".

Not with postponed annotations: `schema` reads them.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from donations.arrivals import Whereabouts
from donations.goals import Every, Phase
from donations.ledger import Kind, Level
from donations.reasons import Reason
from donations.snapshot import Freshness, Stage
from donations.web.api.schema import Says

Units = Annotated[str, Says("base units, in decimal digits", pattern=r"^(?:0|-?[1-9][0-9]{0,77})$")]
Text = Annotated[
    str, Says("the same as a decimal number", pattern=r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$")
]
Moment = Annotated[int, Says("Unix seconds", lowest=0)]
Height = Annotated[int, Says(lowest=0)]
Decimals = Annotated[int, Says("digits of the smallest unit", lowest=0, highest=36)]
Count = Annotated[int, Says(lowest=0)]
Chain = Annotated[str, Says(example="btc")]
Asset = Annotated[str, Says(example="BTC")]


class AmountForm(TypedDict):
    """An amount, twice."""

    units: Units
    text: Text


class SumForm(TypedDict):
    """What one asset brought to one address. `received` is `final` and `confirmed` together."""

    symbol: Asset
    decimals: Decimals
    received: AmountForm
    final: AmountForm
    confirmed: AmountForm
    pending: AmountForm


class AsOfForm(TypedDict):
    """The block, and the moment, that numbers were true at."""

    height: Height
    hash: str
    block_time: Moment
    observed: Moment


class CoinForm(TypedDict):
    """One address. Without `as_of` nothing is known of it yet, and its numbers are null.

    Where the author keeps totals to himself, `sums`, `gifts` and `opening` are not there.
    """

    chain: Chain
    title: str
    symbol: Asset
    decimals: Decimals
    network: str
    address: str
    payment: Annotated[str, Says("what the QR code holds")]
    link: Annotated[str, Says("opens a wallet")]
    state: Freshness
    as_of: AsOfForm | None
    sums: NotRequired[list[SumForm] | None]
    gifts: NotRequired[Annotated[int, Says("very small ones included", lowest=0)] | None]
    opening: NotRequired[AmountForm | None]
    sources: Annotated[int, Says("operators behind the numbers", lowest=0)]
    required: Annotated[int, Says("operators that must tell the same", lowest=0)]


class GiftForm(TypedDict):
    """One of the latest gifts."""

    chain: Chain
    symbol: Asset
    decimals: Decimals
    amount: AmountForm
    stage: Stage
    time: Moment


class MilestoneForm(TypedDict):
    """A step on the way to a goal."""

    amount: AmountForm
    reached: bool


class ElsewhereForm(TypedDict):
    """What came another way than to an address that is watched."""

    label: str
    amount: AmountForm


# Not a class: "from" is a word of the language.
GoalForm = TypedDict(
    "GoalForm",
    {
        "symbol": Annotated[str, Says("an asset, or a currency (ISO 4217)", example="EUR")],
        "decimals": Decimals,
        "fiat": Annotated[bool, Says("whether the symbol is a currency")],
        "target": AmountForm,
        "received": AmountForm | None,
        "pending": AmountForm | None,
        "percent": Annotated[int, Says("of the target, cut; more than 100 past it", lowest=0)]
        | None,
        "unvalued": Annotated[int, Says("gifts of the period without a value yet", lowest=0)],
        "elsewhere": Annotated[list[ElsewhereForm], Says("counts, and is not in `received`")],
        "milestones": list[MilestoneForm],
        "every": Every | None,
        "from": Annotated[str, Says("the first day of the period")] | None,
        "until": Annotated[str, Says("its last day")] | None,
        "phase": Phase,
    },
)
GoalForm.__doc__ = "What is collected for, in the period of today."


class SignedForm(TypedDict):
    """Who signed the statement of the addresses, and where it is."""

    date: str
    by: list[str]
    statement: str


class SnapshotForm(TypedDict):
    """All that is public about the widget."""

    slug: str
    title: str
    language: str
    coins: list[CoinForm]
    goal: GoalForm | None
    gifts: NotRequired[Annotated[list[GiftForm], Says("not there where the author hides them")]]
    signed: SignedForm | None


class BlockForm(TypedDict):
    """A block of a chain."""

    height: Height
    hash: str
    time: Moment


class EntryForm(TypedDict):
    """One transfer: what one transaction brought to one address."""

    chain: Chain
    address: str
    asset: Asset
    id: Annotated[str, Says("the number of the transaction, or what begins with it")]
    transactions: Annotated[
        list[str], Says("that brought what came from inside contract calls, where they are known")
    ]
    kind: Kind
    stands: Whereabouts
    counts: Annotated[bool, Says("whether it is part of a sum of gifts")]
    excluded: Annotated[bool, Says("the author says that it is not a gift")]
    level: Level
    operators: Annotated[int, Says("operators that must tell the same", lowest=0)]
    units: Units
    amount: Text
    decimals: Decimals
    time: Annotated[int, Says("when it was received: Unix seconds", lowest=0)]
    block: BlockForm | None
    replaced_by: str | None
    thanks: Annotated[str, Says("what the author says of it to everybody, empty for nothing")]


class SmallForm(TypedDict):
    """Gifts too small to be listed one by one."""

    asset: Asset
    units: Units
    amount: Text
    decimals: Decimals
    gifts: Count


class StandForm(TypedDict):
    """How far the list of an address reaches."""

    chain: Chain
    address: str
    state: Freshness
    height: Height | None
    block: str | None
    observed: Moment | None


class LedgerForm(TypedDict):
    """A hundred transfers in the order they came; page 1 holds the oldest."""

    version: Literal[1]
    page: Annotated[int, Says(lowest=1)]
    pages: Annotated[int, Says(lowest=1)]
    transfers: Count
    as_of: list[StandForm]
    entries: list[EntryForm]
    small: list[SmallForm]


class BadgeForm(TypedDict):
    """What the endpoint badge of shields.io takes."""

    schemaVersion: Literal[1]
    label: str
    message: str
    color: str


class PlaceForm(TypedDict):
    """An address as it stands in a page; `bits` are those of its QR code."""

    name: str
    network: str
    address: str
    link: str
    bits: str
    label: str


class InlineForm(TypedDict):
    """What a plugin needs to build the card into a page, and to pin what it may trust."""

    card: str
    style: str
    script: str
    integrity: str
    language: str
    title: str
    warning: str
    home: str
    addresses: list[PlaceForm]


class OembedForm(TypedDict):
    """oEmbed 1.0, of the type rich."""

    version: Literal["1.0"]
    type: Literal["rich"]
    title: str
    provider_name: str
    provider_url: str
    cache_age: int
    width: int
    height: int
    html: str


class AliveForm(TypedDict):
    """The process answers."""

    status: Literal["alive"]


class ReadyForm(TypedDict):
    """Whether what is shown is of now, and what is against it."""

    status: Literal["ready", "not ready"]
    reasons: list[Reason]
    causes: Annotated[dict[str, list[Reason]], Says("what lies behind, by chain")]
    meanings: dict[str, str]
    alarms: NotRequired[list[str]]


Anything = dict[str, Any]
