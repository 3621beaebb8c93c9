"""A bundle -> what it proves, with nothing but the blocks that this program ships.

It proves "at least": every transfer in it happened. That nothing else did, who paid, and that the
money is still there is proven by no bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from donations.bundle.form import read
from donations.bundle.verified import MINED_BY_ANYBODY, Checked, Verified
from donations.bundle.verify_ethereum import verify_ethereum
from donations.chains import CHAINS
from donations.chains.base import Protocol
from donations.errors import BundleRefused, DonationsError, InvalidAddress
from donations.proof.header_chain import HeaderChain
from donations.proof.inclusion import Inclusion, check_inclusion
from donations.proof.older_headers import MAX_HEADERS
from donations.proof.transaction import without_token
from donations.proof.work import Constant

if TYPE_CHECKING:
    from donations.bundle.form import Bundle, Proven, Run
    from donations.chains.base import Chain, Network
    from donations.proof.work import Ground


def verify(text: bytes, *, now: int, test_networks: bool = False) -> Verified:
    """Check a bundle. ``now`` is the time in Unix seconds: no block is two hours ahead of it.

    Raises BundleRefused with the exact reason. A bundle of a private test network is refused too
    unless ``test_networks``.
    """
    bundle = read(text)
    known = CHAINS.get(bundle.chain)
    if known is not None and known.protocol is Protocol.ETHEREUM:
        return verify_ethereum(bundle, known, test_networks=test_networks)
    chain, network, ground = _ground(bundle, test_networks=test_networks)
    script = _script(chain, network, bundle.address)
    headers = _headers(bundle.headers, ground, now)
    checked: list[Checked] = []
    outputs: dict[str, str] = {}
    consumed: dict[str, str] = {}
    for number, proven in enumerate(bundle.transfers):
        try:
            checked.append(_check(proven, headers, script, outputs, consumed, chain))
        except BundleRefused as error:
            raise BundleRefused(f"transfers[{number}]: {error}") from None
        except DonationsError as error:
            raise BundleRefused(f"transfers[{number}]: {error}") from None
    own = outputs.keys() & consumed.keys()
    if own:
        thing = min(own)
        raise BundleRefused(
            f"{consumed[thing]} spends what {outputs[thing]} brought: it is no gift, but change"
        )
    return Verified(bundle, chain.decimals, tuple(checked), tuple(_rests_on(ground, headers)))


def _ground(bundle: Bundle, *, test_networks: bool) -> tuple[Chain, Network, Ground]:
    chain = CHAINS.get(bundle.chain)
    if chain is None or bundle.contract is not None or bundle.asset != chain.symbol:
        raise BundleRefused(f"{bundle.asset} on {bundle.chain} cannot be proven by this program")
    network = chain.networks.get(bundle.network)
    if network is None:
        raise BundleRefused(f"{chain.title} has no network {bundle.network}")
    if bundle.genesis != network.genesis:
        network = network.private(bundle.genesis)
    ground = network.ground
    if ground is None:
        raise BundleRefused(f"nothing can be proven on {bundle.network}: its blocks cost nothing")
    if isinstance(ground.rule, Constant) and not test_networks:
        raise BundleRefused(f"{MINED_BY_ANYBODY} (--test-network takes it nevertheless)")
    return chain, network, ground


def _script(chain: Chain, network: Network, address: str) -> bytes:
    try:
        if chain.parse(address, network) == address and chain.script is not None:
            return chain.script(address, network)
    except InvalidAddress as error:
        raise BundleRefused(f"address: {error.reason}") from None
    raise BundleRefused("address: not in the form that this program writes")


def _headers(runs: tuple[Run, ...], ground: Ground, now: int) -> HeaderChain:
    """The chain of all headers: from the shipped block up, and down to older ones."""
    chain = HeaderChain(ground)
    end = -1
    for number, run in enumerate(runs):
        if run.start <= end:
            raise BundleRefused(f"headers[{number}]: not above the ones before")
        end = run.start + len(run.headers) - 1
    for number, run in reversed([*enumerate(runs)]):
        try:
            _take(chain, run, ground, now)
        except DonationsError as error:
            raise BundleRefused(f"headers[{number}]: {error}") from None
    return chain


def _take(chain: HeaderChain, run: Run, ground: Ground, now: int) -> None:
    if run.start >= ground.height:
        for at in range(0, len(run.headers), MAX_HEADERS):
            chain.extend(run.start + at, run.headers[at : at + MAX_HEADERS], now=now)
    elif run.start + len(run.headers) > ground.height + 1:
        raise BundleRefused("it leads past the block that is shipped")
    else:
        chain.link_back(run.start, run.headers)


def _check(
    proven: Proven,
    headers: HeaderChain,
    script: bytes,
    outputs: dict[str, str],
    consumed: dict[str, str],
    chain: Chain,
) -> Checked:
    header = headers.header_at(proven.height)
    if header is None:
        raise BundleRefused(f"there is no header for block {proven.height}")
    if header.hash != proven.block:
        raise BundleRefused(
            f"block {proven.height} is {header.hash} on the best chain, not {proven.block}"
        )
    if not isinstance(proven.evidence, Inclusion):
        raise BundleRefused("this is evidence of Ethereum")
    transaction = check_inclusion(proven.evidence, header, proven.height)
    if transaction.txid != proven.id:
        raise BundleRefused(f"the bytes are those of {transaction.txid}, not of {proven.id}")
    paying = [
        (n, units)
        for n, (locking, units) in enumerate(transaction.outputs)
        if (without_token(locking) if chain.name == "bch" else locking) == script
    ]
    units = sum(units for _, units in paying)
    if units != proven.units:
        raise BundleRefused(f"{proven.id} pays {units} to the address, not {proven.units}")
    for n, _ in paying:
        name = f"{proven.id}:{n}"
        if name in outputs:
            raise BundleRefused(f"{proven.id} stands here twice")
        outputs[name] = proven.id
    consumed.update(dict.fromkeys(transaction.inputs, proven.id))
    tip = headers.tip.height if headers.tip is not None else headers.ground.height
    return Checked(
        proven.id, units, proven.height, proven.block, header.time, tip - proven.height + 1
    )


def _rests_on(ground: Ground, headers: HeaderChain) -> list[str]:
    said = []
    if isinstance(ground.rule, Constant):
        said.append(MINED_BY_ANYBODY)
    tip = headers.tip
    if tip is not None:
        said.append(
            f"block {ground.height} ({ground.hash}), which comes with this program, and the work "
            f"of the {tip.height - ground.height} blocks after it, up to {tip.hash}"
        )
    else:
        said.append(
            "blocks that come with this program, and the hashes that lead from them to the "
            "blocks of the transfers"
        )
    return said
