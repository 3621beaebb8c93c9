"""Messages signed in the simple form of BIP-322, for single-key segwit and taproot addresses.

Two transactions that can never be mined: the first pays the address, and its only input commits
to the message; the second spends it, and the signature is the witness of that spending.
"""

from __future__ import annotations

import hashlib

from donations.chains.script import pay_to_key_hash, witness
from donations.proof.transaction import double_sha256
from donations.statement.bitcoin_message import compact_size, hash160
from donations.statement.recovery import signed_ecdsa, signed_schnorr

_VERSION = _SEQUENCE = _LOCK = _INDEX = bytes(4)
_NOTHING = bytes(8)  # units
_SIGHASH_ALL = b"\x01\x00\x00\x00"
_RETURN = b"\x01\x6a"  # the second transaction's only output: OP_RETURN
_KEY_HASH, _TAPROOT = (22, witness(0, bytes(20))[:2]), (34, witness(1, bytes(32))[:2])


def tagged_hash(tag: str, data: bytes) -> bytes:
    """BIP-340: SHA-256 with the hash of the tag twice in front."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def supports(script: bytes) -> bool:
    """Whether an address with this locking script can be checked here: P2WPKH and P2TR."""
    return (len(script), script[:2]) in (_KEY_HASH, _TAPROOT)


def signed_by_script(message: bytes, signature: bytes, script: bytes) -> bool:
    """Whether the witness in ``signature`` spends for ``message``; of scripts as in `supports`.

    Raises ValueError for bytes that are no witness.
    """
    stack = _stack(signature)
    outpoint = _funding(message, script) + _INDEX
    if len(script) == _TAPROOT[0]:
        return _taproot(outpoint, stack, script)
    return _key_hash(outpoint, stack, script)


def _funding(message: bytes, script: bytes) -> bytes:
    """The txid, as hashed, of the transaction that commits to the message."""
    commitment = b"\x00\x20" + tagged_hash("BIP0322-signed-message", message)
    spends = bytes(32) + b"\xff\xff\xff\xff" + compact_size(len(commitment)) + commitment
    pays = _NOTHING + compact_size(len(script)) + script
    return double_sha256(_VERSION + b"\x01" + spends + _SEQUENCE + b"\x01" + pays + _LOCK)


def _stack(data: bytes) -> list[bytes]:
    """The elements of a serialized witness, each below 253 bytes."""
    if not data or data[0] > 2:
        raise ValueError("it is not a signature of one key")
    items, at = [], 1
    for _ in range(data[0]):
        if at >= len(data) or data[at] >= 0xFD:
            raise ValueError("it is not a witness")
        items.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if at != len(data):
        raise ValueError("it is not a witness")
    return items


def _key_hash(outpoint: bytes, stack: list[bytes], script: bytes) -> bool:
    """P2WPKH: the digest of BIP-143, signed with SIGHASH_ALL."""
    if len(stack) != 2 or len(stack[1]) != 33 or script[2:] != hash160(stack[1]):
        return False
    signature, key = stack
    code = pay_to_key_hash(script[2:])
    digest = double_sha256(
        _VERSION
        + double_sha256(outpoint)
        + double_sha256(_SEQUENCE)
        + outpoint
        + compact_size(len(code))
        + code
        + _NOTHING
        + _SEQUENCE
        + double_sha256(_NOTHING + _RETURN)
        + _LOCK
        + _SIGHASH_ALL
    )
    return signature[-1:] == _SIGHASH_ALL[:1] and signed_ecdsa(digest, signature[:-1], key)


def _taproot(outpoint: bytes, stack: list[bytes], script: bytes) -> bool:
    """P2TR by its key: the digest of BIP-341, with SIGHASH_DEFAULT or SIGHASH_ALL."""
    if len(stack) != 1 or len(stack[0]) not in (64, 65):
        return False
    kind = stack[0][64:] or b"\x00"
    if kind not in (b"\x00", b"\x01") or (len(stack[0]) == 65 and kind == b"\x00"):
        return False
    parts = (
        outpoint,
        _NOTHING,
        compact_size(len(script)) + script,
        _SEQUENCE,
        _NOTHING + _RETURN,
    )
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    message = b"\x00" + kind + _VERSION + _LOCK + digests + b"\x00" + _INDEX
    return signed_schnorr(tagged_hash("TapSighash", message), stack[0][:64], script[2:])
