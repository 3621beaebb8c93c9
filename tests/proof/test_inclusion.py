"""A transaction is proven by the bytes of real blocks, and by nothing that only looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from donations.demo.block import height_push
from donations.demo.transaction import (
    Input,
    Outpoint,
    Output,
    Transaction,
    merkle_branch,
    sha256d,
    shown,
)
from donations.errors import BadObservation, ProvenLie, UpstreamMalformed
from donations.proof.headers import Header
from donations.proof.inclusion import BIP34_HEIGHT, Inclusion, check_inclusion
from donations.proof.merkle import MAX_DEPTH, fold
from donations.proof.transaction import parse_transaction, without_witness
from tests.proof.recorded import (
    BCH_PLAIN,
    BTC_COINBASE,
    BTC_LAST,
    BTC_PLAIN,
    BTC_WITNESS,
    RECORDED,
    Recorded,
)

HEIGHT = 300_000


def payment(number: int, script: bytes = b"\x51" * 25) -> Transaction:
    """Any transaction but a coinbase."""
    return Transaction((Input(Outpoint(f"{number:064x}", 0)),), (Output(number, script),))


def coinbase(height: int = HEIGHT, script: bytes = b"\x51" * 25) -> Transaction:
    """The first transaction of a block."""
    miner = Input(None, height_push(height), (), 0xFFFFFFFF)
    return Transaction((miner,), (Output(50, script),))


def block(*transactions: Transaction) -> Header:
    """A header over transactions; its work is not looked at here."""
    leaves = [bytes.fromhex(each.txid)[::-1] for each in transactions]
    return Header("00" * 32, "00" * 32, shown(merkle_branch(leaves, 0)[1]), 0, 0)


def shown_at(position: int, *transactions: Transaction) -> Inclusion:
    """What an honest server shows for one transaction of a block."""
    leaves = [bytes.fromhex(each.txid)[::-1] for each in transactions]
    return Inclusion(
        raw=transactions[position].stripped,
        branch=tuple(merkle_branch(leaves, position)[0]),
        position=position,
        coinbase=transactions[0].stripped,
        coinbase_branch=tuple(merkle_branch(leaves, 0)[0]),
    )


@pytest.mark.parametrize("each", RECORDED, ids=lambda each: each.txid[:8])
def test_real_transactions_are_proven(each: Recorded) -> None:
    """Each recorded transaction folds to the root of its real header, and its txid comes out."""
    assert each.parsed.hash == each.block
    assert check_inclusion(each.inclusion, each.parsed, each.height).txid == each.txid


@pytest.mark.parametrize("each", RECORDED, ids=lambda each: each.txid[:8])
def test_another_block_is_not_proven(each: Recorded) -> None:
    """A proof that is right in itself says nothing of a block that it does not belong to.

    It is no lie either: an honest server may follow another branch of the chain.
    """
    other = BCH_PLAIN if each.height == BTC_PLAIN.height else BTC_PLAIN
    with pytest.raises(BadObservation, match="another block") as caught:
        check_inclusion(each.inclusion, other.parsed, each.height)
    assert not isinstance(caught.value, ProvenLie)


def test_every_block_size_is_proven() -> None:
    """Blocks of 1 to 17 transactions: each position folds, the lone ones at the right edge too."""
    for size in range(1, 18):
        transactions = [coinbase(), *map(payment, range(1, size))]
        header = block(*transactions)
        for position, each in enumerate(transactions):
            proof = shown_at(position, *transactions)
            assert check_inclusion(proof, header, HEIGHT).txid == each.txid


def test_a_right_copy_of_the_left_sibling_is_refused() -> None:
    """CVE-2012-2459: a list lengthened by copies has the same root, and its copies are refused.

    The last transaction of three is hashed with itself; shown at the place of that copy, as if it
    were a fourth one, it is a lie.
    """
    transactions = [coinbase(), payment(1), payment(2)]
    header = block(*transactions)
    lengthened = shown_at(3, *transactions, transactions[2])
    assert block(*transactions, transactions[2]) == header
    with pytest.raises(ProvenLie, match="own copy") as caught:
        check_inclusion(lengthened, header, HEIGHT)
    assert transactions[2].txid in caught.value.evidence


def beneath_a_leaf() -> tuple[Transaction, bytes]:
    """A payment, and the 64 bytes of a transaction that begins with the payment's hash."""
    number = next(n for n in range(10_000) if bytes.fromhex(payment(n).txid)[::-1][4] == 1)
    start = bytes.fromhex(payment(number).txid)[::-1]
    # The rest of the outpoint, an input script of 4 bytes, the sequence, one output of 1 unit
    # with an empty script, the lock time.
    rest = bytes(9) + b"\x04" + bytes(8) + b"\x01" + b"\x01" + bytes(7) + b"\x00" + bytes(4)
    return payment(number), start + rest


def test_a_payment_beneath_a_leaf_is_refused() -> None:
    """CVE-2017-12842: a transaction of 64 bytes is no inner node above a payment in no block.

    It was mined beside the coinbase, whose branch tells that nothing stands that deep.
    """
    invented, leaf = beneath_a_leaf()
    assert parse_transaction(leaf).size == 64
    root = sha256d(bytes.fromhex(coinbase().txid)[::-1] + sha256d(leaf))
    header = Header("00" * 32, "00" * 32, shown(root), 0, 0)
    left = bytes.fromhex(coinbase().txid)[::-1]
    proof = Inclusion(invented.raw, (leaf[32:], left), 2, coinbase().raw, (sha256d(leaf),))
    with pytest.raises(ProvenLie, match="length"):
        check_inclusion(proof, header, HEIGHT)
    with pytest.raises(BadObservation, match="inner node"):
        fold(invented.txid, (leaf[32:], left), 2)


def test_an_inner_node_is_no_transaction() -> None:
    """CVE-2017-12842, the other way: 64 bytes that may be two hashes prove no transaction."""
    _, leaf = beneath_a_leaf()
    left = bytes.fromhex(coinbase().txid)[::-1]
    header = Header("00" * 32, "00" * 32, shown(sha256d(left + sha256d(leaf))), 0, 0)
    proof = Inclusion(leaf, (left,), 1, coinbase().raw, (sha256d(leaf),))
    with pytest.raises(BadObservation, match="64 bytes"):
        check_inclusion(proof, header, HEIGHT)
    small = replace(coinbase(), inputs=(Input(None, b"\x03" + bytes(3), (), 0),))
    small = replace(small, outputs=(Output(50, b""),))
    assert len(small.stripped) == 64
    with pytest.raises(BadObservation, match="64 bytes"):
        check_inclusion(shown_at(1, small, payment(1)), block(small, payment(1)), 1)


def test_the_depth_is_that_of_the_coinbase() -> None:
    """A branch that is shorter or longer than the coinbase's is a lie."""
    transactions = [coinbase(), *map(payment, range(1, 5))]
    proof = shown_at(3, *transactions)
    for branch in (proof.branch[:-1], (*proof.branch, bytes(32)), ()):
        with pytest.raises(ProvenLie):
            check_inclusion(replace(proof, branch=branch), block(*transactions), HEIGHT)


def test_the_position_lies_in_the_tree() -> None:
    """A position with bits beyond the depth, or below 0, is a lie: it would have two proofs."""
    proof = BTC_PLAIN.inclusion
    for position in (proof.position + (1 << len(proof.branch)), proof.position - 512, -1, 1 << 70):
        with pytest.raises(ProvenLie, match="position"):
            check_inclusion(replace(proof, position=position), BTC_PLAIN.parsed, BTC_PLAIN.height)


def test_a_branch_has_hashes_and_an_end() -> None:
    """Items of another length than 32 bytes, or more than 30 of them, are no branch."""
    proof = BTC_LAST.inclusion
    for branch in (
        (proof.branch[0][:-1], *proof.branch[1:]),
        (*proof.branch[:-1], proof.branch[-1] + b"\x00"),
        proof.branch + (bytes(32),) * (MAX_DEPTH + 1 - len(proof.branch)),
    ):
        for bent in (replace(proof, branch=branch), replace(proof, coinbase_branch=branch)):
            with pytest.raises((UpstreamMalformed, ProvenLie)):
                check_inclusion(bent, BTC_LAST.parsed, BTC_LAST.height)
        with pytest.raises(UpstreamMalformed):
            fold(BTC_LAST.txid, branch, 0)


def test_a_forged_transaction_leads_elsewhere() -> None:
    """A transaction with the branch of another one convicts whoever shows it."""
    forged = replace(BTC_PLAIN.inclusion, raw=payment(1).raw)
    with pytest.raises(ProvenLie, match="different roots") as caught:
        check_inclusion(forged, BTC_PLAIN.parsed, BTC_PLAIN.height)
    assert payment(1).txid in caught.value.evidence
    other = replace(BTC_PLAIN.inclusion, branch=BTC_WITNESS.inclusion.branch)
    with pytest.raises(ProvenLie, match="different roots"):
        check_inclusion(other, BTC_PLAIN.parsed, BTC_PLAIN.height)


def test_the_coinbase_is_one_and_stands_first() -> None:
    """Another transaction in the coinbase's place is a lie, and a coinbase in another place."""
    proof = BTC_PLAIN.inclusion
    with pytest.raises(ProvenLie, match="no coinbase"):
        check_inclusion(
            replace(proof, coinbase=BTC_WITNESS.inclusion.raw), BTC_PLAIN.parsed, BTC_PLAIN.height
        )
    with pytest.raises(ProvenLie, match="stands first"):
        check_inclusion(replace(proof, position=0), BTC_PLAIN.parsed, BTC_PLAIN.height)
    transactions = [coinbase(), coinbase(HEIGHT + 1)]
    with pytest.raises(ProvenLie, match="stands first"):
        check_inclusion(shown_at(1, *transactions), block(*transactions), HEIGHT)


def test_the_coinbase_tells_the_height() -> None:
    """BIP-34, from block 227,931 on: a block shown for another height than its own is a lie."""
    for each in (BTC_COINBASE, BTC_PLAIN, BCH_PLAIN):
        for height in (each.height - 1, each.height + 1, BIP34_HEIGHT):
            with pytest.raises(ProvenLie, match="height") as caught:
                check_inclusion(each.inclusion, each.parsed, height)
            assert str(each.height) in caught.value.evidence
    early = [coinbase(5), payment(1)]
    assert check_inclusion(shown_at(1, *early), block(*early), BIP34_HEIGHT - 1)
    with pytest.raises(ProvenLie, match="height"):
        check_inclusion(shown_at(1, *early), block(*early), BIP34_HEIGHT)
    bare = replace(coinbase(), inputs=(Input(None, b"", (), 0),))
    with pytest.raises(ProvenLie, match="height"):
        check_inclusion(shown_at(0, bare), block(bare), BIP34_HEIGHT)


def test_bytes_that_are_no_transaction_are_refused() -> None:
    """A cut or lengthened transaction or coinbase is malformed, and one with absurd lengths."""
    proof = BTC_WITNESS.inclusion
    for bent in (
        replace(proof, raw=proof.raw[:-1]),
        replace(proof, raw=proof.raw + b"\x00"),
        replace(proof, raw=b""),
        replace(proof, coinbase=proof.coinbase[:-1]),
        replace(proof, coinbase=b""),
        replace(proof, raw=proof.raw[:41] + b"\xff" * 9 + proof.raw[42:]),
        replace(proof, raw=proof.raw[:4] + b"\xff" * 9 + proof.raw[5:]),
        replace(proof, raw=proof.raw[:4] + b"\x02" + proof.raw[5:41] + b"\xff" * 9 + bytes(99)),
    ):
        with pytest.raises(UpstreamMalformed):
            check_inclusion(bent, BTC_WITNESS.parsed, BTC_WITNESS.height)


def test_a_witness_is_no_part_of_a_proof() -> None:
    """No header binds a witness to its transaction, so a proof that carries one is refused."""
    signed = Transaction(
        (Input(Outpoint("ab" * 32, 0), witness=(b"signature",)),), (Output(1, b"\x51" * 25),)
    )
    transactions = [coinbase(), signed]
    proof = shown_at(1, *transactions)
    assert without_witness(signed.raw) == signed.stripped == without_witness(signed.stripped)
    assert check_inclusion(proof, block(*transactions), HEIGHT).txid == signed.txid
    with pytest.raises(UpstreamMalformed, match="witness"):
        check_inclusion(replace(proof, raw=signed.raw), block(*transactions), HEIGHT)
