"""One wrong character in an address is always noticed: counted over all positions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from donations.chains import CHAINS, bech32, cashaddr
from donations.chains.base32 import ALPHABET
from donations.chains.cashaddr import CashAddress
from donations.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.measured import Table

ADDRESSES, LONG_ADDRESSES = 300, 3_000
# Besides the alphabet: characters that look like others, the separators, a capital.
STRANGE: Final = "bio1:QB/ "


def _bech32(chance: random.Random) -> str:
    return bech32.encode_witness("bc", 0, chance.randbytes(chance.choice((20, 32))))


def _bech32m(chance: random.Random) -> str:
    if chance.random() < 0.7:
        return bech32.encode_witness("bc", 1, chance.randbytes(32))
    program = chance.randbytes(chance.randint(2, 40))
    return bech32.encode_witness("bc", chance.randint(2, 16), program)


def _cashaddr(chance: random.Random) -> str:
    kind = chance.randrange(4)
    digest = chance.randbytes(chance.choice((20, 32)) if kind in (1, 3) else 20)
    written = cashaddr.encode(CashAddress("bitcoincash", kind, digest))
    return chance.choice((written, written.partition(":")[2]))


def wrong(address: str, chance: random.Random, others: int) -> Iterator[str]:
    """At each position some other characters, and one character lost, added or moved."""
    for at in range(len(address)):
        before, after = address[:at], address[at + 1 :]
        for character in chance.sample(ALPHABET + STRANGE, others):
            if character != address[at]:
                yield before + character + after
        yield before + after
        yield before + chance.choice(ALPHABET) + address[at:]
        if after and after[0] != address[at]:
            yield before + after[0] + address[at] + after[1:]


@pytest.mark.parametrize(
    ("kind", "chain", "make"),
    [("bech32", "btc", _bech32), ("bech32m", "btc", _bech32m), ("CashAddr", "bch", _cashaddr)],
)
def test_single_errors_in_addresses_are_refused(
    kind: str,
    chain: str,
    make: Callable[[random.Random], str],
    seed: int,
    long: bool,
    table: Table,
) -> None:
    """None is accepted, at all positions of 100 addresses of each kind (long: 1,000).

    Four other characters are tried at each position, in a long run all there are.
    """
    chance = random.Random(f"{seed}:{kind}")
    facts, others = CHAINS[chain], len(ALPHABET + STRANGE) if long else 4
    network, script = facts.networks["mainnet"], facts.script
    assert script is not None
    tried = accepted = 0
    for _ in range((LONG_ADDRESSES if long else ADDRESSES) // 3):
        address = make(chance)
        assert script(address, network) == script(facts.parse(address, network), network)
        texts = list(wrong(address, chance, others))
        # What reads an address reads its script; what it says of a text that has none is slow.
        with pytest.raises(InvalidAddress):
            facts.parse(chance.choice(texts), network)
        for text in texts:
            tried += 1
            try:
                script(text, network)
            except ValueError:
                continue
            accepted += 1
    table.never(f"single errors in {kind} addresses accepted", accepted, tried)
