"""Which chain an address belongs to, so that a wrong one can be called by its name."""

from __future__ import annotations

import re

from donations.chains import base58, bech32, cashaddr

# Version bytes of base58check addresses of 20 byte hashes (SLIP-44 projects' own chain parameters).
_BASE58 = {
    0x00: "a Bitcoin address",
    0x05: "a Bitcoin address",
    0x6F: "a Bitcoin or Bitcoin Cash testnet address",
    0xC4: "a Bitcoin or Bitcoin Cash testnet address",
    0x1E: "a Dogecoin address",
    0x16: "a Dogecoin address",
    0x30: "a Litecoin address",
    0x32: "a Litecoin address",
    0x4C: "a Dash address",
    0x10: "a Dash address",
    0x41: "a Tron address",
    0x1C: "a BitPay form of a Bitcoin Cash address",
    0x28: "a BitPay form of a Bitcoin Cash address",
}
_BECH32 = {
    "bc": "a Bitcoin address",
    "tb": "a Bitcoin testnet address",
    "bcrt": "a Bitcoin regtest address",
    "ltc": "a Litecoin address",
    "tltc": "a Litecoin testnet address",
}
_CASHADDR = {
    "bitcoincash": "a Bitcoin Cash address",
    "bchtest": "a Bitcoin Cash testnet address",
    "bchreg": "a Bitcoin Cash regtest address",
    "ecash": "an eCash address",
    "simpleledger": "an SLP token address of Bitcoin Cash",
}
_EXTENDED_PUBLIC = re.compile(r"[xyztuvYZUV]pub[1-9A-HJ-NP-Za-km-z]{100,110}")


def recognise(text: str) -> str | None:
    """Name what the text is ("a Bitcoin testnet address"), or None when it is nothing known."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{40}", text):
        return "an Ethereum address"
    if _EXTENDED_PUBLIC.fullmatch(text):
        return "an extended public key, which shows every address of its wallet,"
    return _base58(text) or _bech32(text) or _cashaddr(text)


def _base58(text: str) -> str | None:
    try:
        payload = base58.decode_check(text)
    except ValueError:
        return None
    return _BASE58.get(payload[0]) if len(payload) == 21 else None


def _bech32(text: str) -> str | None:
    try:
        prefix, _, _ = bech32.decode_witness(text)
    except ValueError:
        return None
    return _BECH32.get(prefix)


def _cashaddr(text: str) -> str | None:
    for prefix in _CASHADDR:
        try:
            address = cashaddr.decode(text, prefix)
        except ValueError:
            continue
        return _CASHADDR.get(address.prefix)
    return None
