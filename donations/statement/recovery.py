"""Public keys from signatures, by libsecp256k1: the only file that names the library of keys.

It takes two functions of it, neither of which can make a key or a signature.
"""

from __future__ import annotations

from coincurve import PublicKey, PublicKeyXOnly


def recover(digest: bytes, compact: bytes, recovery_id: int) -> bytes:
    """The compressed public key (33 bytes) that signed ``digest`` (SEC 1, section 4.1.6).

    ``compact`` is r and s, 64 bytes; ``recovery_id`` is 0 to 3. Raises ValueError.
    """
    signature = compact + bytes([recovery_id])
    return PublicKey.from_signature_and_message(signature, digest, None).format(compressed=True)


def uncompressed(key: bytes) -> bytes:
    """The same public key in its long form (65 bytes). Raises ValueError."""
    return PublicKey(key).format(compressed=False)


def signed_ecdsa(digest: bytes, der: bytes, key: bytes) -> bool:
    """Whether ``der`` is the signature of ``digest`` by the public key, with a low s (BIP-62)."""
    try:
        return PublicKey(key).verify(der, digest, None)
    except ValueError:
        return False


def signed_schnorr(digest: bytes, signature: bytes, key: bytes) -> bool:
    """Whether 64 bytes are the BIP-340 signature of ``digest`` by the x-only key (32 bytes)."""
    try:
        return PublicKeyXOnly(key).verify(signature, digest)
    except ValueError:
        return False
