"""Makes key material of every kind for tests, from a seed that the failing test prints.

None of it is anybody's: the bytes come from ``random``.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING

from donations.chains import base32, base58, bech32
from donations.seed_words import word_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WIF_VERSIONS = (0x80, 0xEF)
_EXTENDED = ("0488ade4", "04358394", "049d7878", "04b2430c", "045f18bc", "0295b005", "02aa7a99")


def wif(rng: random.Random) -> str:
    """Wallet import format, compressed or not."""
    key = bytes([rng.choice(_WIF_VERSIONS)]) + rng.randbytes(32)
    compressed = rng.random() < 0.5 or key[0] == 0xEF
    return base58.encode_check(key + b"\x01" * compressed)


def extended(rng: random.Random) -> str:
    """xprv, tprv, yprv, zprv ... (BIP-32, SLIP-132)."""
    return base58.encode_check(bytes.fromhex(rng.choice(_EXTENDED)) + rng.randbytes(74))


def encrypted(rng: random.Random) -> str:
    """BIP-38."""
    head = rng.choice(["0142c0", "0142e0", "014300", "014320", "014324"])
    return base58.encode_check(bytes.fromhex(head) + rng.randbytes(36))


def mini_key(rng: random.Random) -> str:
    """A mini private key of 30 characters (Casascius)."""
    while True:
        text = "S" + "".join(rng.choices(base58.ALPHABET, k=29))
        if sha256(f"{text}?".encode()).digest()[0] == 0:
            return text


def descriptor(rng: random.Random) -> str:
    """An output descriptor with a private key in it (BIP-380)."""
    return f"wpkh([d34db33f/84h/0h/0h]{extended(rng)}/0/*)#cjjspncu"


def nsec(rng: random.Random) -> str:
    """A Nostr secret key (NIP-19)."""
    return bech32.encode("nsec", base32.to_fives(rng.randbytes(32)), bech32.BECH32)


def keystore(rng: random.Random) -> str:
    """An Ethereum key file (Web3 Secret Storage)."""
    body = rng.randbytes(32).hex()
    return '{"crypto":{"cipher":"aes-128-ctr","ciphertext":"' + body + '"},"version":3}'


def phrase(rng: random.Random) -> str:
    """12 to 24 words of one list, as they are written down."""
    words = sorted(rng.choice(word_lists()))
    chosen = rng.choices([word for word in words if word.isascii()] or words,
                         k=rng.choice([12, 15, 18, 21, 24]))  # fmt: skip
    style = rng.randrange(4)
    if style == 0:
        return " ".join(chosen)
    if style == 1:
        return ", ".join(word.upper() for word in chosen)
    if style == 2:
        return " ".join(f"{number}. {word}" for number, word in enumerate(chosen, 1))
    return "  ".join(f"'{word}'" for word in chosen)


def bare_hex(rng: random.Random) -> str:
    """64 hexadecimal digits, a key only where an address or a text is expected."""
    return rng.choice(["", "0x"]) + rng.randbytes(32).hex()


KINDS: tuple[Callable[[random.Random], str], ...] = (
    wif, extended, encrypted, mini_key, descriptor, nsec, keystore, phrase,
)  # fmt: skip


def secrets_of(seed: int, count: int) -> Iterator[str]:
    """``count`` secrets, each kind in turn."""
    rng = random.Random(seed)
    for number in range(count):
        yield KINDS[number % len(KINDS)](rng)


def pieces(secret: str) -> list[str]:
    """What of a secret must never be seen: each run of 8 characters, or of 3 words."""
    words = secret.split()
    if len(words) >= 12:
        return [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]
    return [secret[at : at + 8] for at in range(max(1, len(secret) - 7))]
