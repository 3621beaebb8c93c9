"""The codecs: what is written is read back, and what is damaged is refused."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.chains import base32, base58, bech32, cashaddr
from donations.chains.cashaddr import CashAddress
from tests.chains.vectors import BCH, VECTORS

REFUSED = r"checksum|character|prefix|case|version|length|padding|too|bytes"
PRINTABLE = st.text(st.characters(max_codepoint=0x2FF), max_size=100)


@given(st.binary(max_size=120))
def test_base58_round_trip(data: bytes) -> None:
    """Base58 gives back every byte, leading zeros included."""
    assert base58.decode(base58.encode(data)) == data
    assert base58.decode_check(base58.encode_check(data + b"x")) == data + b"x"


@given(st.binary(min_size=21, max_size=21), st.data())
def test_base58_substitution(payload: bytes, data: st.DataObject) -> None:
    """A base58check text with one other character is refused."""
    text = base58.encode_check(payload)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in base58.ALPHABET if c != text[position]]))
    with pytest.raises(ValueError, match="checksum"):
        base58.decode_check(text[:position] + other + text[position + 1 :])


@given(st.integers(0, 16), st.binary(min_size=2, max_size=40))
def test_witness_round_trip(version: int, program: bytes) -> None:
    """Each witness program that BIP-141 allows is written and read back, in either case."""
    if version == 0:
        program = (program * 16)[:32]
    text = bech32.encode_witness("bc", version, program)
    assert bech32.decode_witness(text) == ("bc", version, program)
    assert bech32.decode_witness(text.upper()) == ("bc", version, program)


@pytest.mark.parametrize("text", [row[2] for row in VECTORS["btc"] if "1q" in row[2][:6]])
def test_every_bech32_substitution_is_refused(text: str) -> None:
    """No bech32 address stays valid when any one character becomes any other one."""
    for damaged in _substitutions(text):
        with pytest.raises(ValueError, match=REFUSED):
            _check(bech32.decode_witness(damaged)[0], "bc", "tb", "bcrt")


def test_every_bech32m_substitution_is_refused() -> None:
    """No taproot address stays valid when any one character becomes any other one."""
    for damaged in _substitutions("bc1p83n3au0rjylefxq2nc2xh2y4jzz4pm6zxj4mw5pagdjjr2a9f36s6jjnnu"):
        with pytest.raises(ValueError, match=REFUSED):
            _check(bech32.decode_witness(damaged)[0], "bc", "tb", "bcrt")


@pytest.mark.parametrize("text", [BCH, BCH.removeprefix("bitcoincash:")])
def test_every_cashaddr_substitution_is_refused(text: str) -> None:
    """No CashAddr, with prefix or without, survives a change of any one character."""
    for damaged in _substitutions(text):
        # The checksum takes five bits of each letter of the prefix: it is compared besides.
        with pytest.raises(ValueError, match=REFUSED):
            _check(cashaddr.decode(damaged, "bitcoincash").prefix, "bitcoincash")


@given(
    st.sampled_from(["bitcoincash", "bchtest", "bchreg", "prefix"]),
    st.integers(0, 15),
    st.sampled_from([20, 24, 28, 32, 40, 48, 56, 64]).flatmap(
        lambda size: st.binary(min_size=size, max_size=size)
    ),
)
def test_cashaddr_round_trip(prefix: str, kind: int, digest: bytes) -> None:
    """Every type and hash size is written and read back: bare, with prefix, in upper case."""
    address = CashAddress(prefix, kind, digest)
    text = cashaddr.encode(address)
    assert cashaddr.decode(text, "other") == address
    assert cashaddr.decode(text.upper(), "other") == address
    assert cashaddr.decode(text.partition(":")[2], prefix) == address


@pytest.mark.parametrize(("text", "kind", "digest"), VECTORS["cashaddr"])
def test_cashaddr_vectors(text: str, kind: int, digest: str) -> None:
    """The published vectors of other prefixes and types read as published."""
    decoded = cashaddr.decode(text, "bitcoincash")
    assert (decoded.kind, decoded.hash.hex()) == (kind, digest)
    assert cashaddr.encode(decoded) == text


@given(st.binary(max_size=80))
def test_five_bit_groups_round_trip(data: bytes) -> None:
    """Regrouping by five bits and back loses nothing."""
    assert base32.to_bytes(base32.to_fives(data)) == data


@given(PRINTABLE)
def test_any_text_is_read_or_refused(text: str) -> None:
    """A codec answers an arbitrary text with a value or a ValueError, never another exception."""
    for decode in (base58.decode_check, bech32.decode_witness, _cashaddr):
        try:
            decode(text)
        except ValueError:
            continue


def _cashaddr(text: str) -> CashAddress:
    return cashaddr.decode(text, "bitcoincash")


def _check(prefix: str, *known: str) -> None:
    if prefix not in known:
        raise ValueError("the prefix is unknown")


def _substitutions(text: str) -> list[str]:
    alphabet = string.ascii_lowercase + string.digits + ":"
    lower = text.lower()
    return [
        lower[:at] + other + lower[at + 1 :]
        for at in range(len(lower))
        for other in alphabet
        if other != lower[at]
    ]
