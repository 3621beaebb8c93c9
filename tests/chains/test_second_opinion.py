"""The second reader agrees with ours, and every disagreement is an error."""

from __future__ import annotations

from hashlib import sha256

import pytest

from donations.chains import CHAINS
from donations.chains.second_opinion import (
    MAX_TRANSACTION,
    Opinion,
    check_script,
    check_transaction,
)
from donations.errors import BadObservation
from tests.chains.vectors import BTC, VECTORS

OUTPUTS = [(5_000, bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")), (0, b"j")]
TAPROOT = "bc1p83n3au0rjylefxq2nc2xh2y4jzz4pm6zxj4mw5pagdjjr2a9f36s6jjnnu"


def transaction(outputs: list[tuple[int, bytes]]) -> tuple[bytes, str]:
    """A transaction of one empty input, and its txid (Bitcoin developer reference, raw format)."""
    raw = bytes.fromhex("0100000001") + bytes(36) + b"\0" + b"\xff" * 4
    raw += bytes([len(outputs)])
    for value, script in outputs:
        raw += value.to_bytes(8, "little") + bytes([len(script)]) + script
    raw += bytes(4)
    return raw, sha256(sha256(raw).digest()).digest()[::-1].hex()


@pytest.mark.parametrize("row", [row for row in VECTORS["btc"] if row[1] == "mainnet"])
def test_scripts_agree(row: list[str]) -> None:
    """Where bit knows the kind it gives our script; taproot and later versions are not asked."""
    expected = Opinion.NOT_ASKED if row[3][0] in "56" else Opinion.AGREED
    assert check_script(row[2], bytes.fromhex(row[3])) is expected


def test_another_script_is_an_error() -> None:
    """A locking script that bit does not give for the address is refused."""
    locking_script = CHAINS["btc"].script
    assert locking_script is not None
    right = locking_script(BTC, CHAINS["btc"].networks["mainnet"])
    wrong = right[:5] + bytes([right[5] ^ 1]) + right[6:]
    with pytest.raises(BadObservation, match="two readers differ"):
        check_script(BTC, wrong)
    with pytest.raises(BadObservation, match="does not read"):
        check_script("no address", right)
    assert check_script(TAPROOT, b"\x51\x20" + bytes(32)) is Opinion.NOT_ASKED


def test_transactions_agree() -> None:
    """bit finds the txid and the outputs of a transaction we parsed."""
    raw, txid = transaction(OUTPUTS)
    assert check_transaction(raw, txid, OUTPUTS) is Opinion.AGREED


def test_another_reading_is_an_error() -> None:
    """Another txid, value, script or number of outputs is refused."""
    raw, txid = transaction(OUTPUTS)
    with pytest.raises(BadObservation, match="txid"):
        check_transaction(raw, "00" * 32, OUTPUTS)
    for outputs in ([(5_001, OUTPUTS[0][1]), OUTPUTS[1]], OUTPUTS[:1], OUTPUTS[::-1], []):
        with pytest.raises(BadObservation, match="outputs"):
            check_transaction(raw, txid, outputs)


def test_large_transactions_are_not_asked() -> None:
    """Above the limit bit is not asked, whatever the content."""
    assert check_transaction(bytes(MAX_TRANSACTION + 1), "", []) is Opinion.NOT_ASKED
