"""The forms of the author's part; as `forms`, not with postponed annotations."""

from enum import StrEnum
from typing import Annotated, Literal, NotRequired, TypedDict

from donations.books import TEXT_LIMIT, Writing
from donations.ledger import Kind, Level, News, State
from donations.web.api.forms import (
    AmountForm,
    Asset,
    BlockForm,
    Chain,
    Count,
    Decimals,
    Moment,
    Text,
    Units,
)
from donations.web.api.public_forms import Next
from donations.web.api.schema import Says

# Control, direction and other characters that cannot be seen (Unicode 15, categories Cc, Cf, Zl and
# Zp), but for the joiners of scripts and emoji: what `books.check_text` refuses.
HIDDEN = (
    (0x0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD),
    (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x180E, 0x180E), (0x200B, 0x200B),
    (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0001, 0xE0001), (0xE0020, 0xE007F),
)  # fmt: skip
_SEEN = "^[^" + "".join(f"{chr(first)}-{chr(last)}" for first, last in HIDDEN) + "]*$"
Sentence = Annotated[
    str,
    Says("one line without control or direction characters", pattern=_SEEN, longest=TEXT_LIMIT),
]
Number = Annotated[int, Says(lowest=1, highest=2**53 - 1)]
Minor = Annotated[
    str, Says("minor units of the currency, such as cents", pattern=r"^(?:0|-?[1-9][0-9]*)$")
]
Currency = Annotated[str, Says("ISO 4217", example="EUR")]


class MoneyForm(TypedDict):
    """So much of the author's currency, twice."""

    currency: Currency
    minor: Minor
    text: Text


class WorthForm(TypedDict):
    """What transfers were worth when they came.

    `value` is of the `valued` ones; the worth of the `unvalued` is unknown, and not zero. It is
    null where that is all of them.
    """

    transfers: Count
    valued: Count
    unvalued: Count
    value: MoneyForm | None


class AssetSumForm(TypedDict):
    """What came of one asset, what it was worth, and what is on its way."""

    asset: Asset
    decimals: Decimals
    received: AmountForm
    received_worth: WorthForm
    pending: AmountForm
    pending_worth: WorthForm


class GroupForm(TypedDict):
    """One month, year, coin or widget; `name` is "2026-11", "2026", "BTC" or a slug."""

    name: str
    received: WorthForm
    pending: WorthForm
    assets: list[AssetSumForm]


class By(StrEnum):
    """What sums are made by."""

    MONTH = "month"
    YEAR = "year"
    COIN = "coin"
    WIDGET = "widget"


class AuthorTotalsForm(TypedDict):
    """Sums of what stands in blocks, and apart what is pending; months are of the time zone.

    Own transfers and what is "not a gift" are in none. An address that several widgets share is in
    each of them, and once in `total`. `unread` addresses have a history that was not read to its
    end: what is known of them is in no sum of what they received in all.
    """

    currency: Currency
    by: By
    groups: list[GroupForm]
    total: GroupForm
    unread: Count
    manual: Annotated[int, Says("gifts that came another way, in no sum here", lowest=0)]


class ValueForm(TypedDict):
    """What a transfer was worth when it came: frozen at `valued_at`, never changed by a price."""

    currency: Currency
    minor: Minor
    text: Text
    price: Annotated[str, Says("of one whole unit, as a decimal number")]
    price_time: Moment
    source: str
    valued_at: Moment


class AuthorEntryForm(TypedDict):
    """One transfer as the author sees it. `sequence` is the last entry written about it, or 0."""

    chain: Chain
    address: str
    asset: Asset
    id: str
    kind: Kind
    state: State
    level: Level
    excluded: Annotated[bool, Says('whether it is "not a gift", by the author\'s word')]
    missing_since: Moment | None
    units: Units
    amount: Text
    decimals: Decimals
    time: Annotated[int, Says("when it was received: Unix seconds", lowest=0)]
    first_seen: Moment
    block: BlockForm | None
    replaced_by: str | None
    value: ValueForm | None
    note: str
    thanks: str
    reason: Annotated[str, Says("why it is not a gift")]
    sequence: Count


class AuthorEntriesForm(TypedDict):
    """Some transfers, the newest first."""

    entries: list[AuthorEntryForm]
    next: Next | None


class StepForm(TypedDict):
    """One change of a transfer, as it was told."""

    at: Moment
    news: News
    before: State | None
    after: State
    block: Annotated[str, Says("the hash of the block")] | None
    reorged: bool
    final_reversed: bool
    evidence: str


class ManualForm(TypedDict):
    """A gift that came another way, in base units of an asset or minor units of a currency."""

    unit: str
    decimals: Decimals
    units: Units
    amount: Text
    received_at: Annotated[int, Says("Unix seconds")]
    widget: Annotated[str, Says('the slug of a widget, "" for all')]


class AnnotationForm(TypedDict):
    """One entry that the author wrote; none is ever changed. `undoes` is the entry it undoes."""

    sequence: Number
    writing: Writing
    text: str
    undoes: Number | None
    at: Moment
    by: str
    manual: ManualForm | None


class InsideForm(TypedDict):
    """A transaction that brought part of what came from inside contract calls."""

    id: str
    units: Units
    amount: Text


class AuthorFullForm(TypedDict):
    """One transfer with all that is known of it."""

    entry: AuthorEntryForm
    network: str
    required: Annotated[int, Says("operators that must tell the same", lowest=0)]
    steps: list[StepForm]
    annotations: list[AnnotationForm]
    inside: list[InsideForm]


class ManualGiftsForm(TypedDict):
    """The gifts that came another way and are not undone, the oldest entry first."""

    gifts: list[AnnotationForm]


class RemarkForm(TypedDict):
    """An entry to be kept about a transfer.

    `expects` is the `sequence` of the transfer as it was seen: if somebody wrote about it
    meanwhile, nothing is kept and the answer is 409.
    """

    chain: Annotated[str, Says(pattern="^[a-z]{3,8}$", example="btc")]
    address: Annotated[str, Says(pattern="^[0-9A-Za-z:]{1,120}$")]
    asset: Annotated[str, Says(pattern="^[0-9A-Za-z.]{1,20}$", example="BTC")]
    id: Annotated[str, Says(pattern="^[0-9A-Za-z:]{1,120}$")]
    writing: Literal["note", "thanks", "not a gift"]
    text: NotRequired[Sentence]
    expects: Annotated[int, Says(lowest=0, highest=2**53 - 1)]


class UndoForm(TypedDict):
    """An entry to be kept that undoes another one."""

    undoes: Number


class ManualGiftForm(TypedDict):
    """A gift that came another way. `unit` is a currency (ISO 4217) or an asset that is watched."""

    unit: Annotated[str, Says(pattern="^[0-9A-Za-z.]{2,12}$", example="EUR")]
    units: Annotated[
        str,
        Says("minor units of a currency, base units of an asset", pattern="^[1-9][0-9]{0,30}$"),
    ]
    received_at: Annotated[int, Says("Unix seconds, not later than now", lowest=0, highest=2**33)]
    widget: NotRequired[Annotated[str, Says("its slug", pattern="^[0-9A-Za-z_-]{0,64}$")]]
    text: NotRequired[Sentence]


class WrittenForm(TypedDict):
    """The number of the entry that was kept."""

    sequence: Number
