"""Key material is recognised in every form, and what is public is not mistaken for it."""

from __future__ import annotations

import random
import traceback
from typing import TYPE_CHECKING

import pytest

from donations.errors import SecretPasted
from donations.secrets import find_secret, refuse_secrets
from donations.seed_words import word_lists
from tests import secret_material
from tests.chains.vectors import BCH, BTC, ETH, VECTORS
from tests.secret_material import KINDS, pieces, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 20260204


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_is_recognised(kind: Callable[[random.Random], str]) -> None:
    """100 generated secrets of each kind are found, alone and inside other text."""
    rng = random.Random(SEED)
    for _ in range(100):
        secret = kind(rng)
        assert find_secret(secret) is not None, f"seed {SEED}"
        assert find_secret(f"x = {{\n a = '{secret}',\n}}") is not None, f"seed {SEED}"


def test_hexadecimal_keys_only_where_a_text_is_expected() -> None:
    """64 digits are a key beside an address, and a block hash elsewhere."""
    rng = random.Random(SEED)
    for _ in range(100):
        digits = secret_material.bare_hex(rng)
        assert find_secret(digits) is None
        assert find_secret(digits, bare_hex=True) is not None


def test_disguises_are_seen_through() -> None:
    """Invisible and full-width characters inside a key do not hide it."""
    rng = random.Random(SEED)
    for _ in range(20):
        key = secret_material.wif(rng)
        wide = "".join(chr(ord(character) + 0xFEE0) for character in key)
        for disguised in (wide, "\u200b".join(key), "\u00ad".join(key)):
            assert find_secret(disguised) is not None


def test_phrases_of_every_language_are_recognised() -> None:
    """Twelve words of each list are a phrase; eleven are none."""
    for words in word_lists():
        chosen = sorted(words)[100:112]
        assert find_secret(" ".join(chosen)) is not None
        assert find_secret(" ".join(chosen[:11])) is None


@pytest.mark.parametrize(
    "text",
    [
        BTC, BCH, BCH.upper(), ETH, *(row[2] for row in VECTORS["btc"]),
        *(row[1] for row in VECTORS["bch"]), *VECTORS["eth"],
        "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        "https://ethereum.example.org/v3/0123456789abcdef0123456789abcdef",
        "Never put a private key, an xprv or a seed phrase of twelve words here: it is refused.",
        "the quick brown fox jumps over the lazy dog and then it sleeps all day long in the sun",
    ],
)  # fmt: skip
def test_public_texts_pass(text: str) -> None:
    """Addresses, hashes, URLs and prose about keys are no keys."""
    assert find_secret(text) is None


def test_the_line_is_told() -> None:
    """The error names the line of the secret, counted from where the text began."""
    text = "one\ntwo\n" + next(secrets_of(SEED, 1))
    with pytest.raises(SecretPasted) as refused:
        refuse_secrets(text, place="page.txt", line=10)
    assert (refused.value.file, refused.value.line) == ("page.txt", 12)


def test_nothing_of_the_secret_is_repeated() -> None:
    """Neither the text, the repr, the fields nor the causes of the error hold any of it."""
    for secret in secrets_of(SEED, 400):
        with pytest.raises(SecretPasted) as refused:
            refuse_secrets(secret, place="x.toml")
        error = refused.value
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "stolen" in str(error)
        for piece in pieces(secret):
            assert piece not in told, f"seed {SEED}"
