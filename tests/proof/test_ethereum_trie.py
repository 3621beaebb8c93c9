"""RLP and Merkle-Patricia tries, held against another codec and another trie."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import rlp
from eth_utils.crypto import keccak

from donations.demo import ethereum_trie as other
from donations.errors import BadObservation, DonationsError, UpstreamMalformed
from donations.proof.rlp import decode, encode
from donations.proof.trie import EMPTY_ROOT, Trie, look_up

if TYPE_CHECKING:
    from tests.measured import Table


def item(chance: random.Random, depth: int = 0) -> Any:
    """A random nested list of bytes, lengths around the borders among them."""
    if depth == 4 or chance.random() < 0.6:
        return chance.randbytes(chance.choice((0, 1, 1, 2, 31, 32, 33, 55, 56, 57, 255, 256, 300)))
    return [item(chance, depth + 1) for _ in range(chance.randrange(5))]


def test_rlp_is_that_of_another_codec(seed: int, table: Table) -> None:
    """20,000 random items are encoded and read back as the rlp package does it."""
    chance, wrong = random.Random(seed), 0
    for _ in range(20_000):
        made = item(chance)
        raw = encode(made)
        wrong += raw != rlp.encode(made) or decode(raw) != made
    table.never("RLP items that another codec writes otherwise", wrong, 20_000)


def test_one_item_has_one_form(seed: int) -> None:
    """Whatever of 20,000 random or bent texts is read at all is written back the same."""
    chance, read = random.Random(seed), 0
    for _ in range(20_000):
        raw = bytearray(encode(item(chance)))
        raw[chance.randrange(min(3, len(raw)))] = chance.randrange(256)
        try:
            found = decode(bytes(raw))
        except UpstreamMalformed:
            continue
        read += 1
        assert encode(found) == raw
    assert read > 1_000


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "81",
        "8101",  # one small byte has no prefix
        "b800",
        "b80100",
        "b837" + "00" * 55,  # a long form of what is short
        "b90038" + "00" * 56,
        "f800",
        "c1",
        "c2c1",
        "c18100",
        "0000",
        "bfffffffffffffffff00",
        "c1" * 17 + "c0",
        "d1d0cfcecdcccbcac9c8c7c6c5c4c3c2c1c0",  # nested deeper than anything is
    ],
)
def test_other_forms_are_refused(raw: str) -> None:
    """What is cut, left over, nested too deep or could be shorter is no RLP."""
    with pytest.raises(UpstreamMalformed):
        decode(bytes.fromhex(raw))


def content(chance: random.Random) -> dict[bytes, bytes]:
    """What a trie holds: hashed keys, positions, or keys that differ late."""
    size = chance.choice((1, 2, 3, 17, 130))
    value = chance.choice((1, 4, 28, 40, 200))
    match chance.randrange(3):
        case 0:
            keys = [keccak(bytes([n])) for n in range(size)]
        case 1:
            keys = [encode(n) for n in range(size)]
        case _:
            keys = [bytes(4) + chance.randbytes(2) for _ in range(size)]
    return {key: bytes([7]) + chance.randbytes(value) for key in keys}


def absent(chance: random.Random, held: dict[bytes, bytes]) -> bytes:
    """A key that is not there; it may begin like one that is."""
    longest = max(held, key=len)
    if len(longest) < 6:
        return encode(len(held) + chance.randrange(3))
    key = bytearray(chance.choice(list(held)))
    while bytes(key) in held:
        key[chance.randrange(len(key))] ^= 1 << chance.randrange(8)
    return bytes(key)


def test_tries_are_those_of_another_maker(seed: int, table: Table) -> None:
    """600 random tries have the root, and each look-up the answer, of the simulated world's.

    Some keys were taken away again, and some of those looked up were never there.
    """
    chance, wrong = random.Random(seed), 0
    for _ in range(600):
        held = content(chance)
        never = absent(chance, held)
        theirs = None
        for key in chance.sample([*held, never], len(held) + 1):
            theirs = other.put(theirs, key.hex(), held.get(key, b"gone" * 9))
        gone = [never, *chance.sample(list(held), min(len(held), chance.randrange(3)))]
        for key in gone:
            theirs = other.put(theirs, key.hex(), b"")
            held.pop(key, None)
        ours = Trie(held)
        wrong += ours.root != other.root(theirs)
        for key in [*gone, *chance.sample(list(held), min(3, len(held)))]:
            shown = other.proof(theirs, key.hex())
            wrong += list(ours.branch(key)) != shown
            wrong += look_up(ours.root, key, shown) != held.get(key)
    table.never("tries that another maker makes otherwise", wrong, 600)


def test_the_roots_of_lists_known_everywhere() -> None:
    """The empty trie's root is that of the yellow paper; a lone item and a pair have theirs."""
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    assert Trie({}).root == EMPTY_ROOT
    # ethereum/tests, trieanyorder.json: "puppy" and "dogs".
    puppy = {b"do": b"verb", b"horse": b"stallion", b"doge": b"coin", b"dog": b"puppy"}
    wanted = "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"
    assert Trie(puppy).root.hex() == wanted
    for key, value in puppy.items():
        assert look_up(bytes.fromhex(wanted), key, Trie(puppy).branch(key)) == value
    assert look_up(bytes.fromhex(wanted), b"dodo", Trie(puppy).branch(b"dodo")) is None


LEAF = encode([b"\x20" + b"\x11" * 31, b"v" * 40])


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ((), "too early"),
        ((LEAF, LEAF), "nowhere"),
        ((encode([b"\x20" + b"\x11" * 32, b""]),), "without a value"),
        ((encode([b"\x21" + b"\x11" * 32, b"v" * 40]),), "padding"),
        ((encode([b"\x40" + b"\x11" * 32, b"v" * 40]),), "prefix"),
        ((encode([b"\x2f", b"v" * 40]),), "padding"),
        ((encode([b"", b"v" * 40]),), "prefix"),
        ((encode([b"\x00", b"v" * 32]),), "extends nothing"),
        ((encode([b"\x00\x11", b"v" * 31]),), "size"),
        ((encode([b"\x00\x11", b"v" * 33]),), "size"),
        ((encode([b"\x00\x11", b""]),), "size"),
        ((encode([b"\x00\x11", [b"\x20" + b"\x11" * 31, b"v" * 40]]),), "too long"),
        ((encode([b"v" * 20, b"v" * 20, b"v"]),), "length"),
        ((encode([b"v" * 4] * 16),), "length"),
        ((encode([b"v"] * 18),), "length"),
        ((encode([b"", b"\x01" * 5] + [b""] * 15),), "size"),
        ((encode(b"v" * 40),), "list"),
        ((LEAF + b"\x00",), "left over"),
        ((b"\xc0",), "length"),
    ],
)
def test_nodes_that_no_trie_has_are_refused(nodes: tuple[bytes, ...], why: str) -> None:
    """A proof that breaks a rule of the trie's form is refused, though its hash is right."""
    root = keccak(nodes[0]) if nodes else bytes(32)
    with pytest.raises(UpstreamMalformed, match=why):
        look_up(root, b"\x11" * 32, nodes)


def test_a_short_node_stands_inside_its_parent() -> None:
    """A node of fewer than 32 bytes that is referred to by its hash is refused."""
    short = encode([b"\x20" + b"\x11" * 3, b"vv"])
    parent = encode([b"\x00\x11", keccak(short)])
    with pytest.raises(UpstreamMalformed, match="short enough"):
        look_up(keccak(parent), b"\x11" * 4, (parent, short))


def test_another_root_is_not_proven() -> None:
    """A proof that is right in itself says nothing of another root; nobody lied."""
    trie = Trie({keccak(bytes([n])): b"v" * 40 for n in range(40)})
    key = keccak(b"\x05")
    shown = trie.branch(key)
    with pytest.raises(BadObservation, match="another root"):
        look_up(keccak(b"else"), key, shown)
    for cut in range(len(shown)):
        with pytest.raises(DonationsError):
            look_up(trie.root, key, shown[:cut] + shown[cut + 1 :])
    with pytest.raises(DonationsError):
        look_up(trie.root, keccak(b"\x06"), shown)
    with pytest.raises(DonationsError):
        look_up(EMPTY_ROOT, key, shown)
    assert look_up(EMPTY_ROOT, key, ()) is None
    assert look_up(EMPTY_ROOT, key, (b"\x80",)) is None
