"""Proof bundles: what is true passes, and no byte of one can be changed."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.bundle import verify as verify_module
from donations.bundle.assemble import assemble, spans
from donations.bundle.form import MAX_BYTES, Bundle, Run, read, write
from donations.bundle.verify import verify
from donations.chains import CHAINS
from donations.errors import BundleRefused
from donations.proof.work import Constant, Ground
from tests.bundle.made import ADDRESSES, bundle_of, lived, network_of, real, script_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from donations.bundle.form import Proven
    from donations.bundle.verified import Verified
    from donations.demo.utxo import UtxoChain
    from tests.measured import Table

NOW = int(time.time()) + 1_000_000


def checked(bundle: Bundle) -> Verified:
    return verify(write(bundle), now=NOW, test_networks=True)


def reason(text: bytes, **how: Any) -> str:
    """Why a bundle is refused."""
    with pytest.raises(BundleRefused) as refused:
        verify(text, now=NOW, **{"test_networks": True, **how})
    said = str(refused.value)
    assert said
    assert "\n" not in said
    return said


@pytest.fixture(scope="module", params=["btc", "bch"])
def life(request: pytest.FixtureRequest) -> tuple[UtxoChain, list[Proven]]:
    """A simulated chain with three gifts."""
    return lived(request.param)


def test_what_is_true_is_proven(life: tuple[UtxoChain, list[Proven]]) -> None:
    """Each gift alone and all together: amount, block and depth are those of the chain."""
    over, gifts = life
    for some in ([gifts[0]], [gifts[2]], gifts):
        found = checked(bundle_of(over, some))
        assert found.bundle.units == sum(gift.units for gift in some)
        assert [each.id for each in found.transfers] == [gift.id for gift in some]
        assert all((each.depth or 0) >= 6 for each in found.transfers)


def test_a_real_payment_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment of Bitcoin's block 951,658 is proven from the header that a shipped block fixes."""
    chain, bundle = real()
    monkeypatch.setattr(verify_module, "CHAINS", {"btc": chain})
    found = verify(write(bundle), now=NOW)
    (transfer,) = found.transfers
    assert (transfer.units, transfer.height) == (178_789, 951_658)
    assert not any("test network" in sentence for sentence in found.rests_on)


def test_a_written_bundle_is_read_again(life: tuple[UtxoChain, list[Proven]]) -> None:
    """Writing and reading are each other's inverse."""
    bundle = bundle_of(*life)
    assert read(write(bundle)) == bundle
    assert write(read(write(bundle))) == write(bundle)


# -- mutations


def mutated(dice: random.Random, text: bytes) -> bytes:
    """One small change somewhere."""
    at = dice.randrange(len(text))
    match dice.randrange(5):
        case 0:
            return text[:at] + bytes([text[at] ^ 1 << dice.randrange(8)]) + text[at + 1 :]
        case 1:
            return text[:at] + dice.choice(b'0123456789abcdef" ,[]{}:').to_bytes() + text[at + 1 :]
        case 2:
            return text[:at] + text[at + dice.choice((1, 2, 64)) :]
        case 3:
            return text[:at] + text[at : at + dice.choice((1, 2, 64))] + text[at:]
        case _:
            other = dice.randrange(len(text))
            low, high = sorted((at, other))
            return (
                text[:low]
                + text[high : high + 1]
                + text[low + 1 : high]
                + text[low : low + 1]
                + text[high + 1 :]
            )


def test_no_mutation_of_a_real_bundle_is_accepted(
    monkeypatch: pytest.MonkeyPatch, seed: int, long: bool, table: Table
) -> None:
    """Whatever byte is bent, lost, doubled or swapped: refused, with a reason."""
    chain, bundle = real()
    monkeypatch.setattr(verify_module, "CHAINS", {"btc": chain})
    text = write(bundle)
    dice = random.Random(seed)
    tried = accepted = 0
    while tried < (200_000 if long else 10_000):
        bent = mutated(dice, text)
        if bent == text:
            continue
        tried += 1
        try:
            verify(bent, now=NOW, test_networks=True)
        except BundleRefused:
            continue
        accepted += 1
    table.never("mutated proof bundles accepted", accepted, tried)


def test_every_hexadecimal_digit_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each digit of a real bundle, changed to the next one, is refused."""
    chain, bundle = real()
    monkeypatch.setattr(verify_module, "CHAINS", {"btc": chain})
    text = write(bundle)
    digits = b"0123456789abcdef"
    for at, byte in enumerate(text):
        if byte in digits:
            other = digits[(digits.index(byte) + 1) % 16 : (digits.index(byte) + 1) % 16 + 1]
            reason(text[:at] + other + text[at + 1 :])


# -- forgeries, each with its own reason


def test_what_is_claimed_must_be_so(life: tuple[UtxoChain, list[Proven]]) -> None:
    """More units, another address, another block, another order, a gift twice: each is named."""
    over, gifts = life
    good = bundle_of(over, gifts)

    def bent(**changes: Any) -> bytes:
        return write(replace(good, transfers=(replace(gifts[0], **changes), *good.transfers[1:])))

    assert "pays 5000 to the address, not 9000" in reason(bent(units=9_000))
    assert "is" in reason(bent(block="ab" * 32))
    assert "belongs to another block" in reason(bent(height=gifts[1].height, block=gifts[1].block))
    assert "there is no header for block 9999" in reason(bent(height=9_999))
    assert "not of" in reason(bent(id="cd" * 32))
    twice = replace(good, transfers=(*good.transfers, good.transfers[-1]))
    assert "stands here twice" in reason(write(twice))
    strangers = {
        "btc": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bch": "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    }
    other = strangers[over.name]
    assert "pays 0 to the address" in reason(write(replace(good, address=other)))
    assert "address:" in reason(write(replace(good, address=good.address[:-1] + "q")))


def test_headers_must_lead_to_what_is_shipped(life: tuple[UtxoChain, list[Proven]]) -> None:
    """Headers that are missing, of another chain, from elsewhere or too few prove nothing."""
    over, gifts = life
    good = bundle_of(over, gifts)
    (run,) = good.headers

    def with_headers(*runs: Run) -> bytes:
        return write(replace(good, headers=runs))

    assert "there is no header" in reason(with_headers())
    assert "do not link" in reason(
        with_headers(Run(run.start, (*run.headers[:5], *run.headers[6:])))
    )
    assert "does not continue" in reason(with_headers(Run(1, run.headers[1:])))
    assert "not above" in reason(with_headers(run, run))
    forged = replace(good, headers=(Run(0, tuple(reversed(run.headers))),))
    assert "headers[0]:" in reason(write(forged))


def test_a_test_network_is_not_taken_for_money(life: tuple[UtxoChain, list[Proven]]) -> None:
    """Blocks that anybody can make prove nothing unless that is asked for, and then it is said."""
    text = write(bundle_of(*life))
    assert "anybody can make" in reason(text, test_networks=False)
    found = verify(text, now=NOW, test_networks=True)
    assert any("anybody can make" in sentence for sentence in found.rests_on)
    claimed = write(replace(read(text), genesis=CHAINS["btc"].networks["mainnet"].genesis))
    assert "no parent of a block that we know" in reason(claimed)


def test_change_is_no_gift() -> None:
    """What spends an output of the same bundle is refused: it would be counted again."""
    over, gifts = lived("btc", 2)
    back = over.sweep(script_of("btc"), script_of("btc"))
    over.mine(6)
    units = sum(
        output.value
        for block in over.best
        for payment in block.transactions
        if payment.txid == back
        for output in payment.outputs
    )
    assert "no gift, but change" in reason(
        write(bundle_of(over, [*gifts, shown(over, back, units)]))
    )


# -- the form


def edited(text: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The bundle with its JSON changed, written as bundles are."""
    told = json.loads(text)
    change(told)
    return json.dumps(told, indent=1).encode() + b"\n"


FORMS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("unknown key 'more'", lambda b: b.update(more=1)),
    ("transfers[0]: unknown key 'more'", lambda b: b["transfers"][0].update(more=1)),
    ("headers[0]: unknown key 'more'", lambda b: b["headers"][0].update(more=1)),
    ("address is missing", lambda b: b.pop("address")),
    ("transfers[1]: raw is missing", lambda b: b["transfers"][1].pop("raw")),
    ("no proof bundle of version 1", lambda b: b.update(donations_proof=2)),
    ("no proof bundle of version 1", lambda b: b.update(donations_proof="1")),
    ("bytes without a meaning", lambda b: b.update(donations_proof=True)),
    ("no JSON", lambda b: b.update(donations_proof=1.0)),
    ("transfers: there is none", lambda b: b.update(transfers=[])),
    ("transfers: not a list", lambda b: b.update(transfers={})),
    ("transfers[0]: not an object", lambda b: b.update(transfers=[1])),
    ("units: the transfers make", lambda b: b.update(units="1")),
    ("units: not base units", lambda b: b.update(units=15_003)),
    ("transfers[0].units: not base units", lambda b: b["transfers"][0].update(units="0")),
    ("transfers[0].units: not base units", lambda b: b["transfers"][0].update(units="-5")),
    ("transfers[0].units: not base units", lambda b: b["transfers"][0].update(units="1e3")),
    ("transfers[0].height: not a whole", lambda b: b["transfers"][0].update(height=True)),
    ("transfers[0].height: not a whole", lambda b: b["transfers"][0].update(height=-1)),
    ("transfers[0].height: not a whole", lambda b: b["transfers"][0].update(height=None)),
    ("transfers[0].position: not a whole", lambda b: b["transfers"][0].update(position=2**40)),
    ("transfers[0].block: not a block", lambda b: b["transfers"][0].update(block="AB" * 32)),
    ("transfers[0].raw: not bytes", lambda b: b["transfers"][0].update(raw="0")),
    ("transfers[0].raw: not bytes", lambda b: b["transfers"][0].update(raw="")),
    ("transfers[0].branch: not a list", lambda b: b["transfers"][0].update(branch=["00"] * 31)),
    ("transfers[0].branch[0]: 31 bytes", lambda b: b["transfers"][0].update(branch=["00" * 31])),
    ("headers[0].raw: 79 bytes", lambda b: b["headers"][0].update(raw="00" * 79)),
    ("cannot be proven by this program", lambda b: b.update(chain="doge")),
    ("cannot be proven by this program", lambda b: b.update(asset="XBT")),
    ("has no network moon", lambda b: b.update(network="moon")),
    ("address: not an address", lambda b: b.update(address="1 2")),
    ("address: ", lambda b: b.update(address="1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKg")),
]


@pytest.mark.parametrize(("said", "change"), FORMS)
def test_each_departure_from_the_form_is_named(
    life: tuple[UtxoChain, list[Proven]], said: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    """Unknown, missing, mistyped and oversized members are refused with their place."""
    assert said in reason(edited(write(bundle_of(*life)), change))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b'{"a":NaN}', b"9" * 10_000,
     b'{"donations_proof":1,"donations_proof":1}', "{\u00e9}".encode()],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(text: bytes) -> None:
    """Other JSON, broken JSON and no JSON: one sentence, and no crash.

    The recursion limit is as high as libraries set it.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        said = reason(text)
    finally:
        sys.setrecursionlimit(before)
    assert re.search("no JSON|no proof bundle|twice|too deep", said)


def test_another_spelling_of_the_same_bundle_is_refused(
    life: tuple[UtxoChain, list[Proven]],
) -> None:
    """Blanks, another order of keys and escapes say the same, and are no bundle."""
    text = write(bundle_of(*life))
    told = json.loads(text)
    for other in (
        json.dumps(told).encode(),
        json.dumps(told, indent=1, sort_keys=True).encode() + b"\n",
        text + b"\n",
        b" " + text,
        text.replace(b'"mainnet"', b'"\\u006dainnet"'),
    ):
        assert "without a meaning" in reason(other)


def test_a_bundle_is_bounded() -> None:
    """More than 128 MiB are not even parsed."""
    assert "MiB" in reason(b"[" + b" " * MAX_BYTES + b"]")


def test_every_cut_is_refused(life: tuple[UtxoChain, list[Proven]]) -> None:
    """A bundle that ends early, at whatever byte, is refused."""
    over, gifts = life
    text = write(bundle_of(over, gifts[:1]))
    for end in range(0, len(text), 7):
        reason(text[:end])


# -- which headers go into it


def ground(height: int, *older: int) -> Ground:
    return Ground(height, "00" * 32, Constant(), 0, tuple((each, "00" * 32) for each in older))


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([150], [(150, 200)]),
        ([150, 120], [(120, 200)]),
        ([100], [(100, 100)]),
        ([50, 150], [(50, 100), (150, 200)]),
        ([250], [(250, 300)]),
        ([300], [(300, 300)]),
        ([310], [(300, 315)]),
        ([250, 310], [(250, 299), (300, 315)]),
        ([300, 310], [(300, 315)]),
        ([398], [(300, 400)]),
        ([50, 250, 399], [(50, 100), (250, 299), (300, 400)]),
    ],
)
def test_as_few_headers_as_it_takes(heights: list[int], expected: list[tuple[int, int]]) -> None:
    """From each block up to the next shipped one; above the last of them all, and six behind."""
    assert spans(heights, ground(300, 100, 200), 400, 6) == expected


def test_a_header_that_is_not_linked_yet_is_told(life: tuple[UtxoChain, list[Proven]]) -> None:
    """While the headers are still being linked there is no bundle, and the reason is said."""
    over, gifts = life
    with pytest.raises(BundleRefused, match="not here yet"):
        assemble(
            CHAINS[over.name],
            network_of(over),
            ADDRESSES[over.name],
            gifts,
            lambda _: None,
            over.height,
        )
