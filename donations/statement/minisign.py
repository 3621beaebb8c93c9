"""Detached signatures of minisign: Ed25519, over the file or over its BLAKE2b hash.

Source: minisign's documentation, "Signature format". The trusted comment has a signature of its
own; the untrusted one has none and is thrown away.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from Crypto.Signature import eddsa

if TYPE_CHECKING:
    from Crypto.PublicKey.ECC import EccKey

_TRUSTED = "trusted comment: "
_LEGACY, _HASHED = b"Ed", b"ED"
_ID, _KEY, _SIGNATURE = 8, 32, 64


@dataclass(frozen=True, slots=True)
class MinisignKey:
    """A public key; ``text`` is its canonical spelling, ``RW...``."""

    text: str
    id: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Minisigned:
    """A good signature: ``text`` is the file without its unsigned comment."""

    comment: str
    text: str


def parse_key(text: str) -> MinisignKey:
    """The second line of a ``minisign.pub``. Raises ValueError."""
    data = _decoded(text, 2 + _ID + _KEY, "a public key of minisign")
    if data[:2] != _LEGACY:
        raise ValueError("this is not a public key of minisign")
    key = MinisignKey(text, data[2 : 2 + _ID], data[2 + _ID :])
    _ed25519(key)
    return key


def check_minisign(key: MinisignKey, message: bytes, signature: str) -> Minisigned:
    """Read a ``.minisig`` file and check it. Raises ValueError naming what is wrong."""
    lines = signature.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) != 4 or not lines[2].startswith(_TRUSTED):
        raise ValueError("it is not a signature file of minisign, which has four lines")
    data = _decoded(lines[1], 2 + _ID + _SIGNATURE, "a signature of minisign")
    whole = _decoded(lines[3], _SIGNATURE, "the signature of the trusted comment")
    algorithm, signer, own = data[:2], data[2 : 2 + _ID], data[2 + _ID :]
    if algorithm not in (_LEGACY, _HASHED):
        raise ValueError("it is signed in a way that minisign does not know")
    if signer != key.id:
        raise ValueError("it was made by another key than the one in the configuration")
    comment = lines[2][len(_TRUSTED) :]
    signed = message if algorithm == _LEGACY else hashlib.blake2b(message).digest()
    if not _verifies(key, signed, own):
        raise ValueError("the signature does not belong to this text")
    if not _verifies(key, own + comment.encode(), whole):
        raise ValueError("its trusted comment was changed")
    return Minisigned(comment, "\n".join(["untrusted comment: detached", *lines[1:], ""]))


def _verifies(key: MinisignKey, message: bytes, signature: bytes) -> bool:
    try:
        eddsa.new(_ed25519(key), "rfc8032").verify(message, signature)
    except ValueError:
        return False
    return True


def _ed25519(key: MinisignKey) -> EccKey:
    try:
        return eddsa.import_public_key(key.key)
    except ValueError:
        raise ValueError("this is not a public key of Ed25519") from None


def _decoded(text: str, length: int, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != length:
        raise ValueError(f"this is not {what}")
    return data
