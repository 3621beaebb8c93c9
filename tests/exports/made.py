"""Books as an author could have them, made at random, and what they add up to, made straight on.

The sums here share no code with the product: they go over the facts of each transfer by hand.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from donations.books import Annotation, Entry, ManualGift, Remarks, Writing
from donations.exports.line import Frame, line_of, manual_line
from donations.ledger import Block, Key, Kind, Level, State, Transfer
from donations.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from donations.exports.line import Line

PARIS = ZoneInfo("Europe/Paris")
NOW = 1_790_000_000
KEYS = (
    Key("btc", "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf", "BTC"),
    Key("btc", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "BTC"),
    Key("bch", "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6", "BCH"),
    Key("eth", "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8", "ETH"),
    Key("eth", "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8", "USDC.e"),
    Key("eth", "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8", "EUR"),
    Key("eth", "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8", "usdc-E"),
)
DECIMALS = {
    ("btc", "BTC"): 8, ("bch", "BCH"): 8, ("eth", "ETH"): 18, ("eth", "USDC.e"): 6,
    ("eth", "EUR"): 2, ("eth", "usdc-E"): 0,
}  # fmt: skip

# What people write, and what people with bad intentions write.
NOTES = (
    "", "merci Élodie", "=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\";\"y\")",
    "＝1+1", "＋1", "－1", "＠x", " =1+1", "\t=1+1", "\r=1+1", "\n=1+1", "\u200b=1+1",
    "\u200d=1+1", "\ufeff=1", "|calc", "%x", "'=1", '"', '""=1', "a,b;c", 'he said "hi"', "\\",
    "\\n", 'a\\"', "<script>alert(1)</script>", "a & b", "\u202eevil", "a\u2066b", "a\x00b",
    "a\x1b[31mred", "line\nbreak", "a\r\nb", "; comment", "a ; b", "x:: 1 + (", "date:2020-01-01",
    "[2020-01-01]", "[=2020/01/01]", "{{1 EUR}}", "@@ 1 EUR", "2020-01-01 * x", "#tag ^link",
    "key: value", "  two  spaces  ", "日本語のメモ", "عربى", "🙂", "\U000e0041", "\ud800",
    "=cmd|' /C calc'!A0",
    "DDE(\"cmd\";\"/C calc\")", "\u2028=1", "\u00a0=1",
)  # fmt: skip


_NASTY = "=+-@|%'\"\\;:[]{}()<>&#^~*!?,.$€é日ﷺ١"
_NASTY += "\t\r\n\x00\x1b\x7f\u200b\u200d\u202e\u2066\u2028\ufeff＝＋－＠"


def texts(seed: int, count: int) -> list[str]:
    """So many texts of what every program takes for something of its own."""
    chance = random.Random(seed)
    words = (*_NASTY, *"aA1 0", "2026-01-01", "date:", "::", "{{", "}}", "@@", "http://x/")
    return ["".join(chance.choices(words, k=chance.randrange(1, 30))) for _ in range(count)]


@dataclass(frozen=True)
class Made:
    """Entries, manual gifts, and what all exports of them have in common."""

    entries: list[Entry]
    manual: list[Annotation]
    frame: Frame

    @property
    def lines(self) -> list[Line]:
        """All of them, in order."""
        every = [line_of(entry, self.frame) for entry in self.entries]
        every += [manual_line(gift, self.frame) for gift in self.manual]
        return sorted(every, key=lambda line: (line.received_at, line.asset, line.id))


def books(seed: int, count: int, currency: str = "EUR", digits: int = 2) -> Made:
    """As many transfers of every kind and state, and some manual gifts."""
    chance = random.Random(seed)
    frame = Frame(currency, digits, PARIS, DECIMALS, NOW, title='A "blog" & co')
    entries = [_entry(chance, number, currency) for number in range(count)]
    manual = [
        Annotation(
            Writing.MANUAL_GIFT, "anna", NOW, text=chance.choice(NOTES), sequence=number + 1,
            manual=ManualGift(
                chance.randrange(1, 10_000_000), *chance.choice(
                    [(currency, digits), ("USD", 2), ("BTC", 8), ("XMR", 12)]
                ), chance.randrange(1_500_000_000, NOW),
            ),
        )
        for number in range(count // 20)
    ]  # fmt: skip
    return Made(entries, manual, frame)


def _entry(chance: random.Random, number: int, currency: str) -> Entry:
    key = chance.choice(KEYS)
    at = chance.randrange(1_500_000_000, NOW)
    kind = chance.choice([Kind.GIFT] * 6 + [Kind.OWN, Kind.UNATTRIBUTED, Kind.OPENING])
    state = chance.choice([State.FINAL] * 5 + [*State])
    amount = chance.choice([1, 546, 10**6, chance.randrange(1, 10**8), chance.randrange(1, 10**19)])
    if kind in (Kind.OWN, Kind.UNATTRIBUTED) and chance.random() < 0.7:
        amount = -amount
    name = f"{chance.getrandbits(256):064x}"
    block = None if state is State.SEEN else Block(number, f"b{number}", at + 300)
    transfer = Transfer(
        key, name if key.chain != "eth" else f"0x{name}", kind, state, amount, block,
        frozenset({f"c{number}"}), (), (), chance.random() < 0.05, at,
        level=chance.choice([*Level]), excluded=kind is Kind.GIFT and chance.random() < 0.1,
        missing_since=at if state is State.SEEN and chance.random() < 0.1 else None,
    )  # fmt: skip
    value = None
    if chance.random() < 0.8:
        value = Valuation(
            currency if chance.random() < 0.95 else "CHF", chance.choice([0, 1, 3, 12_345_678_901]),
            f"{chance.randrange(1, 10**6)}.{chance.randrange(10**6):06}", at,
            chance.choice(["kraken + coinbase", "own prices; =1"]), at + 60,
        )  # fmt: skip
    remarks = Remarks(
        note=chance.choice(NOTES), thanks=chance.choice(NOTES), excluded=transfer.excluded,
        reason=chance.choice(NOTES) if transfer.excluded else "", sequence=number,
    )  # fmt: skip
    return Entry(transfer, value, remarks)


@dataclass
class Sum:
    """What stands in blocks of one asset: base units, how many, worth, how many are worth that."""

    units: int = 0
    transfers: int = 0
    minor: int = 0
    valued: int = 0


def received(made: Made, year: int | None = None) -> dict[str, Sum]:
    """What gifts brought, by asset: each transfer's facts, judged here and now."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for entry in made.entries:
        if not is_received(entry.transfer):
            continue
        if year is not None and made.frame.moment(entry.transfer.received_at).year != year:
            continue
        told = sums[entry.transfer.key.asset]
        told.units += entry.transfer.amount
        told.transfers += 1
        if entry.value is not None and entry.value.currency == made.frame.currency:
            told.minor += entry.value.minor
            told.valued += 1
    return dict(sums)


def is_received(transfer: Transfer) -> bool:
    """A gift that is in a block, mature, and not said to be none."""
    in_block = transfer.state is State.FINAL or (
        transfer.state is State.CONFIRMED and transfer.missing_since is None
        and not transfer.coinbase
    )  # fmt: skip
    return transfer.kind is Kind.GIFT and in_block and not transfer.excluded


def balance(made: Made) -> dict[str, Fraction]:
    """What lies at the watched addresses, by asset, in whole units."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for entry in made.entries:
        transfer = entry.transfer
        in_block = transfer.state is State.FINAL or (
            transfer.state is State.CONFIRMED and transfer.missing_since is None
        )
        young = transfer.coinbase and transfer.state is not State.FINAL
        gift = transfer.kind is Kind.GIFT and not transfer.excluded
        always = transfer.kind in (Kind.UNATTRIBUTED, Kind.OPENING) and (
            transfer.state is State.SEEN and transfer.missing_since is None
        )
        if (in_block and not (gift and young)) or always:
            decimals = DECIMALS[transfer.key.chain, transfer.key.asset]
            sums[transfer.key.asset] += Fraction(transfer.amount, 10**decimals)
    return dict(sums)


def with_notes(made: Made, texts: Sequence[str] = NOTES) -> Made:
    """The same books, every text in turn written about a gift that counts."""
    gifts = [entry for entry in made.entries if is_received(entry.transfer)]
    noted = [
        replace(entry, remarks=Remarks(note=text, thanks=text, sequence=1))
        for entry, text in zip(gifts, texts, strict=False)
    ]
    assert len(noted) == len(texts)
    return replace(made, entries=noted)
