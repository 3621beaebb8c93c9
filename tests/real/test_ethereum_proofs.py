"""What a real Ethereum node shows is proven, and says what the node's own traces say."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from donations.chains.base import Network, Token
from donations.errors import DonationsError
from donations.ledger import Key
from donations.proof.ethereum_evidence import check_evidence, check_together
from donations.proof.ethereum_header import header_of
from donations.sources.base import Ask
from donations.sources.ethereum import EthereumSource
from donations.sources.ethereum_prover import claim_of, prove
from tests.nodes.ethereum import CHAIN_ID, Ethereum
from tests.nodes.process import wait_until
from tests.real.node_watch import EthereumWatch
from tests.running import scene
from tests.sources.kinds import look, transfers

if TYPE_CHECKING:
    from pathlib import Path

    from donations.ledger import Block
    from donations.proof.ethereum_evidence import Claim


@scene
async def test_gifts_on_a_real_node_are_proven(ethereum: Ethereum) -> None:
    """Payments of types 0, 1 and 2, income from inside calls, and tokens, in one life.

    All that the source found final is proven, to the wei, and adds up to what the node holds.
    """
    ours, also = ethereum.new_address(), ethereum.new_address()
    token = ethereum.token()
    ethereum.mine()
    start = ethereum.height()
    price = hex(10 * 10**9)
    listing = {"from": ethereum.accounts[0], "gasPrice": price, "type": "0x1", "accessList": []}
    sent = [
        ethereum.send(ours, 1_001, gasPrice=price, type="0x0"),
        ethereum.rpc("eth_sendTransaction", {**listing, "to": ours, "value": hex(1_002)}),
        ethereum.send(ours, 1_003),
    ]
    types = [ethereum.rpc("eth_getTransactionByHash", each)["type"] for each in sent]
    assert types == ["0x0", "0x1", "0x2"]
    ethereum.send_internal([(ours, 1_004), (also, 5), (ours, 1_005)])
    token.transfer([(also, 1), (ours, 77)])
    ethereum.automine(False)
    ethereum.send(ours, 1_006)
    ethereum.send_internal([(ours, 1_007)])
    ethereum.send_by_selfdestruct(ours, 1_008)
    ethereum.fail_internal([(ours, 1_009)])
    ethereum.mine()
    ethereum.automine(True)
    ethereum.mine(8)
    listed = Token("USDX", token.contract, 6)
    keys = [Key("eth", ours, "ETH"), Key("eth", ours, "USDX")]
    async with AsyncExitStack() as stack:
        sources = []
        for name in ("one", "two"):
            source = EthereumSource(
                ethereum.url,
                name,
                network=Network("private", chain_id=CHAIN_ID),
                addresses=(ours,),
                tokens=(listed,),
            )
            stack.push_async_callback(source.close)
            sources.append(source)
        told = await look(sources[0], *(Ask(key, start) for key in keys))
        claims: dict[Block, list[Claim]] = {}
        for found in (t for each in told for t in transfers(each)):
            claim = claim_of(found, "ETH", {"USDX": token.contract})
            assert claim is not None, found.id
            assert found.block is not None
            claims.setdefault(found.block, []).append(claim)
        operators = {source.operator: source.proofs for source in sources}
        pairs = []
        for block, here in claims.items():
            proven = await prove(block, here, operators, 2)
            assert proven.failures == {}
            for claim in here:
                evidence = proven.shown[claim].evidence
                header = check_evidence(evidence, claim)
                assert header.hash == header_of(ethereum.block(block.height)).hash == block.hash
                pairs.append((evidence, claim))
                wrong = replace(claim, amount=claim.amount + 1)
                assert (await prove(block, [wrong], operators, 2)).shown == {}
    check_together(pairs)
    ether = sum(claim.amount for _, claim in pairs if claim.contract is None)
    assert ether == ethereum.balance(ours) == sum(range(1_001, 1_009))
    assert sum(c.amount for _, c in pairs if c.contract) == token.balance(ours) == 77
    for evidence, claim in pairs:
        for _, other in pairs:
            if other != claim:
                try:
                    check_evidence(evidence, other)
                except DonationsError:
                    continue
                raise AssertionError(f"what proves {claim.id} proves {other.id} too")


def test_the_service_proves_what_is_final(ethereum: Ethereum, tmp_path: Path) -> None:
    """Two operators on one node: what became final is proven soon, after a reorg as well.

    Before it is final it is agreed on, and a gift that a reorg moved is proven where it stands.
    """
    address = ethereum.new_address()
    urls = [ethereum.url, ethereum.url.replace("127.0.0.1", "localhost")]
    since = ethereum.height()
    with EthereumWatch(tmp_path, ethereum, [address], since=since, urls=urls) as watch:
        watch.settle()
        ethereum.send(address, 11)
        ethereum.send_internal([(address, 13), (address, 17)])
        watch.settle()
        assert {level for _, level in levels(watch)} == {"agreed"}
        ethereum.reorg(1, [({"from": ethereum.accounts[1], "to": address, "value": "0x13"}, 0)])
        ethereum.mine(6)
        watch.settle()
        wait_until(
            lambda: levels(watch) == [("11", "proven"), ("19", "proven")],
            "every gift proven",
            seconds=60,
        )


def levels(watch: EthereumWatch) -> list[tuple[str, str]]:
    """(amount, level) of the gifts that stand."""
    with closing(sqlite3.connect(f"file:{watch.book.path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT amount, level FROM transfers WHERE kind = 'gift' "
            "AND state IN ('seen', 'confirmed', 'final')"
        ).fetchall()
    return sorted((amount, level) for amount, level in rows)
