"""An adversary who owns every server: with forged bytes alone no gift stands in a block.

Random programs at the difficulty of the main networks, on recorded headers. What an adversary
cannot have is a hash that costs the work of a block; everything else he may try: forged headers
with any field, real headers out of place, cheap chains however long, branches over any bytes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from donations.demo.block import height_push
from donations.demo.transaction import Input, Outpoint, Output, Transaction, merkle_branch, sha256d
from donations.errors import DonationsError
from donations.proof import headers as read
from donations.proof.header_chain import HeaderChain
from donations.proof.inclusion import Inclusion, check_inclusion
from donations.proof.work import Constant, Ground, target
from tests.proof.mining import row, unmined
from tests.proof.recorded import BCH_PLAIN, BTC_PLAIN, RECORDED
from tests.proof.recorded_headers import (
    BCH,
    BCH_FIRST,
    BTC,
    BTC_FIRST,
    BTC_OVERTAKEN,
    bch_ground,
    btc_ground,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.measured import Table

OURS: Final = bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")
PROGRAMS, LONG_PROGRAMS = 5_000, 100_000
STEPS: Final = 6


@dataclass(frozen=True)
class World:
    """Real headers from ``first`` on; what is real of their transactions, by txid."""

    ground: Ground
    first: int
    headers: tuple[bytes, ...]
    proofs: tuple[Inclusion, ...] = ()


def worlds() -> list[World]:
    """Rows of headers of both chains, and the two blocks of which transactions are recorded."""
    made = [World(btc_ground(), BTC_FIRST, BTC), World(bch_ground(), BCH_FIRST + 1, BCH[1:])]
    for each in (BTC_PLAIN, BCH_PLAIN):
        ground = Ground(each.height, each.block, Constant(each.parsed.bits), each.parsed.bits)
        shown = tuple(proof.inclusion for proof in RECORDED if proof.height == each.height)
        made.append(World(ground, each.height, (each.header,), shown))
    return made


WORLDS: Final = worlds()
REAL_HEADERS: Final = {*BTC, *BCH, BTC_OVERTAKEN, *(each.header for each in RECORDED)}
REAL_TXIDS: Final = {each.txid for each in RECORDED}
EVERY_PROOF: Final = tuple(each.inclusion for each in RECORDED)


class Adversary:
    """One program: a chain of headers, what it was told, and the gifts that were invented."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.chain = HeaderChain(world.ground)
        real = chance.randint(1, len(world.headers))
        self.chain.extend(world.first, world.headers[:real], now=2_000_000_000)
        self.made: list[bytes] = list(world.headers[:real])
        self.forged = 0

    # -- headers

    def tell(self, start: int, headers: Sequence[bytes]) -> None:
        """Answer for headers; what is refused is refused."""
        self.made += headers
        try:
            self.chain.extend(start, headers, now=2_000_000_000)
        except DonationsError:
            return

    def root(self) -> bytes:
        """The root of a block that holds the gift, or of no block."""
        near = self.world.first + self.chance.randrange(3)
        return self.block(near)[1] if self.chance.random() < 0.7 else self.chance.randbytes(32)

    def parent(self) -> tuple[int, bytes]:
        """(height, header) of something to build on, mostly at the tip."""
        made = self.made[-1] if self.chance.random() < 0.6 else self.chance.choice(self.made)
        for height in range(self.world.first, self.world.first + len(self.world.headers)):
            if self.chain.raw_at(height) == made:
                return height, made
        return self.world.first + self.chance.randrange(40), made

    def forge_headers(self) -> None:
        """A row of headers with any times, bits and roots, at no cost."""
        height, parent = self.parent()
        row = [parent]
        for _ in range(self.chance.randint(1, 4)):
            time = read.time(row[-1]) + self.chance.choice(
                (600, 1, 0, -3_000, 7_200, 86_400 * 180, self.chance.randrange(10**6))
            )
            bits = self.chance.choice(
                (
                    read.bits(row[-1]),
                    0x1D00FFFF,
                    0x207FFFFF,
                    0x2100FFFF,
                    self.chance.getrandbits(32),
                )
            )
            raw = unmined(row[-1], max(0, time) % (1 << 32), bits, 0, self.chance.getrandbits(32))
            row.append(raw[:36] + self.root() + raw[68:])
        self.tell(height + 1, row[1:])

    def bend_headers(self) -> None:
        """Real headers with one field bent: another root above all."""
        index = self.chance.randrange(len(self.world.headers))
        raw = bytearray(self.world.headers[index])
        fields = ((36, 32), (36, 32), (4, 32), (68, 4), (72, 4), (76, 4), (0, 4))
        at, size = self.chance.choice(fields)
        raw[at : at + size] = self.root() if at == 36 else self.chance.randbytes(size)
        self.tell(self.world.first + index, [bytes(raw), *self.world.headers[index + 1 :]])

    def misplace_headers(self) -> None:
        """Real headers of any chain at any height."""
        source = self.chance.choice((BTC, BCH, (BTC_OVERTAKEN,), self.world.headers))
        start = self.chance.randrange(len(source))
        self.tell(self.world.first + self.chance.randrange(30), source[start:])

    def mine_cheaply(self) -> None:
        """A longer chain of blocks that were mined, at the price of a private network."""
        height, parent = self.parent()
        cheap = row(parent, self.chance.randint(1, 8), bits=0x207FFFFF)
        claimed = read.bits(parent).to_bytes(4, "little")
        if self.chance.random() < 0.5:
            cheap = [raw[:72] + claimed + raw[76:] for raw in cheap[:1]]
        self.tell(height + 1, cheap)

    def link_older(self) -> None:
        """Headers below the start that lead to it, or do not."""
        below = row(self.world.headers[0], self.chance.randint(1, 3), bits=0x207FFFFF)
        below += [self.world.headers[0]] * self.chance.randrange(2)
        self.made += below
        try:
            self.chain.link_back(self.world.first - self.chance.randint(1, 3), below)
        except DonationsError:
            return

    def plant_rows(self) -> None:
        """Rows in the store that nobody proved: what is kept is read anew from them."""
        rows = dict(self.chain.rows())
        for raw in self.made[-4:]:
            rows[self.world.first + self.chance.randrange(-2, 30)] = raw
        self.chain = HeaderChain(self.world.ground)
        self.chain.load(sorted(rows.items()))

    # -- transactions

    def gift(self) -> bytes:
        """A payment to us that nobody made, in bytes without a witness."""
        spent = Input(Outpoint(self.chance.randbytes(32).hex(), 0), self.chance.randbytes(107))
        return Transaction((spent,), (Output(self.chance.randrange(1, 10**12), OURS),)).stripped

    def block(self, height: int) -> tuple[list[bytes], bytes]:
        """The transactions of a block of his own with the gift in it, and their root."""
        miner = Input(None, height_push(height) + b"\x01x", (), 0xFFFFFFFF)
        first = Transaction((miner,), (Output(1, OURS),)).stripped
        raws = [first, *(self.gift() for _ in range(self.chance.randint(1, 5)))]
        return raws, merkle_branch([sha256d(raw) for raw in raws], 0)[1]

    def of_a_block(self) -> Inclusion:
        """A proof that is right in a block that was not mined."""
        return self.shown(self.block(self.world.first + self.chance.randrange(3))[0])

    def mine_a_gift(self) -> Inclusion:
        """A block with the gift in it, mined at the price of a private network, and its proof."""
        height, parent = self.parent()
        raws, root = self.block(height + 1)
        time, bits = read.time(parent) + 600, self.chance.choice((0x207FFFFF, read.bits(parent)))
        for nonce in range(64):
            raw = unmined(parent, time, bits, 0, nonce)
            raw = raw[:36] + root + raw[68:]
            if int(read.block_hash(raw), 16) <= target(0x207FFFFF):
                break
        self.tell(height + 1, [raw])
        return self.shown(raws)

    def shown(self, raws: Sequence[bytes]) -> Inclusion:
        """One transaction of a block of his own, with honest branches."""
        leaves = [sha256d(raw) for raw in raws]
        position = self.chance.randrange(len(raws))
        branch, first = (tuple(merkle_branch(leaves, at)[0]) for at in (position, 0))
        return Inclusion(raws[position], branch, position, raws[0], first)

    def on_a_real_branch(self) -> Inclusion:
        """The gift where a real transaction stands."""
        real = self.chance.choice(self.world.proofs or EVERY_PROOF)
        return replace(real, raw=self.gift(), position=max(1, real.position))

    def with_a_bent_branch(self) -> Inclusion:
        """The gift on branches that are cut, lengthened, exchanged or made up."""
        real = self.chance.choice(self.world.proofs or EVERY_PROOF)
        raw = self.gift()
        items = [*real.branch, *real.coinbase_branch, sha256d(raw), self.chance.randbytes(32)]
        depth = self.chance.randint(0, len(real.branch) + 2)
        branch = tuple(self.chance.choice(items) for _ in range(depth))
        first = branch if self.chance.random() < 0.3 else real.coinbase_branch
        position = self.chance.randrange(1 << depth)
        return Inclusion(raw, branch, position, real.coinbase, first)

    def of_inner_nodes(self) -> Inclusion:
        """The bytes of inner nodes as if they were transactions, and the other way round."""
        real = self.chance.choice(self.world.proofs or EVERY_PROOF)
        node = sha256d(real.raw)
        level = self.chance.randrange(len(real.branch))
        for depth, sibling in enumerate(real.branch[: level + 1]):
            pair = sibling + node if real.position >> depth & 1 else node + sibling
            node = sha256d(pair)
        if self.chance.random() < 0.5:
            return Inclusion(
                pair, real.branch[level + 1 :], real.position >> level + 1, real.coinbase,
                real.coinbase_branch[level + 1 :],
            )  # fmt: skip
        raw = self.gift()
        return Inclusion(
            raw, (real.raw[32:64].ljust(32, b"\0"), *real.branch), real.position * 2,
            real.coinbase, (self.chance.randbytes(32), *real.coinbase_branch),
        )  # fmt: skip

    def with_his_coinbase(self) -> Inclusion:
        """The gift as the coinbase of a real block, or beside one of his own."""
        real = self.chance.choice(self.world.proofs or EVERY_PROOF)
        raws, _ = self.block(self.world.first)
        if self.chance.random() < 0.5:
            return Inclusion(raws[0], real.coinbase_branch, 0, raws[0], real.coinbase_branch)
        return replace(real, coinbase=raws[0], raw=raws[1], position=max(1, real.position))

    # -- the end

    def play(self) -> list[Inclusion]:
        """Some steps, in any order; the proofs that came of it."""
        proofs = []
        for _ in range(STEPS):
            step = self.chance.choice(ABOUT_HEADERS + ABOUT_PROOFS)
            made = step(self)
            if made is not None:
                proofs.append(made)
        return proofs

    def strange_headers(self) -> int:
        """How many headers are held that the network never had."""
        return sum(raw not in REAL_HEADERS for _, raw in self.chain.rows())

    def invented(self, proofs: Sequence[Inclusion]) -> int:
        """How many transactions that are not real are proven in a block of the chain."""
        found = 0
        for height, raw in self.chain.rows():
            header = read.parse_header(raw)
            for proof in proofs:
                try:
                    found += check_inclusion(proof, header, height).txid not in REAL_TXIDS
                except DonationsError:
                    continue
        return found


ABOUT_HEADERS: Final[tuple[Callable[[Adversary], None], ...]] = (
    Adversary.forge_headers,
    Adversary.bend_headers,
    Adversary.misplace_headers,
    Adversary.mine_cheaply,
    Adversary.link_older,
    Adversary.plant_rows,
)
ABOUT_PROOFS: Final[tuple[Callable[[Adversary], Inclusion], ...]] = (
    Adversary.of_a_block,
    Adversary.mine_a_gift,
    Adversary.on_a_real_branch,
    Adversary.with_a_bent_branch,
    Adversary.of_inner_nodes,
    Adversary.with_his_coinbase,
)


def test_all_servers_together_invent_no_confirmed_gift(seed: int, long: bool, table: Table) -> None:
    """Of 5,000 random programs (long: 100,000) none ends with a gift that stands in a block."""
    programs = LONG_PROGRAMS if long else PROGRAMS
    strange = invented = 0
    for number in range(programs):
        chance = random.Random(f"{seed}:{number}")
        adversary = Adversary(chance.choice(WORLDS), chance)
        invented += adversary.invented(adversary.play()) > 0
        strange += adversary.strange_headers() > 0
    table.never("confirmed gifts invented by all BTC and BCH sources together", invented, programs)
    table.never("... or a header that their networks never had", strange, programs)


def test_the_adversary_is_no_straw_man() -> None:
    """Were work worth nothing, his gifts would stand in blocks: these programs invent some."""
    free = Ground(BTC_FIRST, read.block_hash(BTC[0]), _Anything(), 0x2100FFFF)
    world = World(free, BTC_FIRST, BTC[:1])
    won = 0
    for number in range(300):
        adversary = Adversary(world, random.Random(number))
        won += adversary.invented(adversary.play()) > 0
    assert won > 15


class _Anything:
    """The rule of no network: every block has the easiest target."""

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        return 0x207FFFFF
