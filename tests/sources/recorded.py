"""Every kind of answer that a source reads, as its simulated server gives it, and its parser.

The world is the same each time. Two answers are those of public explorers, so that what real
servers send is among them.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.demo.ethereum_chain import EthereumChain
from donations.demo.etherscan import EtherscanServer
from donations.proof.headers import parse_header
from donations.sources import (
    electrum_answers,
    esplora_answers,
    etherscan_answers,
    haskoin_answers,
)
from donations.sources.base import Ask, Prover
from donations.sources.electrum_history import parse_history
from donations.sources.electrum_proofs import named
from donations.sources.ethereum_explain import read_block
from donations.sources.ethereum_rpc import block_of, parse_batch, quantity
from donations.sources.ethereum_tokens import parse_log
from donations.sources.utxo_json import listed
from tests.sources.kinds import (
    ADDRESSES,
    FINAL_LAG,
    START,
    AnyKind,
    ElectrumKind,
    ExplorerKind,
    look,
    open_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from donations.sources.ethereum_explain import FullBlock
    from donations.sources.utxo_json import Linked, Told


@dataclass(frozen=True)
class Recorded:
    """An answer, what reads it, and the facts in it that no change may alter: empty where a
    number is only claimed, so that agreement has to judge it."""

    name: str
    answer: Any
    parse: Callable[[Any], Any]
    facts: Callable[[Any], frozenset[Hashable]]


def nothing(_: Any) -> frozenset[Hashable]:
    return frozenset()


def moved(told: Any) -> frozenset[Hashable]:
    """What transactions move: hash-bound."""
    listed: list[Told] = told if isinstance(told, list) else [told]
    return frozenset(
        (t.txid, t.transaction.inputs, t.transaction.outputs) for t in listed if t is not None
    )


def linked(told: Any) -> frozenset[Hashable]:
    """Headers: hash-bound, but for their height."""
    listed: list[Linked] = told if isinstance(told, list) else [told]
    return frozenset((each.block.hash, each.block.time, each.header) for each in listed)


# The height of the block that a proof is asked for: the world is the same each time.
BLOCK = 103
ROUTES: dict[str, dict[str, tuple[Any, Any]]] = {
    "Esplora": {
        "/blocks": (esplora_answers.parse_blocks, linked),
        "/address": (esplora_answers.parse_summary, nothing),
        "/address/txs/mempool": (esplora_answers.parse_transactions, moved),
        "/address/txs/chain": (esplora_answers.parse_transactions, moved),
        "/tx": (esplora_answers.parse_transaction, moved),
        "/tx/merkle-proof": (lambda a: esplora_answers.parse_proof(a, BLOCK), nothing),
    },
    "Haskoin": {
        "/health": (haskoin_answers.parse_health, nothing),
        "/block/best": (haskoin_answers.parse_block, linked),
        "/block/heights": (
            lambda a: [haskoin_answers.parse_block(b) for b in listed(a, "blocks")],
            linked,
        ),
        "/address/balance": (haskoin_answers.parse_summary, nothing),
        "/address/transactions": (haskoin_answers.parse_transactions, moved),
        "/transaction": (haskoin_answers.parse_transaction, moved),
        "/block": (haskoin_answers.parse_block, linked),
    },
}


def _electrum(method: str, params: list[Any]) -> tuple[Any, Any] | None:
    """The parser of an Electrum method, as it was asked."""
    match method:
        case "blockchain.headers.subscribe":
            return electrum_answers.parse_tip, nothing
        case "blockchain.block.headers":
            return (
                lambda a: [parse_header(raw) for raw in electrum_answers.parse_headers(a, 2016)],
                nothing,
            )
        case "blockchain.scripthash.get_history":
            return parse_history, nothing
        case "blockchain.scripthash.get_balance":
            return electrum_answers.parse_balance, nothing
        case "blockchain.transaction.get":
            return (
                lambda a: named(electrum_answers.unhex(a, method), params[0]),
                lambda t: frozenset({(t.txid, t.inputs, t.outputs)}),
            )
        case _:
            return None


def _full(told: FullBlock) -> frozenset[Hashable]:
    assert all(sent.value >= 0 and sent.gas_cost >= 0 for sent in told.sent)
    return frozenset()


def _logs(answer: Any) -> list[Any]:
    return [parse_log(item) for item in listed(answer, "eth_getLogs")]


ETHEREUM: dict[str, Callable[[Any], Any]] = {
    "eth_getBalance": quantity,
    "eth_getTransactionCount": quantity,
    "eth_getLogs": _logs,
    "eth_chainId": quantity,
}


async def _record(name: str, folder: Path) -> list[Recorded]:
    async with open_kind(name, folder) as (kind, source):
        for key in kind.keys:
            kind.pay(key, 5_000)
            kind.confirm()
            kind.pay(key, 7_000)
        kind.confirm()
        kind.pay(kind.keys[0], 6_000)
        noted: list[tuple[str, list[Any], Any]] = []
        place: Any = kind.server.answers if isinstance(kind, ElectrumKind) else kind.server
        right = place.call

        def note(*call: Any) -> Any:
            result = right(*call)
            noted.append((*_asked(kind, call), result))
            return result

        place.call = note
        await source.probe()
        await look(source, *(Ask(key, 0) for key in kind.keys))
        if isinstance(kind, ExplorerKind) and isinstance(source, Prover):
            block = kind.chain.best[-2]
            await source.inclusion(block.transactions[-1].txid, block.height)
        return list(_with_parsers(name, noted).values())


def _asked(kind: AnyKind, call: tuple[Any, ...]) -> tuple[str, list[Any]]:
    if isinstance(kind, ElectrumKind):
        return call[1], call[2]
    if isinstance(kind, ExplorerKind):
        names = {handle: name for name, _, handle in kind.server._routes}
        return names[call[0]], [*call[1:]]
    return call[0], call[1]


def _with_parsers(name: str, noted: list[tuple[str, list[Any], Any]]) -> dict[str, Recorded]:
    """The longest answer of each method, as the one with most in it to go wrong."""
    found: dict[str, Recorded] = {}
    for method, params, result in noted:
        reads = ROUTES.get(name, {}).get(method)
        if name.startswith("Electrum"):
            reads = _electrum(method, params)
        elif name == "Ethereum" and method in ETHEREUM:
            reads = (ETHEREUM[method], nothing)
        elif name == "Ethereum" and method == "eth_getBlockByNumber" and not params[1]:
            reads = (block_of, nothing)
        if reads is None:
            continue
        known = found.get(method)
        if known is None or len(str(result)) > len(str(known.answer)):
            found[method] = Recorded(f"{name} {method}", result, *reads)
    if name == "Ethereum":
        found["block"] = _block_with_receipts(noted)
        envelopes = [{"jsonrpc": "2.0", "id": 7 + n, "result": r} for n, (_, _, r) in
                     enumerate(noted[:3])]  # fmt: skip
        found["batch"] = Recorded(f"{name} batch", envelopes, lambda a: parse_batch(a, 7, 3),
                                  nothing)  # fmt: skip
    return found


def _block_with_receipts(noted: list[tuple[str, list[Any], Any]]) -> Recorded:
    receipts = max((r for m, _, r in noted if m == "eth_getBlockReceipts"), key=len)
    number = receipts[0]["blockNumber"]
    block = next(r for m, p, r in noted if m == "eth_getBlockByNumber" and p == [number, True])
    return Recorded(
        "Ethereum block and receipts",
        [block, receipts],
        lambda a: read_block(*a) if isinstance(a, list) and len(a) == 2 else block_of(a),
        lambda told: _full(told) if hasattr(told, "sent") else frozenset(),
    )


def _etherscan(name: str, blockscout: bool) -> list[Recorded]:
    """The lists of an explorer of Ethereum: claims, all of them, that have to add up elsewhere."""
    chain = EthereumChain(5, start=START, final_lag=FINAL_LAG)
    chain.pay(ADDRESSES[0], 5_000)
    chain.pay_inside(ADDRESSES[0], 700, 300)
    chain.withdraw(ADDRESSES[0], 9)
    chain.mine(2)
    server = EtherscanServer(chain, "key", blockscout=blockscout)
    asked = {"apikey": "key", "address": ADDRESSES[0], "startblock": "0", "endblock": "999"}
    asked |= {"page": "1", "offset": "100"}
    parsers: dict[str, Any] = {
        "txlist": etherscan_answers.parse_called,
        "txlistinternal": etherscan_answers.parse_inside,
        "txsBeaconWithdrawal": etherscan_answers.parse_withdrawn,
    }
    if blockscout:
        del parsers["txsBeaconWithdrawal"]
    return [
        Recorded(f"{name} {action}", server._answer(asked | {"action": action}), parse, nothing)
        for action, parse in parsers.items()
    ]


def recorded_answers() -> list[Recorded]:
    """All of them."""

    async def all_kinds() -> list[Recorded]:
        with tempfile.TemporaryDirectory() as folder:
            found = []
            for name in ("ElectrumX 1.6", "ElectrumX 1.4.2", "Esplora", "Haskoin", "Ethereum"):
                found += await _record(name, Path(folder))
            return [*found, *_etherscan("Etherscan", False), *_etherscan("Blockscout", True)]

    return [*asyncio.run(all_kinds()), *real_answers()]


def real_answers() -> list[Recorded]:
    """As public explorers tell them: the first payment there was (block 170), by Esplora's fields,
    and one of block 758,063 of Bitcoin Cash, by Haskoin Store's."""
    satoshi = {
        "txid": "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",
        "version": 1,
        "locktime": 0,
        "vin": [
            {
                "txid": "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9",
                "vout": 0,
                "prevout": {
                    "scriptpubkey": "410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6"
                    "909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac",
                    "scriptpubkey_asm": "OP_PUSHBYTES_65 OP_CHECKSIG",
                    "scriptpubkey_type": "p2pk",
                    "value": 5000000000,
                },
                "scriptsig": "47304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5f"
                "b8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901",
                "scriptsig_asm": "",
                "is_coinbase": False,
                "sequence": 4294967295,
            }
        ],
        "vout": [
            {
                "scriptpubkey": "4104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa284"
                "14e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac",
                "scriptpubkey_type": "p2pk",
                "value": 1000000000,
            },
            {
                "scriptpubkey": "410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a"
                "5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac",
                "scriptpubkey_type": "p2pk",
                "value": 4000000000,
            },
        ],
        "size": 275,
        "weight": 1100,
        "fee": 0,
        "status": {
            "confirmed": True,
            "block_height": 170,
            "block_hash": "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee",
            "block_time": 1231731025,
        },
    }
    cash = {
        "txid": "8ee15aaa1a7686de37c1cefd3138adcfc54f6b24e5f2b93aa002e24f3bdfb3ee",
        "size": 223,
        "version": 1,
        "locktime": 0,
        "fee": 255,
        "inputs": [
            {
                "coinbase": False,
                "txid": "77c788b3e6a75c31e2754fdba0d800c98d7207549feb6e77cdb70ab59e27bb5c",
                "output": 1,
                "sigscript": "47304402203aeab825eb86929394654778a9e1fd66ea5c099a5f11b30200b2d79a"
                "3c6b8a2e02206158"
                "07332bba"
                "ac697f41f159e0a9f6dbed57b2dbfe13b29ed277256ffa45aa47414104d33c0bf02bc9afd19ea50f"
                "fb8a7e365a5cfba79d87ae085cf4a34005815c9cf2211956e1667dbaac32c3112f31830dce67298e"
                "c547792a2100ef85a277c98a59",
                "sequence": 4294967295,
                "pkscript": "76a914f3fe914aae2215ffe9ffac5273582cd8c8f5126488ac",
                "value": 1559646,
                "witness": [],
            }
        ],
        "outputs": [
            {
                "pkscript": "76a91443fbbd844cf5ec7038ddc15429ab8c28f1ffa3de88ac",
                "value": 1559391,
                "spent": True,
            }
        ],
        "block": {"height": 758063, "position": 232},
        "deleted": False,
        "time": 1663343032,
        "rbf": False,
    }
    return [
        Recorded("Haskoin /transaction 8ee15aaa", cash, haskoin_answers.parse_transaction, moved),
        Recorded("Esplora /tx f4184fc5", satoshi, esplora_answers.parse_transaction, moved),
    ]
