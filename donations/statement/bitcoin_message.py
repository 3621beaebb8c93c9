"""Messages signed by the key of a Bitcoin or Bitcoin Cash address.

Source: BIP-137, and what wallets do beside it: many sign for segwit addresses with the header of a
plain key. That is safe to accept, since the address still has to be made of the recovered key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from Crypto.Hash import RIPEMD160

from donations.chains.script import pay_to_key_hash, pay_to_script_hash, witness
from donations.proof.transaction import double_sha256
from donations.statement.recovery import recover, uncompressed

_MAGIC = b"\x18Bitcoin Signed Message:\n"
# BIP-137: 27-30 an uncompressed key, 31-34 a compressed one, 35-38 P2SH-P2WPKH, 39-42 P2WPKH.
_FIRST, _COMPRESSED, _LAST = 27, 31, 42


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: what addresses hold of a key or script."""
    return RIPEMD160.new(hashlib.sha256(data).digest()).digest()


def compact_size(number: int) -> bytes:
    """The variable-length integer of the Bitcoin protocol, below 2^16."""
    return bytes([number]) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")


def message_hash(message: bytes) -> bytes:
    """What a wallet signs; ``message`` is at most 65,535 bytes."""
    return double_sha256(_MAGIC + compact_size(len(message)) + message)


def is_recoverable(signature: bytes) -> bool:
    """Whether the bytes have the form of BIP-137; another one is that of BIP-322."""
    return len(signature) == 65 and _FIRST <= signature[0] <= _LAST


def signed_by_script(message: bytes, signature: bytes, script: bytes) -> bool:
    """Whether the key behind the locking script signed. Raises ValueError for no signature."""
    header = signature[0] - _FIRST
    key = recover(message_hash(message), signature[1:], header % 4)
    if signature[0] < _COMPRESSED:
        return script == pay_to_key_hash(hash160(uncompressed(key)))
    digest = hash160(key)
    program = witness(0, digest)
    return script in (pay_to_key_hash(digest), pay_to_script_hash(hash160(program)), program)


def decoded(text: str) -> bytes:
    """The bytes of a signature in base64. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
