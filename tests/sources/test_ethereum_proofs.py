"""Final Ethereum gifts are proven by what endpoints show, whoever of them lies or is silent."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from donations.chains.base import Network
from donations.demo import faults
from donations.demo.ethereum import EthereumServer
from donations.demo.ethereum_chain import EthereumChain
from donations.demo.http import CallError
from donations.errors import ProvenLie, Unprovable, UpstreamError, UpstreamUnavailable
from donations.ledger import Block, Key, Kind, State, Transfer
from donations.proof.ethereum_evidence import Claim, check_evidence, check_together
from donations.sources.base import Ask
from donations.sources.ethereum import EthereumSource
from donations.sources.ethereum_proofs import EthereumProofs
from donations.sources.ethereum_prover import Proven, claim_of, prove
from donations.sources.ethereum_rpc import Item, RpcError, StrictProvider
from tests.running import scene
from tests.sources.grammar import fuzzed
from tests.sources.kinds import ADDRESSES, FINAL_LAG, START, TOKEN, look, transfers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.measured import Table

OURS = ADDRESSES[0]
ETH = Key("eth", OURS, "ETH")
USDX = Key("eth", OURS, TOKEN.symbol)
CONTRACTS = {TOKEN.symbol: TOKEN.contract}


@dataclass
class Operators:
    """Endpoints of one chain, and the sources that ask them."""

    chain: EthereumChain
    servers: list[EthereumServer]
    sources: list[EthereumSource]

    async def claims(self) -> tuple[Block, list[Claim]]:
        """What the first operator tells of final gifts, all in one block."""
        told = await look(self.sources[0], Ask(ETH, 0), Ask(USDX, 0))
        found = [claim_of(t, "ETH", CONTRACTS) for each in told for t in transfers(each)]
        claims = [claim for claim in found if claim is not None]
        (block,) = {
            t.block for each in told for t in transfers(each) if t.state is State.FINAL and t.block
        }
        return block, claims

    async def prove(self, block: Block, claims: list[Claim], agree: int = 2) -> Proven:
        proofs = {source.operator: source.proofs for source in self.sources}
        return await prove(block, claims, proofs, agree)

    def quiet(self) -> None:
        for server in self.servers:
            server.posts = 0


@asynccontextmanager
async def operators(count: int = 2) -> AsyncIterator[Operators]:
    """A chain with a payment, income from inside and a token in one final block."""
    chain = EthereumChain(start=START, final_lag=FINAL_LAG)
    chain.pay(OURS, 5)
    chain.pay(chain.stranger(), 6)
    chain.pay_inside(OURS, 7)
    chain.token(TOKEN.contract, OURS, 11)
    chain.withdraw(OURS, 13)
    chain.mine()
    chain.mine(FINAL_LAG)
    async with AsyncExitStack() as stack:
        made = Operators(chain, [], [])
        for n in range(count):
            server = await stack.enter_async_context(EthereumServer(chain))
            source = EthereumSource(
                server.url,
                f"operator {n}",
                network=Network("mainnet", chain_id=1),
                addresses=(OURS,),
                tokens=(TOKEN,),
            )
            stack.push_async_callback(source.close)
            made.servers.append(server)
            made.sources.append(source)
        yield made


def bend(server: EthereumServer, method: str, change: Callable[[Any, list[Any]], Any]) -> None:
    """From now on the server's answers to a method are changed."""
    right = server.call

    def call(asked: str, params: list[Any]) -> Any:
        answer = right(asked, params)
        return change(answer, params) if asked == method else answer

    server.call = call


@scene
async def test_gifts_of_each_kind_are_proven() -> None:
    """What a source told of a payment, of income from inside and of a token is proven.

    The evidence stands alone, names the operators that agree, and costs one request to each of
    them and one more to the one that shows it.
    """
    async with operators(3) as them:
        block, claims = await them.claims()
        assert sorted(claim.amount for claim in claims) == [5, 7, 11]
        them.quiet()
        proven = await them.prove(block, claims)
        assert [server.posts for server in them.servers] == [2, 1, 1]
        assert proven.failures == {}
        assert proven.unprovable == set()
        for claim in claims:
            evidence = proven.shown[claim].evidence
            assert check_evidence(evidence, claim).hash == block.hash
            assert evidence.operators == {"operator 0", "operator 1", "operator 2"}
        check_together([(proven.shown[claim].evidence, claim) for claim in claims])


@scene
async def test_what_was_never_paid_is_not_proven() -> None:
    """A gift that the ledger should not hold finds no evidence, and is not asked for again."""
    async with operators() as them:
        block, claims = await them.claims()
        for claim in claims:
            for wrong in (
                replace(claim, amount=claim.amount + 1),
                replace(claim, address="0x" + "99" * 20),
            ):
                proven = await them.prove(block, [wrong])
                assert proven.shown == {}
        ghost = Claim("0x" + "12" * 32, OURS, 5, block.hash)
        proven = await them.prove(block, [ghost, *claims])
        assert proven.shown.keys() == set(claims)
        assert proven.unprovable == {ghost}


@pytest.mark.parametrize("alone", ["one operator", "another branch", "not final there", "down"])
@scene
async def test_nothing_is_proven_by_one_operator(alone: str) -> None:
    """Without a second operator that holds the header at or below finalized, nothing is proven."""
    async with operators(1 if alone == "one operator" else 2) as them:
        block, claims = await them.claims()
        match alone:
            case "another branch":
                bend(
                    them.servers[1],
                    "eth_getBlockByNumber",
                    lambda answer, _: answer | {"hash": "0x" + "ab" * 32},
                )
            case "not final there":
                them.servers[1].view.lag = 1
            case "down":
                await them.servers[1].stop()
        proven = await them.prove(block, claims, agree=1)
        assert proven.shown == {}
        assert proven.unprovable == set(), "later it may be proven"
        assert list(proven.failures) == (["operator 1"] if alone == "down" else [])


@scene
async def test_an_endpoint_without_proofs_still_agrees() -> None:
    """Where eth_getProof is missing, payments and tokens are proven by it all the same.

    Income from inside needs another operator; that one is asked instead, at once and without
    asking the first one for a state ever again.
    """
    async with operators() as them:
        block, claims = await them.claims()
        them.servers[0].missing.add("eth_getProof")
        proven = await them.prove(block, claims)
        assert proven.shown.keys() == set(claims)
        assert isinstance(proven.failures["operator 0"], Unprovable)
        them.servers[0].requests.clear()
        assert (await them.prove(block, claims)).shown.keys() == proven.shown.keys()
        assert them.servers[0].requests["eth_getProof"] == 0
        them.servers[1].missing.add("eth_getProof")
        proven = await them.prove(block, claims)
        (inside,) = (claim for claim in claims if claim.id.endswith(":internal"))
        assert proven.shown.keys() == set(claims) - {inside}
        assert proven.unprovable == {inside}


@scene
async def test_receipts_are_read_one_by_one_where_they_must_be() -> None:
    """An endpoint without eth_getBlockReceipts proves the same, from single receipts."""
    async with operators() as them:
        block, claims = await them.claims()
        for server in them.servers:
            server.missing.add("eth_getBlockReceipts")
        assert len((await them.prove(block, claims)).shown) == 3


@scene
async def test_a_state_that_is_gone_leaves_the_level() -> None:
    """Where no operator keeps the state any more, income from inside stays agreed for good."""
    async with operators() as them:
        block, claims = await them.claims()
        for server in them.servers:
            server.view.states = 4
        proven = await them.prove(block, claims)
        assert len(proven.shown) == 2
        assert set(claims) - proven.shown.keys() == proven.unprovable


def forged_balance(answer: Any, _: object) -> Any:
    return answer | {"balance": hex(int(answer["balance"], 16) + 100)}


def hidden_payment(answer: Any, params: list[Any]) -> Any:
    return answer | {"transactions": answer["transactions"][1:]} if params[1] else answer


def no_withdrawals(answer: Any, _: object) -> Any:
    return answer | {"withdrawals": []}


@pytest.mark.parametrize(
    ("method", "change", "denied"),
    [
        ("eth_getProof", forged_balance, "denies its balance"),
        ("eth_getBlockByHash", hidden_payment, "denies its transactions"),
        ("eth_getBlockByHash", no_withdrawals, "denies its withdrawals"),
    ],
)
@scene
async def test_a_lie_convicts_and_another_operator_proves(
    method: str, change: Callable[[Any, list[Any]], Any], denied: str
) -> None:
    """What contradicts itself is a proven lie with its evidence; the next operator is asked.

    The liar's word on the header counts no more: two others have to be left.
    """
    async with operators(3) as them:
        block, claims = await them.claims()
        bend(them.servers[0], method, change)
        proven = await them.prove(block, claims)
        names = {shown.evidence.operators for shown in proven.shown.values()}
        assert names == {frozenset({"operator 1", "operator 2"})}
        two = {source.operator: source.proofs for source in them.sources[:2]}
        assert (await prove(block, claims, two, 2)).shown == {}
        lie = proven.failures["operator 0"]
        assert isinstance(lie, ProvenLie)
        assert denied in str(lie)
        parent = them.chain.blocks[block.hash].parent
        assert block.hash in lie.evidence or parent in lie.evidence
        assert proven.shown.keys() == set(claims)


def other_receipts(answer: Any, _: object) -> Any:
    return [each | {"status": "0x0"} for each in answer]


def other_header(answer: Any, _: object) -> Any:
    return answer | {"stateRoot": "0x" + "ab" * 32}


def unknown_fork(answer: Any, _: object) -> Any:
    return answer | {"gasLimit": "0x1"}


def other_nodes(answer: Any, _: object) -> Any:
    return answer | {"accountProof": answer["accountProof"][:-1]}


def nothing(answer: Any, _: object) -> Any:
    return None


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getBlockReceipts", other_receipts),
        ("eth_getBlockReceipts", nothing),
        ("eth_getBlockByHash", other_header),
        ("eth_getBlockByHash", unknown_fork),
        ("eth_getBlockByHash", nothing),
        ("eth_getProof", other_nodes),
        ("eth_getProof", nothing),
    ],
)
@scene
async def test_what_is_wrong_but_no_lie_accuses_nobody(
    method: str, change: Callable[[Any, list[Any]], Any]
) -> None:
    """A form not known here, or an answer of another block, proves nothing and convicts nobody."""
    async with operators() as them:
        block, claims = await them.claims()
        for server in them.servers:
            bend(server, method, change)
        proven = await them.prove(block, claims)
        assert len(proven.shown) == (2 if method == "eth_getProof" else 0)
        assert proven.failures.keys() == {"operator 0", "operator 1"}
        assert not any(isinstance(error, ProvenLie) for error in proven.failures.values())


@scene
async def test_all_operators_together_prove_no_gift_that_their_header_denies() -> None:
    """Operators that agree on a true header cannot show another amount, whatever they answer."""
    async with operators() as them:
        block, claims = await them.claims()

        def richer(answer: Any, params: list[Any]) -> Any:
            if params[1]:
                for each in answer["transactions"]:
                    each["value"] = hex(int(each["value"], 16) + 1)
            return answer

        for server in them.servers:
            bend(server, "eth_getBlockByHash", richer)
        raised = [replace(claim, amount=claim.amount + 1) for claim in claims]
        assert (await them.prove(block, raised)).shown == {}


@scene
async def test_weather_is_told_and_tried_again() -> None:
    """An operator that is down or refuses while it shows evidence leaves the claims for later."""
    async with operators() as them:
        block, claims = await them.claims()
        for server in them.servers:
            server.fault = faults.http_status(503, "eth_getBlockByHash")
        proven = await them.prove(block, claims)
        assert proven.shown == {}
        assert proven.unprovable == set()
        assert all(isinstance(e, UpstreamUnavailable) for e in proven.failures.values())
        for server in them.servers:
            server.fault = faults.rpc_error(-32005, "rate limited", "eth_getProof")
        proven = await them.prove(block, claims)
        assert len(proven.shown) == 2
        assert proven.unprovable == set()
        assert all(isinstance(e, UpstreamError) for e in proven.failures.values())


class Fuzzed(StrictProvider):
    """True answers, one of them gone wrong."""

    def __init__(self, chain: EthereumChain, dice: random.Random) -> None:
        super().__init__("http://127.0.0.1:1")
        self._truth, self._dice = EthereumServer(chain), dice

    async def ask(self, items: Sequence[Item]) -> list[Any]:
        answers: list[Any] = []
        for method, params in items:
            try:
                answers.append(self._truth.call(method, params))
            except CallError as error:
                answers.append(RpcError(error.code, error.message))
        place = self._dice.randrange(len(answers))
        answers[place] = fuzzed(answers[place], self._dice)
        return answers


@scene
async def test_fuzzed_answers_prove_nothing_else(seed: int, long: bool, table: Table) -> None:
    """Whatever one wrong answer holds, only what is true is proven, and errors are ours.

    2,000 of them (long: 100,000).
    """
    dice, wanted, wrong, shown = random.Random(seed), 100_000 if long else 2_000, 0, 0
    chain = EthereumChain(start=START, blocks=3, final_lag=1)
    chain.pay(OURS, 5, envelope=0)
    chain.pay_inside(OURS, 7)
    hidden = chain.token(TOKEN.contract, OURS, 11)
    (made,) = chain.mine()
    chain.mine()
    block = Block(made.number, made.hash, made.time)
    payment = made.executed[0].payment.hash
    true = [
        Claim(payment, OURS, 5, made.hash),
        Claim(f"{made.hash}:internal", OURS, 7, made.hash),
        Claim(f"{hidden}:0", OURS, 11, made.hash, TOKEN.contract),
    ]
    false = [replace(claim, amount=claim.amount + 1) for claim in true]
    for _ in range(wanted):
        proofs = EthereumProofs(Fuzzed(chain, dice), "someone")
        proven = await prove(block, [*true, *false], {"one": proofs, "two": proofs}, 2)
        shown += len(proven.shown)
        wrong += len(proven.shown.keys() & set(false))
    assert shown > wanted // 10, "some answers are still of use"
    table.never("fuzzed Ethereum answers that prove another amount", wrong, wanted)


def transfer(**how: Any) -> Transfer:
    """A final gift, but for what is said otherwise."""
    block = Block(5, "0x" + "55" * 32, 60)
    identity = "0x" + "77" * 32
    made = Transfer(
        key=ETH,
        id=identity,
        kind=Kind.GIFT,
        state=State.FINAL,
        amount=7,
        block=block,
        consumes=frozenset(),
        brings=((identity, 7),),
        spends=(),
        coinbase=False,
        first_seen=60,
    )
    return replace(made, **how)


def test_only_final_gifts_are_claimed() -> None:
    """What is not final, no gift, in doubt, or has no transaction or block makes no claim."""
    good = transfer()
    block = good.block
    assert block is not None
    assert claim_of(good, "ETH", CONTRACTS) == Claim(good.id, OURS, 7, block.hash)
    inside = replace(good, id=f"{block.hash}:internal")
    assert claim_of(inside, "ETH", CONTRACTS) == Claim(inside.id, OURS, 7, block.hash)
    token = replace(good, key=USDX, id=f"{good.id}:3")
    assert claim_of(token, "ETH", CONTRACTS) == Claim(token.id, OURS, 7, block.hash, TOKEN.contract)
    for other in (
        replace(good, state=State.CONFIRMED),
        replace(good, kind=Kind.OWN),
        replace(good, kind=Kind.UNATTRIBUTED),
        replace(good, missing_since=5),
        replace(good, spends=(("x", 1),)),
        replace(good, id="opening"),
        replace(good, id="withdrawal 5"),
        replace(good, id=f"{block.hash}:rest"),
        replace(token, id=good.id),
        replace(token, key=Key("eth", OURS, "UNLISTED")),
    ):
        assert claim_of(other, "ETH", CONTRACTS) is None
