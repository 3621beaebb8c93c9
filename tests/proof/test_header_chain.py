"""The chain of headers takes what was paid for, follows the most work, and nothing else."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from donations.errors import BadObservation, ProvenLie, UpstreamMalformed, UpstreamMoved
from donations.ledger import Block
from donations.proof.header_chain import HeaderChain
from donations.proof.headers import bits, block_hash, parse_header, time
from donations.proof.older_headers import MAX_HEADERS
from donations.proof.work import REGTEST_BITS, Ground, Retarget, private_ground
from tests.proof.mining import SPACING, mined, row, unmined
from tests.proof.recorded_headers import (
    BCH,
    BCH_FIRST,
    BTC,
    BTC_FIRST,
    BTC_OVERTAKEN,
    BTC_WINDOW,
    bch_ground,
    btc_ground,
    header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

THEN = time(BTC[-1])
BEGINNING = 1_600_000_000
GENESIS = mined("00" * 32, BEGINNING)
NOW = BEGINNING + 10_000 * SPACING


def block(height: int, raw: bytes) -> Block:
    """The block of a header."""
    return Block(height, block_hash(raw), time(raw))


def private(*headers: bytes) -> HeaderChain:
    """A chain on a private network, with these headers above its block 0."""
    chain = HeaderChain(private_ground(block_hash(GENESIS)))
    chain.extend(0, [GENESIS, *headers], now=NOW)
    return chain


def forged(raw: bytes, **changes: int | bytes) -> bytes:
    """A header with other fields than it was mined with."""
    names = ("version", "previous", "root", "time", "bits", "nonce")
    fields = dict(zip(names, struct.unpack("<I32s32sIII", raw), strict=True))
    return struct.pack("<I32s32sIII", *{**fields, **changes}.values())


# -- what passes


def test_real_headers_of_bitcoin_pass() -> None:
    """From a shipped block on, through a new window, to the tip; in one answer or one by one."""
    assert HeaderChain(btc_ground()).tip is None
    for step in (1, 3, len(BTC)):
        chain = HeaderChain(btc_ground())
        for at in range(0, len(BTC), step):
            assert chain.extend(BTC_FIRST + at, BTC[at : at + step], now=THEN) is None
        assert chain.tip == block(BTC_FIRST + len(BTC) - 1, BTC[-1])
        assert chain.block_at(BTC_WINDOW) == block(BTC_WINDOW, header(BTC_WINDOW))
        assert chain.header_at(BTC_WINDOW) == parse_header(header(BTC_WINDOW))
        assert chain.block_at(BTC_FIRST - 1) is chain.block_at(BTC_FIRST + len(BTC)) is None


def test_real_headers_of_bitcoin_cash_pass() -> None:
    """The first blocks of aserti3-2d follow from its anchor."""
    chain = HeaderChain(bch_ground())
    assert chain.extend(BCH_FIRST, BCH, now=time(BCH[-1])) is None
    assert chain.tip == block(BCH_FIRST + len(BCH) - 1, BCH[-1])


def test_a_real_overtaken_block_gives_way() -> None:
    """Bitcoin's block 437,478 was replaced when its rival got a successor: not before."""
    chain = HeaderChain(btc_ground())
    overtaken = [*BTC[: BTC.index(header(437_478))], BTC_OVERTAKEN]
    chain.extend(BTC_FIRST, overtaken, now=THEN)
    lost = block(437_478, BTC_OVERTAKEN)
    assert chain.tip == lost
    assert chain.extend(437_478, [header(437_478)], now=THEN) is None
    assert chain.tip == lost
    assert chain.extend(437_479, [header(437_479)], now=THEN) == 437_477
    assert chain.tip == block(437_479, header(437_479))
    assert not chain.holds(lost)
    assert chain.holds(block(437_478, header(437_478)))


def test_what_is_known_changes_nothing() -> None:
    """Headers that came before, or end inside the chain, are no news."""
    chain = HeaderChain(btc_ground())
    chain.extend(BTC_FIRST, BTC, now=THEN)
    for start, end in ((0, len(BTC)), (0, 1), (3, 7), (5, 5)):
        assert chain.extend(BTC_FIRST + start, BTC[start:end], now=THEN) is None
        assert chain.tip == block(BTC_FIRST + len(BTC) - 1, BTC[-1])


# -- what is refused


def refused(
    chain: HeaderChain,
    start: int,
    headers: list[bytes],
    *,
    now: int = NOW,
    match: str | None = None,
) -> ProvenLie:
    """The lie that an answer is; nothing of it is taken."""
    before = [chain.tip, list(chain.rows())]
    with pytest.raises(ProvenLie, match=match) as caught:
        chain.extend(start, headers, now=now)
    assert [chain.tip, list(chain.rows())] == before
    return caught.value


@pytest.mark.parametrize(
    ("ground", "headers", "start"),
    [(btc_ground, BTC, BTC_FIRST), (bch_ground, BCH[1:], BCH_FIRST + 1)],
    ids=["btc", "bch"],
)
def test_a_header_that_was_not_paid_for_is_a_lie(
    ground: Callable[[], Ground], headers: tuple[bytes, ...], start: int
) -> None:
    """At the difficulty of the main networks no field of a real header can be changed."""
    chain = HeaderChain(ground())
    chain.extend(start, headers[:-1], now=NOW)
    last, height = headers[-1], start + len(headers) - 1
    for field, value in (("root", bytes(32)), ("nonce", 7), ("version", 4)):
        lie = refused(chain, height, [forged(last, **{field: value})], match="lacks the work")
        assert forged(last, **{field: value}).hex() in lie.evidence
    refused(chain, height, [forged(last, time=time(last) + 1)], match="lacks the work")
    for claimed in (REGTEST_BITS, 0x1D00FFFF, bits(last) + 1, bits(last) - 1, 0, 0xFFFFFFFF):
        lie = refused(chain, height, [forged(last, bits=claimed)], match="another difficulty")
        assert f"{bits(last):#010x}" in lie.evidence
    chain.extend(height, [last], now=NOW)
    assert chain.tip == block(height, last)


def test_blocks_that_were_mined_cheaply_are_no_blocks_of_bitcoin() -> None:
    """Neither the lowest difficulty, as test networks allow after a pause, nor a paid-for easy one.

    A chain of any height of them has nothing.
    """
    chain = HeaderChain(btc_ground())
    chain.extend(BTC_FIRST, BTC, now=THEN)
    easy = row(BTC[-1], 50, bits=REGTEST_BITS)
    refused(chain, BTC_FIRST + len(BTC), easy, match="another difficulty")
    late = unmined(BTC[-1], time(BTC[-1]) + 7_200, 0x1D00FFFF)
    refused(chain, BTC_FIRST + len(BTC), [late], match="another difficulty")
    forked = row(header(437_470), 50, bits=REGTEST_BITS)
    refused(chain, 437_471, forked, match="another difficulty")


def test_a_new_window_cannot_be_made_easy() -> None:
    """The first block of a window has the bits of its rule: the same as before are wrong too."""
    kept = forged(header(BTC_WINDOW), bits=bits(header(BTC_WINDOW - 1)))
    chain = HeaderChain(btc_ground())
    chain.extend(BTC_FIRST, BTC[: BTC_WINDOW - BTC_FIRST], now=THEN)
    refused(chain, BTC_WINDOW, [kept], match="another difficulty")


def test_a_paid_for_block_of_another_rule_convicts_nobody() -> None:
    """When a network changes its rule every honest server breaks ours: its blocks are refused."""
    changed = Retarget(first=BTC_WINDOW, first_bits=0x18045170)
    chain = HeaderChain(replace(btc_ground(), rule=changed))
    with pytest.raises(BadObservation, match="another rule") as caught:
        chain.extend(BTC_FIRST, BTC, now=THEN)
    assert not isinstance(caught.value, ProvenLie)
    assert list(chain.rows()) == [(BTC_FIRST, BTC[0])]


def test_a_clock_that_jumps_makes_no_block_cheap() -> None:
    """On Bitcoin Cash a long pause lowers the difficulty: below the floor nothing is believed.

    Whoever has one block of full difficulty could date it half a year ahead of the last one and
    mine the rest of his chain on a laptop.
    """
    ground = bch_ground()
    paused = unmined(BCH[-1], time(BCH[-1]) + 180 * 86_400, bits(BCH[-1]))
    rule = ground.rule.bits(BCH_FIRST + len(BCH) + 1, lambda _: paused)
    assert rule == 0x1D00FFFF
    easy = replace(private_ground(block_hash(GENESIS)), easiest=0x1D00FFFF)
    chain = HeaderChain(easy)
    with pytest.raises(BadObservation, match="easier than any") as caught:
        chain.extend(0, [GENESIS, *row(GENESIS, 1)], now=NOW)
    assert not isinstance(caught.value, ProvenLie)


def test_another_chain_than_the_shipped_one_is_a_lie() -> None:
    """Headers that fork below the start are refused, however much work they have."""
    chain = HeaderChain(btc_ground(437_477))
    chain.extend(437_477, [header(437_477)], now=THEN)
    lie = refused(
        HeaderChain(btc_ground(437_478)), 437_477, [header(437_477), BTC_OVERTAKEN], now=THEN
    )
    assert block_hash(BTC_OVERTAKEN) in lie.evidence
    fork = row(GENESIS, 3, tag=9)
    grounded = HeaderChain(replace(private_ground(block_hash(fork[0])), height=1))
    refused(grounded, 0, [GENESIS, *row(GENESIS, 9, tag=1)], match="another chain")
    assert grounded.extend(0, [GENESIS, *fork], now=NOW) is None
    refused(grounded, 1, row(GENESIS, 9, tag=1), match="another chain")
    assert grounded.tip == block(3, fork[2])
    assert grounded.extend(0, [GENESIS], now=NOW) is None


def test_headers_must_link() -> None:
    """A row with a hole, of another size, or in another order is malformed: no verdict."""
    chain = HeaderChain(btc_ground())
    chain.extend(BTC_FIRST, BTC[:3], now=THEN)
    for bent in (
        [BTC[3], BTC[5]],
        [BTC[4], BTC[3]],
        [BTC[3], BTC[3]],
        [BTC[3][:-1]],
        [BTC[3] + b"\x00"],
        [b""],
    ):
        with pytest.raises(UpstreamMalformed):
            chain.extend(BTC_FIRST + 3, bent, now=THEN)
    assert chain.tip == block(BTC_FIRST + 2, BTC[2])


def test_headers_from_elsewhere_are_asked_for_from_further_down() -> None:
    """What does not continue a known block is no lie: the fork lies below."""
    chain = HeaderChain(btc_ground())
    with pytest.raises(UpstreamMoved):
        chain.extend(BTC_FIRST + 1, BTC[1:], now=THEN)
    chain.extend(BTC_FIRST, BTC[:3], now=THEN)
    for start, headers in ((4, BTC[4:]), (3, BTC[4:]), (2, BTC[3:]), (300, BTC[3:])):
        with pytest.raises(UpstreamMoved):
            chain.extend(BTC_FIRST + start, headers, now=THEN)


def test_time_goes_on() -> None:
    """A block is later than the median of the eleven before it, and not two hours ahead of us."""
    headers = row(GENESIS, 12)
    chain = private(*headers)
    median = time(headers[6])
    early = mined(headers[-1], median)
    assert "median" in refused(chain, 13, [early], match="before that of its ancestors").evidence
    assert chain.extend(13, [mined(headers[-1], median + 1)], now=NOW) is None
    first = private()
    refused(first, 1, [mined(GENESIS, BEGINNING)], match="before that of its ancestors")
    ahead = mined(headers[-1], NOW + 7_201)
    with pytest.raises(BadObservation, match="ahead of our clock") as caught:
        private(*headers).extend(13, [ahead], now=NOW)
    assert not isinstance(caught.value, ProvenLie)
    assert private(*headers).extend(13, [ahead], now=NOW + 1) is None


def test_right_above_the_start_the_median_is_not_known() -> None:
    """A shipped block's ancestors need not be known, and a time below its own is allowed there."""
    headers = row(GENESIS, 30)
    chain = HeaderChain(replace(private_ground(block_hash(headers[19])), height=20))
    assert chain.extend(20, [headers[19], mined(headers[19], BEGINNING)], now=NOW) is None
    known = HeaderChain(replace(private_ground(block_hash(headers[19])), height=20))
    known.link_back(0, [GENESIS, *headers[:20]])
    known.extend(20, headers[19:20], now=NOW)
    refused(known, 21, [mined(headers[19], BEGINNING)], match="before that of its ancestors")


# -- the most work


@dataclass(frozen=True)
class TwoPrices:
    """A block of an even minute costs a quarter of the next one after an odd minute."""

    def bits(self, height: int, header_at: Callable[[int], bytes]) -> int:
        """By the time of the parent."""
        return REGTEST_BITS if time(header_at(height - 1)) // 60 % 2 == 0 else 0x201FFFFF


def test_work_decides_and_not_height() -> None:
    """A longer chain of cheap blocks loses to a shorter dear one, whichever came first."""
    ground = replace(private_ground(block_hash(GENESIS)), rule=TwoPrices())
    assert BEGINNING // 60 % 2 == 0
    cheap = row(GENESIS, 6, bits=REGTEST_BITS)
    dear = [mined(GENESIS, BEGINNING + 60)]
    for _ in range(2):
        dear.append(mined(dear[-1], time(dear[-1]) + 120, 0x201FFFFF))
    for first, second, fork in ((cheap, dear, 0), (dear, cheap, None)):
        chain = HeaderChain(ground)
        chain.extend(0, [GENESIS, *first], now=NOW)
        assert chain.extend(1, second, now=NOW) == fork
        assert chain.tip == block(3, dear[-1])


def test_equal_work_changes_nothing() -> None:
    """Between two chains of the same work the one that was seen first stays."""
    first, second = row(GENESIS, 4, tag=1), row(GENESIS, 4, tag=2)
    chain = private(*first)
    assert chain.extend(1, second, now=NOW) is None
    assert chain.tip == block(4, first[-1])
    more = row(second[-1], 1, tag=2)
    assert chain.extend(5, more, now=NOW) == 0
    assert chain.tip == block(5, more[-1])


def test_a_branch_may_come_in_pieces() -> None:
    """A branch that lacks work is remembered, so that its next piece can decide."""
    first = row(GENESIS, 10, tag=1)
    chain = private(*first)
    second = row(first[1], 20, tag=2)
    assert chain.extend(3, second[:4], now=NOW) is None
    assert chain.extend(7, second[4:8], now=NOW) is None
    assert chain.extend(9, second[6:9], now=NOW) == 2
    assert chain.tip == block(11, second[8])
    back = row(first[-1], 5, tag=1)
    assert chain.extend(11, back, now=NOW) == 2
    assert chain.tip == block(15, back[-1])
    assert chain.extend(12, second[9:], now=NOW) == 2
    assert chain.tip == block(22, second[-1])


def test_random_trees_end_at_the_most_work(seed: int) -> None:
    """Whatever comes in whatever order, the tip is the first one seen of the most work."""
    chance = random.Random(seed)
    for _ in range(60):
        chain, heights = private(), {GENESIS: 0}
        parents = {GENESIS: b""}
        best = GENESIS
        for step in range(30):
            parent = chance.choice(list(heights)[-8:])
            grown = row(parent, chance.randint(1, 4), tag=step)
            start = heights[parent] + 1
            for number, raw in enumerate(grown):
                heights[raw] = start + number
                parents[raw] = grown[number - 1] if number else parent
            base = parent
            answer = list(grown)
            for _ in range(chance.randint(0, 3)):
                if base is GENESIS:
                    break
                answer.insert(0, base)
                base = parents[base]
            try:
                chain.extend(heights[answer[0]], answer, now=NOW)
            except UpstreamMoved:  # a branch that was forgotten: told from its root on
                while base is not GENESIS:
                    answer.insert(0, base)
                    base = parents[base]
                chain.extend(1, answer, now=NOW)
            if heights[grown[-1]] > heights[best]:
                best = grown[-1]
            assert chain.tip == block(heights[best], best)
            walk = best
            while walk is not GENESIS:
                assert chain.raw_at(heights[walk]) == walk
                walk = parents[walk]


# -- below the start


def test_older_headers_lead_to_shipped_blocks() -> None:
    """For a height, the stretch up to the next shipped block is asked for, and no more."""
    headers = [GENESIS, *row(GENESIS, 5_000)]
    ground = Ground(
        4_900,
        block_hash(headers[4_900]),
        private_ground("").rule,
        REGTEST_BITS,
        older=((1_000, block_hash(headers[1_000])), (4_000, block_hash(headers[4_000]))),
    )
    chain = HeaderChain(ground)
    assert chain.missing(4_901) is chain.missing(-1) is None
    assert chain.missing(1_000) == (1_000, 1)
    assert chain.missing(400) == (400, 601)
    assert chain.missing(4_500) == (4_500, 401)
    asked = []
    while (wanted := chain.missing(1_500)) is not None:
        asked.append(wanted)
        start, count = wanted
        chain.link_back(start, headers[start : start + count])
    assert asked == [(4_000 - MAX_HEADERS + 1, MAX_HEADERS), (1_500, 485)]
    assert chain.block_at(1_500) == block(1_500, headers[1_500])
    assert chain.holds(block(3_999, headers[3_999]))
    assert chain.block_at(4_001) is None
    assert chain.missing(1_499) == (1_499, 1)
    chain.link_back(1_499, headers[1_499:1_500])
    assert chain.missing(1_100) == (1_100, 399)
    chain.extend(4_900, headers[4_900:], now=NOW)
    assert chain.missing(4_899) == (4_899, 2)
    chain.link_back(4_899, headers[4_899:4_901])
    assert chain.tip == block(5_000, headers[5_000])
    assert chain.raw_at(4_899) == headers[4_899]

    other = HeaderChain(ground)
    other.load(chain.rows())
    assert list(other.rows()) == list(chain.rows())
    assert other.tip == chain.tip
    assert list(chain.rows(4_950)) == list(enumerate(headers))[4_951:]


def test_older_headers_are_let_go_but_for_where_linking_goes_on() -> None:
    """Of a stretch its lowest header is enough to link the ones below, and to be linked again."""
    headers = [GENESIS, *row(GENESIS, 60)]
    chain = HeaderChain(replace(private_ground(block_hash(headers[60])), height=60))
    chain.link_back(40, headers[40:61])
    chain.trim_older(20)
    assert [height for height, _ in chain.rows()] == [*range(40, 60)]
    chain.trim_older(5)
    assert list(chain.rows()) == [(40, headers[40])]
    assert chain.missing(30) == (30, 10)
    chain.link_back(30, headers[30:40])
    assert chain.missing(50) == (50, 11)
    chain.link_back(50, headers[50:61])
    assert [height for height, _ in chain.rows()] == [*range(30, 41), *range(50, 60)]
    assert chain.missing(45) == (45, 5)


def test_older_headers_that_lead_elsewhere_are_a_lie() -> None:
    """A stretch ends with the shipped block or the parent of a known one; else it is refused."""
    headers = [GENESIS, *row(GENESIS, 30)]
    ground = replace(private_ground(block_hash(headers[20])), height=20)
    chain = HeaderChain(replace(ground, older=((10, block_hash(headers[10])),)))
    wrong = row(headers[4], 6, tag=3)
    with pytest.raises(ProvenLie, match="another chain") as caught:
        chain.link_back(5, wrong)
    assert block_hash(headers[10]) in caught.value.evidence
    with pytest.raises(UpstreamMoved):
        chain.link_back(2, headers[2:6])
    with pytest.raises(UpstreamMalformed):
        chain.link_back(8, [headers[8], headers[10]])
    chain.link_back(8, [])
    assert list(chain.rows()) == []
    chain.link_back(8, headers[8:11])
    with pytest.raises(ProvenLie, match="another chain"):
        chain.link_back(6, [headers[6], mined(headers[6], BEGINNING, tag=4)])
    assert [height for height, _ in chain.rows()] == [8, 9, 10]


def test_kept_rows_are_believed_no_more_than_any() -> None:
    """Rows that were changed, or are of another release's start, are left out."""
    headers = [GENESIS, *row(GENESIS, 5_000)]
    chain = private(*headers[1:])
    rows = list(chain.rows())
    assert rows == list(enumerate(headers))
    damaged = HeaderChain(chain.ground)
    damaged.load([*rows[:3_000], (3_000, forged(rows[3_000][1], nonce=1)), *rows[3_001:]])
    assert damaged.tip == block(2_015, headers[2_015])
    holed = HeaderChain(chain.ground)
    holed.load([*rows[:100], *rows[101:]])
    assert holed.tip == block(99, headers[99])
    later = replace(private_ground(block_hash(headers[2_000])), height=2_000)
    newer = HeaderChain(later)
    newer.load(rows)
    assert newer.tip == chain.tip
    assert list(newer.rows()) == rows
    elsewhere = HeaderChain(private_ground("ab" * 32))
    elsewhere.load(rows)
    assert elsewhere.tip is None
    assert list(elsewhere.rows()) == []
