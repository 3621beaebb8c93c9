"""What only the Ethereum source has to keep: its cost, its gaps, its tokens, accounts with code."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from donations.chains.base import Network, Token
from donations.demo import faults
from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.errors import BadObservation, UpstreamError, UpstreamUnavailable
from donations.ledger import Key, Kind, Observation
from donations.sources.base import Ask, Failure
from donations.sources.ethereum import EthereumSource
from tests.running import scene
from tests.sources.kinds import ADDRESSES, FINAL_LAG, START, TOKEN, look

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

OURS = ADDRESSES[0]
ETH = Key("eth", OURS, "ETH")
USDX = Key("eth", OURS, TOKEN.symbol)
ETHER = 10**18


@asynccontextmanager
async def endpoint(
    addresses: Sequence[str] = (OURS,), tokens: Sequence[Token] = (TOKEN,), **how: Any
) -> AsyncIterator[tuple[EthereumChain, EthereumServer, EthereumSource]]:
    """A chain, one endpoint over it, and a source."""
    chain = EthereumChain(start=START, final_lag=FINAL_LAG, **how)
    async with EthereumServer(chain) as server:
        source = EthereumSource(
            server.url,
            "someone",
            network=Network("mainnet", chain_id=1),
            addresses=addresses,
            tokens=tokens,
        )
        try:
            yield chain, server, source
        finally:
            await source.close()


def kinds(observation: Observation) -> list[tuple[Kind, int]]:
    """What came and went, without names."""
    return [(t.kind, t.net) for t in observation.transactions]


@scene
async def test_a_poll_at_rest_takes_four_requests_for_all_addresses() -> None:
    """With a new block and no news, 20 addresses with two tokens each take at most 4 HTTP
    requests, and as many when there is no new block either."""
    addresses = [f"0x{n:040x}" for n in range(2**80, 2**80 + 20)]
    other = Token("USDY", "0x3333333333333333333333333333333333333333", 6)
    keys = [Key("eth", a, s) for a in addresses for s in ("ETH", "USDX", "USDY")]
    async with endpoint(addresses, (TOKEN, other)) as (chain, server, source):
        told = await look(source, *(Ask(key, 0) for key in keys))
        for blocks in (1, 5, 0):
            chain.mine(blocks)
            asks = [Ask(o.key, o.final_height + 1, checkpoint=o.checkpoint) for o in told]
            server.posts = 0
            told = await look(source, *asks)
            assert {o.tip.height for o in told} == {chain.height}
            assert server.posts <= 4, f"after {blocks} blocks"


@pytest.mark.parametrize("status", [None, 400, 413, 500])
@scene
async def test_small_batches_do_not_change_the_truth(status: int | None) -> None:
    """An endpoint that takes three requests at once, however it refuses more, tells the same."""
    async with endpoint() as (chain, server, source):
        server.batch_limit, server.batch_status = 3, status
        for wei in (5, 7):
            chain.pay(OURS, wei)
            chain.mine(20)
        chain.token(TOKEN.contract, OURS, 9)
        chain.mine()
        native, token = await look(source, Ask(ETH, 0), Ask(USDX, 0))
        assert kinds(native) == [(Kind.GIFT, 5), (Kind.GIFT, 7)]
        assert kinds(token) == [(Kind.GIFT, 9)]
        server.posts, server.largest_batch = 0, 0
        chain.mine()
        await look(source, Ask(ETH, 0), Ask(USDX, 0))
        assert server.largest_batch <= 3, "what was refused is not tried again at each poll"


@scene
async def test_a_bad_moment_does_not_make_batches_small() -> None:
    """An endpoint that failed altogether for a while gets large batches again afterwards."""
    async with endpoint() as (chain, server, source):
        server.fault = faults.http_status(500)
        with pytest.raises(UpstreamUnavailable):
            await look(source, Ask(ETH, 0), Ask(USDX, 0))
        server.fault = None
        await look(source, Ask(ETH, 0), Ask(USDX, 0))
        chain.mine()
        server.posts = 0
        await look(source, Ask(ETH, 0), Ask(USDX, 0))
        assert server.posts <= 4


@scene
async def test_receipts_are_read_one_by_one_where_they_must_be() -> None:
    """An endpoint without eth_getBlockReceipts is asked for each receipt."""
    async with endpoint() as (chain, server, source):
        server.missing.add("eth_getBlockReceipts")
        chain.pay(OURS, 5)
        chain.pay(OURS, 7, failed=True)
        chain.pay_inside(OURS, 9)
        chain.mine()
        (observation,) = await look(source, Ask(ETH, 0))
        assert sorted(kinds(observation)) == [(Kind.GIFT, 5), (Kind.GIFT, 9)]


@scene
async def test_an_endpoint_that_makes_up_states_is_refused() -> None:
    """One that answers for a block hash that does not exist tells nothing."""
    async with endpoint() as (_, server, source):
        server.view.forgiving = True
        with pytest.raises(UpstreamError, match="does not exist"):
            await look(source, Ask(ETH, 0))


@pytest.mark.parametrize("withdrawals", [True, 5, "0x1", [5], {"index": "0x1"}])
@scene
async def test_withdrawals_that_are_none_are_refused(withdrawals: Any) -> None:
    """A block whose withdrawals have no form is refused like any other answer."""
    async with endpoint() as (chain, server, source):
        chain.pay(OURS, 5)
        chain.mine()
        right = server.call

        def bent(method: str, params: list[Any]) -> Any:
            answer = right(method, params)
            whole = method == "eth_getBlockByNumber" and params[1]
            return answer | {"withdrawals": withdrawals} if whole else answer

        server.call = bent
        with pytest.raises(UpstreamError):
            await look(source, Ask(ETH, 0))
        server.call = right
        (observation,) = await look(source, Ask(ETH, 0))
        assert kinds(observation) == [(Kind.GIFT, 5)]


@scene
async def test_a_wrong_chain_id_is_refused() -> None:
    """An endpoint of another chain tells nothing."""
    async with endpoint() as (_, server, source):
        server.chain_id = 137
        with pytest.raises(UpstreamError, match="chain id 137"):
            await look(source, Ask(ETH, 0))


@pytest.mark.parametrize(("moved", "kind"), [(5_000, Kind.GIFT), (0, None)])
@scene
async def test_lost_states_become_one_entry(moved: int, kind: Kind | None) -> None:
    """After a silence longer than an endpoint keeps states, what came meanwhile is one entry, and
    what came in the blocks it still knows is told as ever."""
    async with endpoint() as (chain, server, source):
        server.view.states = 128
        (before,) = await look(source, Ask(ETH, chain.height - FINAL_LAG, opening=True))
        if moved:
            chain.pay(OURS, moved - 1_000)
            chain.mine(5)
            chain.pay(OURS, 1_000)
        chain.mine(250)
        known = chain.pay(OURS, 77)
        chain.mine(3)
        ask = Ask(ETH, before.final_height + 1, checkpoint=before.checkpoint)
        (after,) = await look(source, ask)
        gap = [t for t in after.transactions if t.id != known]
        assert [t.net for t in after.transactions if t.id == known] == [77]
        assert [(t.kind, t.net) for t in gap] == ([] if kind is None else [(kind, moved)])
        assert after.balance == sum(t.net for t in after.transactions) == moved + 77


@scene
async def test_a_gap_in_which_we_sent_is_no_gift() -> None:
    """Where the nonce grew meanwhile nobody knows what came in: unattributed."""
    async with endpoint() as (chain, server, source):
        chain.pay(OURS, ETHER)
        chain.mine(2 + FINAL_LAG)
        server.view.states = 128
        (before,) = await look(source, Ask(ETH, chain.height - FINAL_LAG, opening=True))
        chain.send(OURS, ETHER // 2)
        chain.mine(250)
        ask = Ask(ETH, before.final_height + 1, checkpoint=before.checkpoint)
        (after,) = await look(source, ask)
        (gap,) = [t for t in after.transactions if t.kind is not Kind.OPENING]
        assert gap.kind is Kind.UNATTRIBUTED
        assert gap.net == chain.balance(OURS) - ETHER


@scene
async def test_a_question_below_a_lost_state_is_answered_from_the_checkpoint() -> None:
    """When the states below the recorded point are gone, what lies above it is told, and nothing
    is claimed about what lies below."""
    async with endpoint() as (chain, server, source):
        chain.pay(OURS, 5)
        chain.mine(FINAL_LAG + 3)
        await look(source, Ask(ETH, 0))
        chain.mine(FINAL_LAG + 3)
        (before,) = await look(source, Ask(ETH, 0))
        assert before.checkpoint is not None
        chain.mine(100)
        server.view.states = 110
        chain.pay(OURS, 7)
        chain.mine()
        await source.close()
        ask = Ask(ETH, 50, checkpoint=before.checkpoint)
        fresh = EthereumSource(
            server.url, "another", network=Network("mainnet", chain_id=1), addresses=[OURS]
        )
        (after,) = await look(fresh, ask)
        await fresh.close()
        assert after.since == before.checkpoint.block.height + 1
        assert kinds(after) == [(Kind.GIFT, 7)]


@scene
async def test_an_endpoint_that_keeps_next_to_nothing_fails() -> None:
    """When even the states of the last 96 blocks are gone, nothing is told."""
    async with endpoint() as (chain, server, source):
        (before,) = await look(source, Ask(ETH, chain.height - FINAL_LAG, opening=True))
        chain.pay(OURS, 5)
        chain.mine(250)
        server.view.states = 10
        ask = Ask(ETH, before.final_height + 1, checkpoint=before.checkpoint)
        with pytest.raises(UpstreamUnavailable):
            await look(source, ask)
        server.view.states = None
        (after,) = await look(source, ask)
        assert kinds(after) == [(Kind.GIFT, 5)]


@scene
async def test_what_lay_there_before_is_an_opening_entry() -> None:
    """A watch that begins in the middle tells the old balance as such, in ether and in tokens."""
    async with endpoint() as (chain, _, source):
        chain.pay(OURS, 5)
        chain.token(TOKEN.contract, OURS, 6)
        chain.mine(3)
        height = chain.height
        chain.pay(OURS, 7)
        chain.token(TOKEN.contract, OURS, 8)
        chain.mine()
        asks = [Ask(key, height, opening=True) for key in (ETH, USDX)]
        native, token = await look(source, *asks)
        assert kinds(native) == [(Kind.OPENING, 5), (Kind.GIFT, 7)]
        assert kinds(token) == [(Kind.OPENING, 6), (Kind.GIFT, 8)]
        assert (native.balance, token.balance) == (12, 14)


@scene
async def test_a_balance_told_wrong_once_is_not_kept_for_ever() -> None:
    """A first number that was wrong is read once more when what follows does not add up to it."""
    async with endpoint() as (chain, server, source):
        chain.pay(OURS, 5)
        chain.mine(3)
        chain.pay(OURS, 7)
        chain.mine()
        await source.probe()
        server.fault = faults.answer(hex(77), "eth_getBalance", times=1)
        (observation,) = await look(source, Ask(ETH, 0))
        assert server.fault.struck
        assert kinds(observation) == [(Kind.GIFT, 5), (Kind.GIFT, 7)]
        assert observation.balance == 12


@scene
async def test_an_account_with_code_is_read_block_by_block() -> None:
    """Code at the address can send a gift on in the next block with equal states at both ends:
    the gift and the drain are both told."""
    async with endpoint() as (chain, _, source):
        chain.pay(OURS, ETHER)
        chain.delegate(OURS, chain.stranger())
        chain.mine()
        await look(source, Ask(ETH, 0))
        chain.mine(20)
        chain.pay(OURS, 5_000)
        chain.mine()
        chain.sweep_inside(OURS, 5_000)
        chain.mine(20)
        (observation,) = await look(source, Ask(ETH, 0))
        assert (Kind.GIFT, 5_000) in kinds(observation)
        assert (Kind.UNATTRIBUTED, -5_000) in kinds(observation)
        assert observation.balance == ETHER


@scene
async def test_a_delegation_inside_one_window_hides_nothing() -> None:
    """Delegated, given, drained and released between two looks: the nonce tells on it."""
    async with endpoint() as (chain, _, source):
        await look(source, Ask(ETH, 0))
        chain.mine(20)
        chain.delegate(OURS, chain.stranger())
        chain.mine()
        chain.pay(OURS, 5_000)
        chain.mine()
        chain.sweep_inside(OURS, 5_000)
        chain.mine()
        chain.delegate(OURS, None)
        chain.mine(20)
        (observation,) = await look(source, Ask(ETH, 0))
        assert kinds(observation) == [(Kind.GIFT, 5_000), (Kind.UNATTRIBUTED, -5_000)]


@scene
async def test_an_account_that_destroys_itself_towards_us_is_a_gift() -> None:
    """Money that comes by no transaction of its own, from code that ends or is being made."""
    async with endpoint() as (chain, _, source):
        chain.pay_inside(OURS, 5_000, creation=True)
        chain.mine()
        (observation,) = await look(source, Ask(ETH, 0))
        assert kinds(observation) == [(Kind.GIFT, 5_000)]


@scene
async def test_logs_that_do_not_explain_the_balance_are_refused() -> None:
    """An endpoint that leaves out a token's log tells nothing of that token, and its ether all the
    same."""
    async with endpoint() as (chain, server, source):
        chain.pay(OURS, 5)
        shown = chain.token(TOKEN.contract, OURS, 6)
        hidden = chain.token(TOKEN.contract, OURS, 7)
        chain.mine()
        server.view.hidden.add(hidden)
        told = {a.key: a async for a in source.observe([Ask(ETH, 0), Ask(USDX, 0)])}
        native, token = told[ETH], told[USDX]
        assert isinstance(native, Observation)
        assert kinds(native) == [(Kind.GIFT, 5)]
        assert isinstance(token, Failure)
        assert isinstance(token.error, BadObservation)
        server.view.hidden.clear()
        (healed,) = await look(source, Ask(USDX, 0))
        assert {t.id for t in healed.transactions} == {f"{shown}:0", f"{hidden}:0"}


@pytest.mark.parametrize("method", ["eth_getLogs", "eth_call", "eth_getTransactionReceipt"])
@scene
async def test_tokens_that_fail_void_no_ether(method: str) -> None:
    """Whatever is wrong with a method that only tokens need, ether is told."""
    weather = [
        faults.rpc_error(-32005, "limit exceeded", method),
        faults.null(method),
        faults.answer("0x", method),
        faults.answer([{"topics": 5}], method),
        faults.missing(method),
    ]
    async with endpoint() as (chain, server, source):
        for fault in weather:
            chain.pay(OURS, 5)
            chain.token(TOKEN.contract, OURS, 6)
            chain.mine()
            server.fault = fault
            told = {a.key: a async for a in source.observe([Ask(ETH, 0), Ask(USDX, 0)])}
            native, token = told[ETH], told[USDX]
            assert isinstance(native, Observation), fault
            assert native.balance == chain.balance(OURS)
            assert isinstance(token, Failure), fault
        server.fault = None
        (token,) = await look(source, Ask(USDX, 0))
        assert token.balance == 6 * len(weather)


@scene
async def test_a_capped_range_of_logs_is_halved() -> None:
    """An endpoint that searches few blocks at once is asked for few at once."""
    async with endpoint() as (chain, server, source):
        server.view.logs_range = 7
        await look(source, Ask(USDX, 0))
        for amount in range(1, 30):
            chain.token(TOKEN.contract, OURS, amount)
            chain.mine(3)
        (observation,) = await look(source, Ask(USDX, 0))
        assert [t.net for t in observation.transactions] == list(range(1, 30))


@scene
async def test_back_ends_that_differ_never_make_a_false_answer() -> None:
    """Behind a balancer each request may meet another head: what is told is true of its tip, and
    now and then something is told."""
    async with endpoint(tokens=()) as (chain, server, source):
        server.view.lags = (0, 0, 0, 1)
        told = 0
        for wei in range(1, 40):
            chain.pay(OURS, wei)
            chain.mine()
            try:
                (observation,) = await look(source, Ask(ETH, 0))
            except UpstreamError:
                continue
            told += 1
            block = chain.best[observation.tip.height]
            assert observation.tip.hash == block.hash
            assert observation.balance == chain.balance(OURS, block)
            assert observation.balance == sum(t.net for t in observation.transactions)
        assert told
