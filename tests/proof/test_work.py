"""The difficulty of a block follows from the blocks before it, to the last bit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donations.chains import CHAINS
from donations.chains.milestones import BCH_BLOCKS, BTC_BLOCKS
from donations.proof import headers as read
from donations.proof.work import (
    MAIN_LIMIT,
    REGTEST_BITS,
    Asert,
    Constant,
    Retarget,
    asert,
    compact,
    retarget,
    target,
    work,
)
from tests.proof.recorded import BCH_PLAIN, BTC_PLAIN
from tests.proof.recorded_headers import (
    BCH,
    BCH_FIRST,
    BTC_FIRST,
    BTC_WINDOW,
    BTC_WINDOW_BEFORE,
    bch_ground,
    header,
)

# Facts of Bitcoin Core's pow_tests.cpp: times of the first and last block of a window, its bits,
# those of the next.
RETARGETS = [
    (1261130161, 1262152739, 0x1D00FFFF, 0x1D00D86A),
    (1231006505, 1233061996, 0x1D00FFFF, 0x1D00FFFF),  # no easier than the limit
    (1279008237, 1279297671, 0x1C05A3F4, 0x1C0168FD),  # no more than four times as hard
    (1263163443, 1269211443, 0x1C387F6F, 0x1D00E1FD),  # no more than four times as easy
]
# From the runs of the aserti3-2d reference (bchd, difficulty_test.go): height, parent time and
# bits of the anchor; height and time of a block, and the bits of the next one.
ASERTS = [
    ((1, 0, 0x1D00FFFF), (2, 1200, 0x1D00FFFF)),
    ((1, 0, 0x1A2B3C4D), (11, 6600, 0x1A2B3C4D)),
    ((1, 0, 0x1010000), (2, 174000, 0x1020000)),
    ((1, 0, 0x1010000), (226, 39015600, 0x1D00FFFF)),
    ((1, 0, 0x1D00FFFF), (2, 0, 0x1D00FEC5)),
    ((1, 0, 0x1D00FFFF), (32258, 0, 0xF00FEC5)),
    ((1, 0, 0x1D00FFFF), (64514, 0, 0x1010000)),
    ((1, 0, 0x1802AEE8), (502, 302957, 0x1802B3C7)),
    ((1, 0, 0x1802AEE8), (1001, 589738, 0x180291AD)),
    ((1, 0, 0x1802AEE8), (502, 29608, 0x1800E710)),
    ((1, 0, 0x1802AEE8), (1001, 33365, 0x17469789)),
    ((1, 0, 0x1802AEE8), (251, 2114311, 0x191BA03B)),
    ((1, 0, 0x1802AEE8), (500, 7421433, 0x1D00FFFF)),
    ((2147483642, 1234567290, 0x1802AEE8), (2147483652, 1234570890, 0x1802A6B7)),
    (
        (9223372036854775802, 2147483047, 0x1802AEE8),
        (9223372036854775812, 2147492647, 0x1802B73D),
    ),
    ((1, 0, 0x1802AEE8), (1001, 293713, 0x1800C896)),
    ((1, 10000, 0x1802AEE8), (2, 11200, 0x1802AEE8)),
    ((1, 10000, 0x1802AEE8), (10000, 1202, 0x13647D71)),
]


@pytest.mark.parametrize(("first", "last", "bits", "following"), RETARGETS)
def test_bitcoin_retargets_as_bitcoin_core(
    first: int, last: int, bits: int, following: int
) -> None:
    """The bits of the next window are those that Bitcoin Core computes."""
    assert retarget(bits, last - first) == following


def test_bitcoin_retargets_as_the_chain_did() -> None:
    """The window at block 437,472 began with the bits that the rule gives; they stay inside it."""
    recorded = {BTC_WINDOW - 2016: BTC_WINDOW_BEFORE}
    recorded.update((height, header(height)) for height in range(BTC_FIRST, BTC_WINDOW + 8))
    rule = Retarget(first=1, first_bits=0)
    for height in range(BTC_FIRST + 1, BTC_WINDOW + 8):
        assert rule.bits(height, recorded.__getitem__) == read.bits(recorded[height])
    assert read.bits(header(BTC_WINDOW - 1)) != read.bits(header(BTC_WINDOW))
    assert Retarget(BTC_WINDOW, 77).bits(BTC_WINDOW, recorded.__getitem__) == 77


@pytest.mark.parametrize(("anchor", "block"), ASERTS)
def test_bitcoin_cash_follows_aserti3(
    anchor: tuple[int, int, int], block: tuple[int, int, int]
) -> None:
    """The bits after a block are those of the specification's own runs."""
    (height, parent_time, bits), (at, time, following) = anchor, block
    assert asert(bits, time - parent_time, at - height) == following


def test_bitcoin_cash_follows_aserti3_as_the_chain_did() -> None:
    """The first blocks of the rule, and block 833,705, have the bits that it gives."""
    rule = bch_ground().rule
    for height in range(BCH_FIRST + 2, BCH_FIRST + len(BCH)):
        bits = rule.bits(height, lambda at: BCH[at - BCH_FIRST])
        assert bits == read.bits(BCH[height - BCH_FIRST])
    assert isinstance(rule, Asert)
    # The parent is not recorded; times within a second around 1708540940 give the same bits.
    blocks = BCH_PLAIN.height - 1 - rule.height
    assert asert(rule.value, 1_708_540_940 - rule.parent_time, blocks) == BCH_PLAIN.parsed.bits


def test_private_networks_have_one_difficulty() -> None:
    """Whatever the height, the bits are those of Bitcoin's regtest."""
    assert Constant().bits(2016, lambda _: b"") == REGTEST_BITS
    assert target(REGTEST_BITS) == 0x7FFFFF << 232


@given(st.integers(1, (1 << 256) - 1))
def test_bits_round_down(value: int) -> None:
    """The short form of a target is no easier than it, by less than a 32,768th, and stays."""
    bits = compact(value)
    assert target(bits) <= value < target(bits) + max(1, (target(bits) >> 15) + 1)
    assert compact(target(bits)) == bits
    assert work(bits) == (1 << 256) // (target(bits) + 1)


@pytest.mark.parametrize("bits", [0, 0x01000000, 0x1D800001, 0x04923456, 0x23000001, 0xFF123456])
def test_bits_that_are_no_target_are_refused(bits: int) -> None:
    """Zero, negative and too large targets raise."""
    with pytest.raises(ValueError, match="no target"):
        target(bits)


@given(st.integers(-(1 << 33), 1 << 33), st.integers(0, 1 << 24))
def test_asert_is_late_is_easier(seconds: int, blocks: int) -> None:
    """A chain that is later is never harder, and none is easier than the limit."""
    first, second = (target(asert(0x1804DAFE, seconds + more, blocks)) for more in (0, 3600))
    assert 0 < first <= second <= target(MAIN_LIMIT)


def test_the_shipped_blocks_are_of_the_chain() -> None:
    """Heights rise, hashes have the form of mined blocks, and both chains share the old ones."""
    for blocks in (BTC_BLOCKS, BCH_BLOCKS):
        heights = [height for height, _ in blocks]
        assert all(low < high for low, high in itertools.pairwise(heights))
        assert all(len(each) == 64 and int(each, 16) < target(MAIN_LIMIT) for _, each in blocks)
    shared = [each for each in BTC_BLOCKS if each[0] < 478_559]
    assert list(BCH_BLOCKS[: len(shared)]) == shared
    assert dict(BCH_BLOCKS)[478_559] == CHAINS["bch"].networks["mainnet"].landmark[1]  # type: ignore[index]
    assert dict(BCH_BLOCKS)[BCH_FIRST + 2] == read.block_hash(BCH[2])
    assert dict(BTC_BLOCKS)[BTC_WINDOW - 1] == read.block_hash(header(BTC_WINDOW - 1))


def test_the_start_of_bitcoin_ends_a_window() -> None:
    """The block that headers start from is the last of a window, and the next bits are shipped."""
    ground = CHAINS["btc"].networks["mainnet"].ground
    assert ground is not None
    assert isinstance(ground.rule, Retarget)
    assert ground.height + 1 == ground.rule.first
    assert ground.rule.first % 2016 == 0
    assert target(ground.easiest) == 16 * target(ground.rule.first_bits)
    assert int(BTC_PLAIN.block, 16) < target(BTC_PLAIN.parsed.bits) < target(ground.easiest)
