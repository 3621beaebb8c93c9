"""Ethereum's headers, transactions, receipts and accounts, as real chains hold them."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from donations.errors import (
    BadObservation,
    DonationsError,
    ProvenLie,
    Unprovable,
    UpstreamMalformed,
)
from donations.proof.account import ProvenAccount, account_at, slot_at
from donations.proof.ethereum_header import header_of, parse_ethereum_header
from donations.proof.ethereum_inclusion import WholeBlock, check_ethereum_inclusion
from donations.proof.ethereum_transaction import (
    encode_receipt,
    encode_transaction,
    encode_withdrawal,
    keyed,
    parse_ethereum_transaction,
    parse_receipt,
    parse_withdrawal,
)
from donations.proof.trie import Trie
from tests.proof.ethereum import OURS, RECORDED, octets, world

HEADERS: dict[str, Any] = RECORDED["headers"]
CANCUN = "Cancun, mainnet 22130747"


@pytest.mark.parametrize("name", HEADERS)
def test_real_headers_are_recomputed(name: str) -> None:
    """A header of each fork's shape has the hash it is known by, and reads back from its RLP."""
    header = header_of(HEADERS[name])
    assert header.hash == HEADERS[name]["hash"]
    assert parse_ethereum_header(header.raw) == header
    fields = rlp.decode(header.raw)
    assert fields[0] == bytes.fromhex(header.parent[2:])
    assert header.number == int(name.rpartition(" ")[2])


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_with_any_field_bent_is_not_recomputed(name: str) -> None:
    """One digit of any field that a hash commits to, or a field left out, and nothing follows."""
    for field, text in HEADERS[name].items():
        if field in ("hash", "withdrawals"):
            continue
        last = "1" if text[-1] != "1" else "2"
        for bent in (text[:-1] + last, None, text + "00", text[:-2]):
            with pytest.raises((Unprovable, UpstreamMalformed)):
                header_of({**HEADERS[name], field: bent})


def test_a_later_fork_is_no_lie() -> None:
    """A header to which an unknown fork appended a field cannot be recomputed: nobody is accused.

    Its RLP, where it is at hand, is read all the same: the hash covers the new field too.
    """
    name = next(name for name in HEADERS if name.startswith("Amsterdam"))
    fields = [*rlp.decode(header_of(HEADERS[name]).raw), b"\x07"]
    raw = rlp.encode(fields)
    told = {**HEADERS[name], "newField": "0x7", "hash": "0x" + keccak(raw).hex()}
    with pytest.raises(Unprovable, match="newer fork"):
        header_of(told)
    assert parse_ethereum_header(raw).hash == told["hash"]
    without = {k: v for k, v in HEADERS[name].items() if k != "blobGasUsed"}
    with pytest.raises(Unprovable, match="no fork"):
        header_of(without)


def test_headers_of_other_forms_are_refused() -> None:
    """Too few fields, a field of another size, a number with leading zeros: no header."""
    fields = rlp.decode(header_of(HEADERS[CANCUN]).raw)
    for at, bent in ((0, b"\x01" * 31), (2, b"\x01" * 21), (6, b""), (8, b"\x00\x01"), (16, b"1")):
        with pytest.raises(UpstreamMalformed):
            parse_ethereum_header(rlp.encode([*fields[:at], bent, *fields[at + 1 :]]))
    others: list[Any] = [fields[:14], [*fields, *[b""] * 60], [*fields[:3], [b""], *fields[4:]]]
    for other in others:
        with pytest.raises(UpstreamMalformed):
            parse_ethereum_header(rlp.encode(other))


def test_withdrawals_of_mainnet_have_their_root() -> None:
    """The 16 withdrawals of a mainnet block lead to the root in its header."""
    told = HEADERS[CANCUN]["withdrawals"]
    raws = [encode_withdrawal(each) for each in told]
    assert Trie(keyed(raws)).root == header_of(HEADERS[CANCUN]).withdrawals_root
    assert [parse_withdrawal(raw) for raw in raws] == [
        (each["address"], int(each["amount"], 16)) for each in told
    ]


@pytest.mark.parametrize("told", RECORDED["transactions"], ids=lambda told: f"type {told['type']}")
def test_transactions_of_every_type_are_encoded(told: Any) -> None:
    """A recorded transaction of each type is encoded to its hash, and reads back.

    So does eth-account's own codec, for the types that have an envelope.
    """
    raw = encode_transaction(told)
    found = parse_ethereum_transaction(raw)
    assert found.hash == told["hash"] == "0x" + keccak(raw).hex()
    assert (found.kind, found.nonce, found.to, found.value) == (
        int(told["type"], 16),
        int(told["nonce"], 16),
        told["to"],
        int(told["value"], 16),
    )
    if found.kind:
        theirs = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        assert (theirs["nonce"], theirs["value"]) == (found.nonce, found.value)
        assert "0x" + theirs["to"].hex() == found.to


@pytest.mark.parametrize("told", RECORDED["transactions"], ids=lambda told: f"type {told['type']}")
def test_bent_transactions_have_no_hash(told: Any) -> None:
    """A transaction whose fields do not lead to its hash is not encoded, whatever was bent."""
    unread = {"from", "type", "yParity"} | ({"gasPrice"} if "maxFeePerGas" in told else set())
    unread |= {"chainId"} if told["type"] == "0x0" else {"v"}
    for field in told.keys() - unread:
        for bent in (OURS, None, "0x", "0x00", "0x1234", [], [None]):
            if bent != told[field]:
                with pytest.raises((Unprovable, UpstreamMalformed)):
                    encode_transaction({**told, field: bent})
    with pytest.raises(Unprovable, match="unknown type 5"):
        encode_transaction({**told, "type": "0x5"})
    others: list[Any] = [None, [], "0x", 7]
    for nothing in others:
        with pytest.raises(UpstreamMalformed):
            encode_transaction(nothing)


def test_endpoints_that_pad_signatures_are_read() -> None:
    """A signature with leading zeros, or v without yParity, as some endpoints write them."""
    told = dict(RECORDED["transactions"][2])
    del told["yParity"]
    told["r"] = "0x" + told["r"][2:].rjust(64, "0")
    assert encode_transaction(told) == encode_transaction(RECORDED["transactions"][2])


@pytest.mark.parametrize("each", RECORDED["blocks"], ids=lambda each: each["block"]["number"])
def test_recorded_blocks_are_whole(each: Any) -> None:
    """The transactions and receipts of recorded blocks have the roots that their headers hold.

    Each is proven by its branch. The first block is of the time when receipts told no success.
    """
    header = header_of(each["block"])
    whole = WholeBlock(header, each["block"], each["receipts"])
    early = "root" in each["receipts"][0]
    for n, told in enumerate(each["block"]["transactions"]):
        if early:
            with pytest.raises(Unprovable, match="Byzantium"):
                check_ethereum_inclusion(whole.inclusion(n), header)
            continue
        transaction, receipt = check_ethereum_inclusion(whole.inclusion(n), header)
        assert transaction.hash == told["hash"]
        assert receipt.succeeded == (each["receipts"][n]["status"] == "0x1")
        assert len(receipt.logs) == len(each["receipts"][n]["logs"])


def test_a_whole_block_of_any_size_is_proven() -> None:
    """The simulated world's transactions of all types, up to 130 in a block, have their proofs.

    It shares no code with what is tested here.
    """
    there = world()
    chain = there.chain
    for size in (0, 1, 2, 15, 16, 17, 127, 128, 130):
        for n in range(size):
            chain.pay(chain.stranger(), 1, envelope=n % 3)
        if size > 2:
            giver = chain.donor()
            chain.pay(giver, 10**18, envelope=1)
            chain.send(giver, 1, blobs=2)
            chain.delegate(chain.donor(), chain.stranger(), own=True)
            chain.token(chain.stranger(), chain.stranger(), 5)
        (block,) = chain.mine()
        whole = there.whole(block)
        for n, done in enumerate(block.executed):
            inclusion = whole.inclusion(n)
            transaction, receipt = check_ethereum_inclusion(inclusion, whole.header)
            assert transaction.hash == done.payment.hash
            assert (transaction.kind, transaction.nonce, transaction.to, transaction.value) == (
                done.payment.kind,
                done.payment.nonce,
                done.payment.to,
                done.payment.value,
            )
            assert receipt.succeeded is not done.payment.failed
            assert [log.address for log in receipt.logs] == [log.address for log in done.logs]


def test_a_block_that_denies_itself_is_a_lie() -> None:
    """Transactions or withdrawals that the told header denies convict the endpoint.

    Receipts do not: how they are written differs between endpoints.
    """
    there = world()
    header = there.header(there.block)
    full = there.block.listed(full=True)
    receipts = [there.block.receipt(n) for n in range(len(there.block.executed))]
    assert WholeBlock(header, full, receipts)
    first, *rest = full["transactions"]
    for lie in (rest, [*rest, first], [first, first, *rest]):
        with pytest.raises(ProvenLie, match="denies its transactions") as caught:
            WholeBlock(header, {**full, "transactions": lie}, receipts)
        assert header.hash in caught.value.evidence
    bent = {**full, "withdrawals": full["withdrawals"][1:]}
    with pytest.raises(ProvenLie, match="denies its withdrawals"):
        WholeBlock(header, bent, receipts)
    for other in (
        receipts[1:],
        [{**receipts[0], "status": "0x0"}, *receipts[1:]],
        [receipts[1], receipts[0], *receipts[2:]],
    ):
        with pytest.raises(BadObservation, match="receipts") as refused:
            WholeBlock(header, full, other)
        assert not isinstance(refused.value, ProvenLie)
    with pytest.raises(UpstreamMalformed):
        WholeBlock(header, full, None)
    with pytest.raises(UpstreamMalformed):
        WholeBlock(header, {**full, "transactions": None}, receipts)


def test_a_recorded_account_and_its_slot_are_proven() -> None:
    """The recorded account has the balance, nonce and slot that its proof shows, and no other."""
    told = RECORDED["proof"]
    root = header_of(RECORDED["blocks"][1]["block"]).state_root
    nodes = octets(told["accountProof"])
    account = account_at(root, told["address"], nodes)
    assert (account.balance, account.nonce) == (int(told["balance"], 16), int(told["nonce"], 16))
    assert account.code_hash.hex() == told["codeHash"][2:]
    (slot,) = told["storageProof"]
    shown = octets(slot["proof"])
    assert slot_at(account.storage_root, 0, shown) == int(slot["value"], 16)
    for wrong in (OURS, "0x" + "00" * 20):
        with pytest.raises(DonationsError):
            account_at(root, wrong, nodes)
    with pytest.raises(DonationsError):
        slot_at(account.storage_root, 1, shown)
    with pytest.raises(DonationsError):
        slot_at(root, 0, shown)


def test_accounts_of_the_simulated_world_are_proven() -> None:
    """In each block of a life, on either side of a reorg, the proof shows the account.

    One that has nothing yet, or nothing any more, is proven not to be there.
    """
    there = world()
    chain = there.chain
    stranger = chain.stranger()
    chain.pay(stranger, 5)
    chain.mine()
    chain.sweep_inside(stranger, 5)
    chain.mine()
    left = chain.tip
    chain.reorg(1, keep=())
    for block in (*chain.best, left):
        for address in (OURS, stranger, USED):
            account = account_at(
                there.header(block).state_root, address, there.nodes(block, address)
            )
            expected = chain.account(address, block)
            assert (account.balance, account.nonce) == (expected.balance, expected.nonce)
    assert chain.balance(stranger, left) == 0
    root = there.header(left).state_root
    assert account_at(root, stranger, there.nodes(left, stranger)) == ProvenAccount()


USED = "0x1111111111111111111111111111111111111111"


def test_receipts_of_other_forms_are_refused() -> None:
    """A receipt of another type than its transaction, or with a status that is none."""
    told = RECORDED["blocks"][1]["receipts"][0]
    raw = encode_receipt(told)
    assert parse_receipt(raw, 0)
    with pytest.raises(UpstreamMalformed, match="type"):
        parse_receipt(raw, 2)
    with pytest.raises(Unprovable):
        parse_receipt(b"\x05" + raw, 5)
    fields = rlp.decode(raw)
    for bent in (
        [b"\x02", *fields[1:]],
        [b"\x00", *fields[1:]],
        [fields[0], b"\x00\x01", *fields[2:]],
        [*fields[:2], b"", fields[3]],
        [*fields[:3], [[b"short", [], b""]]],
        [*fields[:3], [[b"\x01" * 20, [b"\x01" * 31], b""]]],
        [*fields[:3], [[b"\x01" * 20, [b"\x01" * 32] * 5, b""]]],
        fields[:3],
    ):
        with pytest.raises(UpstreamMalformed):
            parse_receipt(rlp.encode(bent), 0)
    with pytest.raises(UpstreamMalformed):
        parse_receipt(b"", 0)
    with pytest.raises(Unprovable):
        encode_receipt({**told, "type": "0x7f"})
