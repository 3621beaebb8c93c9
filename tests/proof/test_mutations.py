"""No byte of a proof can be changed: counted, with the count printed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from donations.errors import DonationsError
from donations.ledger import Block
from donations.proof.header_chain import HeaderChain
from donations.proof.headers import HEADER_BYTES, parse_header
from donations.proof.inclusion import Inclusion, check_inclusion
from donations.proof.work import Constant, Ground
from tests.proof.recorded import RECORDED, Recorded

if TYPE_CHECKING:
    from tests.measured import Table

# What is bent, as bytes: header, transaction, position, coinbase, the two branches.
Parts = list[bytes]
_POSITION_BYTES = 4
_ITEM = 32


def parts(proof: Recorded) -> Parts:
    """A recorded proof as rows of bytes."""
    shown = proof.inclusion
    return [
        proof.header,
        shown.raw,
        shown.position.to_bytes(_POSITION_BYTES, "little"),
        shown.coinbase,
        b"".join(shown.branch),
        b"".join(shown.coinbase_branch),
    ]


def accepted(bent: Parts, chain: HeaderChain, height: int) -> bool:
    """Whether the bytes prove a transaction in a block of the chain."""
    header, raw, position, coinbase, branch, coinbase_branch = bent
    try:
        block = parse_header(header)
        check_inclusion(
            Inclusion(
                raw,
                tuple(branch[at : at + _ITEM] for at in range(0, len(branch), _ITEM)),
                int.from_bytes(position, "little"),
                coinbase,
                tuple(
                    coinbase_branch[at : at + _ITEM] for at in range(0, len(coinbase_branch), _ITEM)
                ),
            ),
            block,
            height,
        )
    except DonationsError:
        return False
    return chain.holds(Block(height, block.hash, block.time))


def mutated(original: Parts, chance: random.Random) -> Parts:
    """The same with a bit, a byte, a run or an item changed, lost, added, moved or doubled."""
    bent = list(original)
    which = chance.choices(range(len(bent)), weights=(4, 6, 1, 4, 5, 3))[0]
    part = bytearray(bent[which])
    at = chance.randrange(len(part)) if part else 0
    match chance.randrange(8 if part else 1):
        case 0:
            part.insert(at, chance.randrange(256))
        case 1:
            part[at] ^= 1 << chance.randrange(8)
        case 2:
            part[at] = chance.randrange(256)
        case 3:
            del part[at]
        case 4:
            del part[at:]
        case 5:
            part[at : at + chance.randint(1, 8)] = chance.randbytes(chance.randint(1, 8))
        case 6:  # two items, or two runs of a transaction, change places
            first, second = (chance.randrange(0, len(part), _ITEM) for _ in range(2))
            one, two = part[first : first + _ITEM], part[second : second + _ITEM]
            part[first : first + _ITEM], part[second : second + _ITEM] = two, one
        case _:
            other = chance.choice([each for each in original if each])
            start = chance.randrange(len(other))
            part[at:at] = other[start : start + _ITEM]
    bent[which] = bytes(part)
    return bent


def chain_of(proof: Recorded) -> HeaderChain:
    """A chain of headers that begins with the block of a proof."""
    chain = HeaderChain(
        Ground(proof.height, proof.block, Constant(proof.parsed.bits), proof.parsed.bits)
    )
    chain.extend(proof.height, [proof.header], now=proof.parsed.time)
    return chain


def test_every_single_byte_counts() -> None:
    """Each byte of each recorded proof, with one bit flipped or the byte left out, is refused."""
    for proof in RECORDED:
        chain, original = chain_of(proof), parts(proof)
        assert accepted(original, chain, proof.height)
        for which, part in enumerate(original):
            for at in range(len(part)):
                for changed in (bytes([part[at] ^ 1]), bytes([part[at] ^ 0x80]), b""):
                    bent = list(original)
                    bent[which] = part[:at] + changed + part[at + 1 :]
                    assert not accepted(bent, chain, proof.height) or _same(bent, original)


def test_mutations_of_proofs_are_refused(seed: int, long: bool, table: Table) -> None:
    """Of 100,000 random mutations of real proofs (long: 2,000,000) none is accepted."""
    chance = random.Random(seed)
    wanted = 2_000_000 if long else 100_000
    made = [(parts(proof), chain_of(proof), proof.height) for proof in RECORDED]
    tried = found = 0
    while tried < wanted:
        original, chain, height = chance.choice(made)
        bent = mutated(original, chance)
        if _same(bent, original):
            continue
        tried += 1
        found += accepted(bent, chain, height)
    table.never("byte mutations of proofs accepted", found, tried)


def _same(bent: Parts, original: Parts) -> bool:
    """Whether nothing changed: zeros above the bits of a position are no other position."""
    return bent == original or (
        bent[:2] + bent[3:] == original[:2] + original[3:]
        and int.from_bytes(bent[2], "little") == int.from_bytes(original[2], "little")
        and len(bent[0]) == HEADER_BYTES
    )
