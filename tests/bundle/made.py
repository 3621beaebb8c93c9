"""Bundles for the tests: of a simulated chain, and of a real block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from donations.bundle.assemble import assemble
from donations.bundle.form import Proven
from donations.chains import CHAINS
from donations.chains.base58 import encode
from donations.demo.transaction import merkle_branch
from donations.demo.utxo import UtxoChain
from donations.proof.headers import parse_header
from donations.proof.inclusion import Inclusion
from donations.proof.transaction import double_sha256
from tests.proof.recorded import BTC_PLAIN

if TYPE_CHECKING:
    from donations.bundle.form import Bundle
    from donations.chains.base import Chain, Network

ADDRESSES = {
    "btc": "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf",
    "bch": "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6",
}


def script_of(name: str) -> bytes:
    """The locking script of the address of a chain."""
    chain = CHAINS[name]
    assert chain.script is not None
    return chain.script(ADDRESSES[name], chain.networks["mainnet"])


def network_of(over: UtxoChain) -> Network:
    """The simulated network, whose addresses are those of mainnet."""
    return CHAINS[over.name].networks["mainnet"].private(over.genesis_hash)


def shown(over: UtxoChain, txid: str, units: int) -> Proven:
    """What proves a payment of a simulated chain."""
    block = next(b for b in over.best if any(t.txid == txid for t in b.transactions))
    position = next(n for n, t in enumerate(block.transactions) if t.txid == txid)
    branch, _ = merkle_branch(block.leaves, position)
    first, _ = merkle_branch(block.leaves, 0)
    return Proven(
        id=txid,
        units=units,
        height=block.height,
        block=block.hash,
        evidence=Inclusion(
            raw=block.transactions[position].stripped,
            branch=tuple(branch),
            position=position,
            coinbase=block.transactions[0].stripped,
            coinbase_branch=tuple(first),
        ),
    )


def lived(name: str, gifts: int = 3) -> tuple[UtxoChain, list[Proven]]:
    """A simulated chain with some gifts among other payments, seven blocks deep."""
    over = UtxoChain(name, 1)
    paid = []
    for number in range(gifts):
        for _ in range(number):
            over.pay(over.script(), 9_000)
        paid.append((over.pay(script_of(name), 5_000 + number), 5_000 + number))
        over.mine(1 + number % 2)
    over.mine(6)
    return over, [shown(over, *each) for each in paid]


def bundle_of(over: UtxoChain, proven: list[Proven]) -> Bundle:
    """The bundle of some gifts of a simulated chain."""
    headers = {block.height: block.header for block in over.best}
    return assemble(
        CHAINS[over.name], network_of(over), ADDRESSES[over.name], proven, headers.get, over.height
    )


def real() -> tuple[Chain, Bundle]:
    """A real payment of Bitcoin, and the chain as if its very block came with the release."""
    btc = CHAINS["btc"]
    network = btc.networks["mainnet"]
    assert network.ground is not None
    ground = replace(
        network.ground, older=(*network.ground.older, (BTC_PLAIN.height, BTC_PLAIN.block))
    )
    ground = replace(ground, older=tuple(sorted(ground.older)))
    network = replace(network, ground=ground)
    chain = replace(btc, networks={**btc.networks, "mainnet": network})
    payload = b"\0" + bytes.fromhex("04c00d87715e3380b9f4b4406cae80f43ce9cf87")
    address = encode(payload + double_sha256(payload)[:4])
    proven = Proven(BTC_PLAIN.txid, 178_789, BTC_PLAIN.height, BTC_PLAIN.block, BTC_PLAIN.inclusion)
    assert parse_header(BTC_PLAIN.header).hash == BTC_PLAIN.block
    made = assemble(
        chain, network, address, [proven], {BTC_PLAIN.height: BTC_PLAIN.header}.get, ground.height
    )
    return chain, made
