"""The simulated Ethereum chain and its endpoint: books that balance, and forms that web3 reads."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3

from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.ethereum_payment import ETHER, TRANSFER_TOPIC, rlp, word
from donations.demo.oracle import Kind, balance, eth_facts, received
from tests.demo.clients import http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OURS = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"
USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"


@pytest.fixture
def chain() -> EthereumChain:
    """A young chain with fixed times."""
    return EthereumChain(start=1_700_000_000)


@contextlib.asynccontextmanager
async def web3_on(server: EthereumServer) -> AsyncIterator[Any]:
    """web3 as it comes, connected to a server."""
    async with server:
        provider = AsyncHTTPProvider(server.url)
        try:
            yield AsyncWeb3(provider)
        finally:
            await provider.disconnect()


def eventful(chain: EthereumChain) -> None:
    """Six blocks with everything that can happen to an address."""
    chain.pay(OURS, ETHER)
    chain.pay_inside(OURS, 5, 6)
    chain.pay_inside(OURS, 7, creation=True)
    chain.pay(OURS, 99, failed=True)
    chain.token(USDC, OURS, 1_000_000, 5)
    chain.withdraw(OURS, 12_345)
    chain.mine(proposer=OURS)
    chain.send(OURS, 10**15, blobs=2)
    chain.send(OURS, 10**15, back=500)
    chain.send(OURS, 10**15, failed=True)
    chain.create(OURS, 1)
    chain.mine()
    chain.delegate(OURS, chain.stranger())
    chain.mine()
    chain.sweep_inside(OURS, 4)
    chain.mine()
    chain.delegate(OURS)
    chain.mine()
    chain.delegate(OURS, chain.stranger(), own=True)
    chain.mine()


def test_web3_reads_every_block_and_receipt(chain: EthereumChain) -> None:
    """web3's own formatters take each block, transaction, receipt and log without complaint."""
    eventful(chain)

    async def scene() -> None:
        async with web3_on(EthereumServer(chain)) as w3:
            assert await w3.eth.chain_id == 1
            assert await w3.net.version == "1"
            assert await w3.eth.block_number == chain.height == 106
            for expected in chain.best[-7:]:
                block = await w3.eth.get_block(expected.number, True)
                again = await w3.eth.get_block(expected.hash)
                assert block.hash.to_0x_hex() == expected.hash == again.hash.to_0x_hex()
                assert [each.hash for each in block.transactions] == again.transactions
                receipts = await w3.eth.get_block_receipts(expected.number)
                assert [each.transactionHash for each in receipts] == again.transactions
                for each in receipts:
                    assert each.blockHash == block.hash
                    assert await w3.eth.get_transaction_receipt(each.transactionHash) == each
                    found = await w3.eth.get_transaction(each.transactionHash)
                    assert found.hash == each.transactionHash
            (withdrawal,) = (await w3.eth.get_block(101)).withdrawals
            assert withdrawal.amount == 12_345

    asyncio.run(scene())


def test_web3_reads_state_by_number_tag_and_hash(chain: EthereumChain) -> None:
    """Balance, nonce and code are those after the named block, whichever way it is named."""
    eventful(chain)

    async def scene() -> None:
        async with web3_on(EthereumServer(chain)) as w3:
            for block in chain.best[-7:]:
                account = chain.account(OURS, block)
                for name in (block.number, block.hash):
                    assert await w3.eth.get_balance(OURS, name) == account.balance
                    assert await w3.eth.get_transaction_count(OURS, name) == account.nonce
                    assert bytes(await w3.eth.get_code(OURS, name)) == account.code
            assert await w3.eth.get_balance(OURS, "finalized") == 0
            assert (await w3.eth.get_block("finalized")).number == chain.height - 64
            assert (await w3.eth.get_block("safe")).number == chain.height - 32

    asyncio.run(scene())


def test_web3_finds_token_transfers(chain: EthereumChain) -> None:
    """eth_getLogs filters by contract, topics, range and block hash, and balanceOf agrees."""
    eventful(chain)
    chain.token(chain.stranger(), OURS, 77)
    chain.token(USDC, chain.stranger(), 78)
    chain.mine()

    async def scene() -> None:
        async with web3_on(EthereumServer(chain)) as w3:
            wanted: dict[str, Any] = {
                "address": [USDC],
                "topics": [TRANSFER_TOPIC, None, word(int(OURS, 16))],
            }
            logs = await w3.eth.get_logs({**wanted, "fromBlock": 95, "toBlock": "latest"})
            assert [int.from_bytes(each.data, "big") for each in logs] == [1_000_000, 5]
            assert [each.logIndex for each in logs] == [0, 1]
            by_hash = await w3.eth.get_logs({**wanted, "blockHash": chain.best[101].hash})
            assert by_hash == logs
            data = "0x70a08231" + word(int(OURS, 16))[2:]
            held = await w3.eth.call({"to": USDC, "data": data})
            assert int.from_bytes(held, "big") == 1_000_005

    asyncio.run(scene())


def test_rlp_as_documented() -> None:
    """The yellow paper's appendix B, with the examples of ethereum.org's page on RLP."""
    assert rlp(b"dog").hex() == "83646f67"
    assert rlp([b"cat", b"dog"]).hex() == "c88363617483646f67"
    assert rlp([]).hex() == "c0"
    assert rlp(0).hex() == "80"
    assert rlp(1024).hex() == "820400"
    assert rlp(b"\x0f").hex() == "0f"
    assert rlp(bytes(56)).hex() == "b838" + "00" * 56


def test_an_unknown_hash_is_an_error(chain: EthereumChain) -> None:
    """State at an unknown block hash is refused; only a forgiving back end takes it for latest."""

    async def scene() -> None:
        async with EthereumServer(chain) as server, http(server.url) as client:
            for name in (word(1), {"blockHash": word(1)}):
                answer = await client.envelope("eth_getBalance", OURS, name)
                assert answer["error"]["message"] == "header not found"
            assert await client.call("eth_getBlockByHash", word(1), False) is None
            server.view.forgiving = True
            assert await client.call("eth_getBalance", OURS, word(1)) == "0x0"

    asyncio.run(scene())


def test_old_state_is_forgotten_on_request(chain: EthereumChain) -> None:
    """With ``states`` set only that many blocks have state; headers and receipts stay."""

    async def scene() -> None:
        async with EthereumServer(chain) as server, http(server.url) as client:
            server.view.states = 10
            first = chain.height - 9
            assert await client.call("eth_getBalance", OURS, hex(first)) == "0x0"
            answer = await client.envelope("eth_getBalance", OURS, hex(first - 1))
            assert answer["error"]["message"].startswith("missing trie node")
            assert (await client.call("eth_getBlockByNumber", hex(5), False))["number"] == "0x5"

    asyncio.run(scene())


def test_limits_are_told_like_real_endpoints_do(chain: EthereumChain) -> None:
    """Too long a batch, too wide a range and a missing method are errors; counts are kept."""

    async def scene() -> None:
        async with EthereumServer(chain) as server, http(server.url) as client:
            server.view.logs_range = 10
            answer = await client.envelope("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0xa"})
            assert answer["error"]["code"] == -32005
            assert await client.call("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0xa"}) == []
            server.missing = {"eth_getBlockReceipts"}
            answer = await client.envelope("eth_getBlockReceipts", "latest")
            assert answer["error"]["code"] == -32601
            calls = [{"id": each, "method": "eth_chainId", "params": []} for each in range(3)]
            assert {each["id"] for each in await client.post(calls)} == {0, 1, 2}
            server.batch_limit = 2
            (refusal,) = await client.post(calls)
            assert refusal["error"]["message"] == "batch too large"
            assert server.requests["eth_chainId"] == 6
            assert server.posts == 5

    asyncio.run(scene())


def test_endpoints_differ_in_what_they_know(chain: EthereumChain) -> None:
    """An endpoint may lag, stand still on a lost branch, waver, or be of another chain."""

    async def scene() -> None:
        async with EthereumServer(chain) as server, http(server.url) as client:
            server.view.lag = 3
            assert await client.call("eth_blockNumber") == hex(chain.height - 3)
            assert await client.call("eth_getBlockByNumber", hex(chain.height), False) is None
            server.view.lag = 0
            lost = chain.tip
            server.view.freeze()
            chain.pay(OURS, 5)
            chain.reorg(1)
            chain.mine()
            latest = await client.call("eth_getBlockByNumber", "latest", False)
            assert latest["hash"] == lost.hash
            assert await client.call("eth_getBalance", OURS, "latest") == "0x0"
            server.view.thaw()
            server.view.lags = (0, 2)
            seen = {await client.call("eth_blockNumber") for _ in range(4)}
            assert seen == {hex(chain.height), hex(chain.height - 2)}
            server.chain_id = 5
            assert await client.call("eth_chainId") == "0x5"

    asyncio.run(scene())


def test_lost_blocks_keep_their_state(chain: EthereumChain) -> None:
    """State is found by hash on a branch that is no longer the best one."""
    chain.pay(OURS, 7)
    lost = chain.mine()[0]
    chain.reorg(1, keep=())
    assert chain.balance(OURS) == 0
    assert chain.balance(OURS, lost) == 7
    chain.activate(lost.hash)
    assert chain.balance(OURS) == 7


def test_reorg_can_keep_drop_and_double(chain: EthereumChain) -> None:
    """What is kept is mined again, what is dropped is gone, what is doubled loses its nonce."""
    kept, dropped, doubled, waiting = (chain.pay(OURS, each) for each in (1, 2, 4, 8))
    chain.mine(2)
    chain.reorg(2, keep=[kept], drop=[dropped], conflict=[doubled])
    assert chain.location[kept][0] == 101
    assert dropped not in chain.pending
    assert chain.account(chain.transactions[doubled].sender).nonce == 1
    assert chain.balance(OURS) == 1
    chain.mine()
    assert waiting in chain.location
    assert doubled not in chain.location
    assert chain.balance(OURS) == 9


def test_a_reorg_can_swap_payments(chain: EthereumChain) -> None:
    """A waiting payment can take the place of a dropped one, at the same height."""
    first = chain.pay(OURS, 5)
    chain.mine()
    second = chain.pay(OURS, 5)
    chain.reorg(1, blocks=1, keep=[second], drop=[first])
    assert chain.height == 101
    assert [each.key for each in eth_facts(chain, [OURS])] == [second]


def test_facts_tell_every_wei(chain: EthereumChain) -> None:
    """Each way money comes or goes is a fact of its own kind, and they sum to the balance."""
    eventful(chain)
    facts = eth_facts(chain, [OURS], [USDC])
    assert balance(facts, OURS) == chain.balance(OURS)
    assert received(facts, OURS, chain.height) == ETHER + 18
    by_kind = {kind: [each for each in facts if each.kind is kind] for kind in Kind}
    assert [each.net for each in by_kind[Kind.INTERNAL]] == [18, 500, -4]
    assert [each.own for each in by_kind[Kind.INTERNAL]] == [False, True, False]
    assert [each.net for each in by_kind[Kind.WITHDRAWAL]] == [12_345 * 10**9]
    assert by_kind[Kind.FEES]
    assert [each.net for each in by_kind[Kind.TOKEN]] == [1_000_000, 5]
    assert [each.key.split(":")[1] for each in by_kind[Kind.TOKEN]] == ["0", "1"]


@pytest.mark.parametrize("seed", range(10))
def test_books_balance_in_random_lives(seed: int) -> None:
    """After any sequence of events the facts sum to the balance, in every block."""
    rng = random.Random(seed)
    chain = EthereumChain(seed, start=1_700_000_000)
    branches = [chain.tip.hash]
    for _ in range(80):
        match rng.randrange(10):
            case 0 | 1:
                chain.pay(OURS, rng.randrange(ETHER), failed=rng.random() < 0.2)
            case 2:
                chain.pay_inside(OURS, rng.randrange(ETHER), creation=rng.random() < 0.3)
            case 3 if chain.balance(OURS) > ETHER // 2:
                chain.send(OURS, ETHER // 10, back=rng.choice((0, 1_000)))
            case 4:
                chain.withdraw(OURS, rng.randrange(10**7))
            case 5:
                chain.reorg(rng.randint(1, 5), keep=rng.choice((None, ())), drop=_some(rng, chain))
            case 6:
                branches.append(chain.tip.hash)
                chain.activate(rng.choice(branches))
            case _:
                chain.mine(proposer=rng.choice((OURS, None)))
        assert balance(eth_facts(chain, [OURS]), OURS) == chain.balance(OURS)
        assert set(chain.location) == {
            each.payment.hash for block in chain.best for each in block.executed
        }


def _some(rng: random.Random, chain: EthereumChain) -> list[str]:
    # A dropped own payment would leave a gap in our nonces, and later ones waiting for ever.
    recent = [each for each in chain.location if chain.transactions[each].sender != OURS.lower()]
    return rng.sample(recent, min(2, len(recent)))
