"""The locking scripts an address stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from donations.chains.base import Network


def pay_to_key_hash(digest: bytes) -> bytes:
    """DUP HASH160 <digest> EQUALVERIFY CHECKSIG."""
    return b"\x76\xa9\x14" + digest + b"\x88\xac"


def pay_to_script_hash(digest: bytes) -> bytes:
    """HASH160 <digest> EQUAL: 20 bytes (BIP-16), or HASH256 with 32 on Bitcoin Cash."""
    operation = b"\xa9" if len(digest) == 20 else b"\xaa"
    return operation + bytes([len(digest)]) + digest + b"\x87"


def witness(version: int, program: bytes) -> bytes:
    """<version> <program> (BIP-141): version 0 is OP_0, the others OP_1 to OP_16."""
    return bytes([0x50 + version if version else 0, len(program)]) + program


def of_base58(payload: bytes, network: Network) -> bytes:
    """The script of a base58check payload. Raises ValueError for a foreign length or version."""
    version, digest = payload[0], payload[1:]
    if len(digest) != 20:
        raise ValueError(f"it holds {len(digest)} bytes, an address holds 20")
    if version == network.codes["p2pkh"]:
        return pay_to_key_hash(digest)
    if version == network.codes["p2sh"]:
        return pay_to_script_hash(digest)
    raise ValueError(f"its version byte {version} is of another network")
