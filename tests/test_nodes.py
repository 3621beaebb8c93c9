"""The harness of real nodes is itself right: what it calls the truth is what the nodes say."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .nodes import install
from .nodes.bitcoin import AddressKind, Bitcoin
from .nodes.ethereum import Ethereum
from .nodes.jsonrpc import RpcError
from .nodes.process import Process, free_ports, wait_until
from .nodes.truth import Touch, balance, received

if TYPE_CHECKING:
    from collections.abc import Collection

    from .nodes.electrumx import ElectrumX
    from .nodes.utxo import UtxoNode

ETHER = 10**18


@pytest.fixture(params=["bitcoin", "bitcoin_cash"])
def coin(request: pytest.FixtureRequest) -> str:
    """Each of the two coins in turn."""
    return str(request.param)


@pytest.fixture
def node(coin: str, request: pytest.FixtureRequest) -> UtxoNode:
    """The node of the coin."""
    found: UtxoNode = request.getfixturevalue(coin)
    return found


@pytest.fixture
def electrum(coin: str, request: pytest.FixtureRequest) -> ElectrumX:
    """The Electrum server of the coin."""
    found: ElectrumX = request.getfixturevalue(f"{coin}_electrum")
    return found


def by_txid(node: UtxoNode, addresses: Collection[str]) -> dict[str, Touch]:
    return {touch.txid: touch for touch in node.touches(addresses)}


# -- installing and running --


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Node.js is told in one sentence which Debian package brings it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(install.MissingTool, match=r"^node is missing: .* package nodejs\.$"):
        install.node()


def test_a_failed_installation_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A component whose installation fails is absent afterwards, not half there."""
    monkeypatch.setenv("DONATIONS_TEST_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(install.MissingTool):
        install.anvil()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_program_that_ends_early_shows_its_last_words(tmp_path: Path) -> None:
    """Waiting for a program that has ended fails at once and quotes the end of its log."""
    process = Process("early", ["/bin/sh", "-c", "echo no such coin; exit 3"], tmp_path / "log")
    with pytest.raises(RuntimeError, match=r"early ended with 3; its log ends:\nno such coin"):
        process.wait_ready(lambda: False)


def test_programs_end_with_the_tests_that_started_them(tmp_path: Path) -> None:
    """A program ends even when the Python process that started it is killed."""
    code = (
        "import pathlib, sys, time\n"
        "from tests.nodes.process import Process\n"
        "process = Process('sleep', ['sleep', '600'], pathlib.Path(sys.argv[1]))\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        tests.send_signal(signal.SIGKILL)

    def ended() -> bool:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return True
        # A dead program stays listed as a zombie until its new parent takes note.
        return status.rpartition(")")[2].split()[0] == "Z"

    wait_until(ended, "the program ended")


def test_free_ports_are_different() -> None:
    """Ports asked for together never collide."""
    assert len(set(free_ports(50))) == 50


# -- Bitcoin and Bitcoin Cash --


def test_truth_follows_every_kind_of_payment(node: UtxoNode) -> None:
    """Gift, batch, change, move and coinbase net to what the node says each address holds."""
    first, second, third = (node.new_address() for _ in range(3))
    gift = node.send(first, 5_000_000)
    batch = node.send_many([(first, 60_001), (first, 60_000), (second, 70_000)])
    (block,) = node.mine()
    back = node.spend(node.outpoints(gift, first), [(node.donor_address(), 1_000_000)], first)
    move = node.spend(node.outpoints(batch, second), [], third)
    node.mine(1, third)

    watched = (first, second, third)
    found = by_txid(node, watched)
    assert found[gift].net == {first: 5_000_000}
    assert (found[gift].block, found[gift].own) == (block, False)
    assert found[batch].net == {first: 120_001, second: 70_000}
    assert found[back].net == {first: -1_002_000}
    assert found[move].net == {second: -70_000, third: 68_000}
    assert found[back].own
    assert found[move].own
    assert [touch.coinbase for touch in found.values()].count(True) == 1
    assert received(found.values(), first) == 5_120_001
    for address in watched:
        assert node.balance(address) == balance(found.values(), address)


def test_an_unconfirmed_parent_can_be_spent(node: UtxoNode) -> None:
    """A chain of two unconfirmed transactions is told parent first, both without a block."""
    first, second = node.new_address(), node.new_address()
    parent = node.send(first, 300_000)
    child = node.spend(node.outpoints(parent, first), [(second, 100_000)], first)
    found = node.touches([first, second])
    assert [touch.txid for touch in found] == [parent, child]
    assert {touch.block for touch in found} == {None}
    node.mine()


def test_a_double_spend_takes_the_gift_away(node: UtxoNode) -> None:
    """After a double spend the address holds nothing and no trace of the gift is left."""
    address = node.new_address()
    gift = node.send(address, 400_000)
    rival = node.double_spend(gift)
    assert node.touches([address]) == []
    node.mine()
    assert node.transaction(rival)["confirmations"] > 0
    assert gift not in node.mempool()


def test_a_reorg_brings_the_gift_back_to_the_mempool(node: UtxoNode) -> None:
    """An empty competing chain un-confirms a gift, which is mined again later."""
    address = node.new_address()
    gift = node.send(address, 500_000)
    node.mine(3)
    height = node.height()
    made = node.reorg(3, 4)
    assert (node.height(), node.tip()) == (height + 1, made[-1])
    assert by_txid(node, [address])[gift].block is None
    (block,) = node.mine()
    assert by_txid(node, [address])[gift].block == block


def test_a_reorg_can_mine_the_gift_again_at_its_height(node: UtxoNode) -> None:
    """The same transaction at the same height stands in another block afterwards."""
    address = node.new_address()
    gift = node.send(address, 500_000)
    node.mine()
    before = by_txid(node, [address])[gift]
    (block, _) = node.reorg(1, 2, [node.raw(gift)])
    after = by_txid(node, [address])[gift]
    assert (after.height, after.block) == (before.height, block)
    assert before.block != block


def test_a_competing_block_can_hold_several_transactions(node: UtxoNode) -> None:
    """A competing miner mines several gifts again in one block, whatever order they come in."""
    address = node.new_address()
    gifts = [node.send(address, 100_000 + number) for number in range(4)]
    gifts.sort(reverse=True)
    node.mine()
    (block, _) = node.reorg(1, 2, [node.raw(gift) for gift in gifts])
    found = by_txid(node, [address])
    assert set(found) == set(gifts)
    assert {touch.block for touch in found.values()} == {block}


def test_a_deep_reorg_can_erase_a_confirmed_gift(node: UtxoNode) -> None:
    """A competing chain of 25 blocks that holds a rival leaves nothing of the gift."""
    address, other = node.new_address(), node.new_address()
    gift, kept = node.send(address, 600_000), node.send(other, 700_000)
    node.mine(25)
    node.reorg(25, 26, [node.rival(gift)])
    assert gift not in node.mempool()
    assert list(by_txid(node, [address, other])) == [kept]
    node.mine()
    assert node.balance(address) == 0
    assert node.balance(other) == 700_000


def test_random_histories_close(node: UtxoNode, seed: int) -> None:
    """After any mix of gifts, payments, blocks and reorgs the truth equals the node's balances."""
    rng = random.Random(seed)
    watched = [node.new_address() for _ in range(3)]
    for _ in range(25):
        address, other = rng.choice(watched), rng.choice(watched)
        step = rng.choice(("send", "send", "batch", "pay", "mine", "reorg"))
        if step == "send":
            node.send(address, rng.randrange(10_000, 1_000_000))
        elif step == "batch":
            amounts = [rng.randrange(10_000, 1_000_000) for _ in range(2)]
            node.send_many([(address, amounts[0]), (other, amounts[1])])
        elif step == "pay":
            coins = node.coins(address)
            if sum(map(node.value, coins)) < 10_000:
                continue
            paid = rng.choice((other, node.donor_address()))
            node.spend(coins, [(paid, 3_000)], rng.choice((address, other)))
        elif step == "mine":
            node.mine(rng.randrange(1, 4))
        else:
            depth = rng.randrange(1, 5)
            node.reorg(depth, depth + rng.randrange(1, 3))
    node.mine()
    assert not node.mempool()
    found = node.touches(watched)
    assert {address: balance(found, address) for address in watched} == {
        address: node.balance(address) for address in watched
    }


def test_all_kinds_of_bitcoin_address_can_be_paid_and_spent(bitcoin: Bitcoin) -> None:
    """Legacy, P2SH, bech32 and taproot addresses of the author receive and pay."""
    addresses = [bitcoin.new_address(kind) for kind in AddressKind]
    bitcoin.send_many([(address, 100_000) for address in addresses])
    target = bitcoin.new_address()
    for address in addresses:
        bitcoin.pay(address, [(target, 50_000)], address)
    bitcoin.mine()
    assert [bitcoin.balance(address) for address in addresses] == [48_000] * 4
    assert bitcoin.balance(target) == 200_000


def test_a_bumped_fee_still_pays(bitcoin: Bitcoin) -> None:
    """A replacement by fee has another txid and brings the same amount."""
    address = bitcoin.new_address()
    gift = bitcoin.send(address, 800_000)
    bumped = bitcoin.bump_fee(gift)
    (touch,) = bitcoin.touches([address])
    assert (touch.txid, touch.net) == (bumped, {address: 800_000})
    assert bumped != gift
    bitcoin.mine()


def test_a_bitcoin_node_keeps_its_chain_over_a_restart(bitcoin: Bitcoin) -> None:
    """A stopped node comes back on the same port with the same tip and wallets."""
    tip = bitcoin.tip()
    bitcoin.stop()
    bitcoin.start()
    assert bitcoin.tip() == tip
    bitcoin.send(bitcoin.new_address(), 10_000)
    bitcoin.mine()


# -- Electrum servers --


def test_the_electrum_server_follows_its_node(node: UtxoNode, electrum: ElectrumX) -> None:
    """In the mempool, in a block and after a reorg the server lists what the truth lists."""
    address = node.new_address()
    script = node.script(address)

    def agrees() -> bool:
        truth = {touch.txid: touch.height or 0 for touch in node.touches([address])}
        return electrum.tip() == node.tip() and electrum.history(script) == truth

    gift = node.send(address, 900_000)
    electrum.wait_listed(gift, script)
    node.mine(2)
    wait_until(agrees, "the same after the block")
    node.reorg(2, 3)
    wait_until(agrees, "the same after the reorg")
    node.mine()
    electrum.wait_tip(node.tip())
    assert electrum.history(script) == {gift: node.height()}


def test_an_electrum_server_can_fall_and_change_its_certificate(
    bitcoin: Bitcoin, bitcoin_electrum: ElectrumX
) -> None:
    """A killed server comes back with its index; a renewed one shows another certificate."""
    bitcoin_electrum.kill()
    bitcoin_electrum.start()
    before = bitcoin_electrum.certificate.read_bytes()
    bitcoin_electrum.replace_certificate()
    assert bitcoin_electrum.certificate.read_bytes() != before
    bitcoin_electrum.wait_tip(bitcoin.tip())


# -- Ethereum --


def test_ethereum_flows_close_to_the_wei(ethereum: Ethereum) -> None:
    """Direct, internal and self-destructed payments, own sends and fees explain every balance."""
    address = ethereum.new_address()
    ethereum.splitter()
    start = ethereum.height()
    ethereum.send(address, ETHER)
    internal = ethereum.send_internal([(address, 7), (ethereum.new_address(), 5), (address, 9)])
    ethereum.send_by_selfdestruct(address, 11)
    failed = ethereum.fail_internal([(address, 13)])
    ethereum.impersonate(address)
    ethereum.send(ethereum.new_address(), 3, address)
    ethereum.send(address, 4, address)
    ethereum.send_internal([(address, 1), (ethereum.accounts[1], 2)], address)

    flows = ethereum.flows(address, start)
    assert [flow.direct for flow in flows] == [ETHER, 0, 0, 0, 4, 0]
    assert [flow.internal for flow in flows] == [0, 16, 11, 0, 0, 1]
    assert [flow.own for flow in flows] == [False, False, False, True, True, True]
    assert flows[1].txid == internal
    assert ethereum.receipt(failed)["status"] == "0x0"
    total = 0
    balances = ethereum.balances(address, start)
    for height, held in enumerate(balances, start):
        total += sum(flow.net for flow in flows if flow.height == height)
        assert held == total


def test_several_internal_payments_share_a_block(ethereum: Ethereum) -> None:
    """With automatic mining off, contract calls of three senders end up in one block."""
    address = ethereum.new_address()
    ethereum.splitter()
    ethereum.automine(False)
    try:
        for number, sender in enumerate(ethereum.accounts[1:4], 1):
            ethereum.send_internal([(address, number)], sender)
        ethereum.mine()
    finally:
        ethereum.automine(True)
    flows = ethereum.flows(address, ethereum.height())
    assert sorted(flow.internal for flow in flows) == [1, 2, 3]


def test_a_replacement_of_the_same_nonce_wins(ethereum: Ethereum) -> None:
    """The replaced Ethereum transaction is never mined and brings nothing."""
    address = ethereum.new_address()
    ethereum.automine(False)
    try:
        gift = ethereum.send(address, 5, ethereum.accounts[5])
        rival = ethereum.replace(gift, ethereum.accounts[5], 0)
        ethereum.mine()
    finally:
        ethereum.automine(True)
    assert ethereum.receipt(gift) is None
    assert ethereum.receipt(rival)["status"] == "0x1"
    assert ethereum.balance(address) == 0


def test_income_without_a_transaction_stands_in_its_block(ethereum: Ethereum) -> None:
    """A credit and a proposer's fee raise the balance in a new block though nobody paid."""
    address = ethereum.new_address()
    before = ethereum.height()
    ethereum.credit(address, 1_000)
    ethereum.set_proposer(address)
    try:
        ethereum.send(ethereum.new_address(), 1)
    finally:
        ethereum.set_proposer("0x" + "00" * 20)
    none, credited, earned = ethereum.balances(address, before)
    assert (none, credited) == (0, 1_000)
    assert earned > credited
    assert ethereum.flows(address, before + 1) == []


def test_an_ethereum_reorg_changes_hashes_and_forgets(ethereum: Ethereum) -> None:
    """A reorg drops a payment, may include another, and keeps the height."""
    address = ethereum.new_address()
    ethereum.mine(5)
    gift = ethereum.send(address, 10)
    ethereum.mine(2)
    height, old = ethereum.height(), ethereum.block("latest")["hash"]
    other = {"from": ethereum.accounts[6], "to": address, "value": hex(9)}
    ethereum.reorg(4, [(other, 1)])
    assert ethereum.height() == height
    assert ethereum.block(height)["hash"] != old
    assert ethereum.receipt(gift) is None
    assert ethereum.balances(address, height - 3) == [0, 9, 9, 9]


def test_finality_lags_by_two_epochs(ethereum: Ethereum) -> None:
    """With two slots an epoch the finalized block is four behind the head."""
    ethereum.mine(10)
    assert ethereum.finalized() == ethereum.height() - 4


def test_old_states_can_be_forgotten(tmp_path: Path) -> None:
    """A node that keeps few states refuses balances of older blocks but still serves blocks."""
    node = Ethereum(tmp_path, keep_states=5)
    try:
        address = node.new_address()
        node.send(address, 5)
        node.mine(40)
        assert node.balance(address, node.height() - 3) == 5
        with pytest.raises(RpcError):
            node.balance(address, 1)
        assert node.block(1)["number"] == "0x1"
    finally:
        node.stop()


def test_a_token_logs_what_it_moves(ethereum: Ethereum) -> None:
    """One transaction with two transfers logs two events, whose sum is the balance."""
    address, token = ethereum.new_address(), ethereum.token()
    txid = token.transfer([(address, 5), (address, 6), (ethereum.accounts[1], 1)])
    logs = ethereum.receipt(txid)["logs"]
    assert [int(log["data"], 16) for log in logs] == [5, 6, 1]
    assert token.balance(address) == 11
    with pytest.raises(RuntimeError):
        token.transfer([(address, 1)], ethereum.accounts[2])
