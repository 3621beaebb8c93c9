"""The part of the configuration that is about chains: addresses, networks, upstreams, tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from donations.chains import CHAINS
from donations.chains.base import Chain, Explorer, Network, Token, Upstream
from donations.chains.eth import parse_contract
from donations.config_file import Table
from donations.config_upstreams import read_explorer, read_upstreams
from donations.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHAIN_KEYS = ("network", "confirmations", "agree", "upstreams", "tokens", "explorer", "proofs")
_NETWORK_KEYS = ("name", "genesis", "chain_id")
_HASH = re.compile(r"(?:0x)?([0-9a-f]{64})")
_SYMBOL = re.compile(r"[A-Za-z0-9.]{1,11}")
# EIP-2294 bounds chain numbers so that they fit everywhere.
_MAX_CHAIN_ID = 2**63 - 19
_MAX_DECIMALS = 36


@dataclass(frozen=True, slots=True)
class Watched:
    """One address that is watched, in its canonical spelling. ``chain`` is "btc", "bch", "eth"."""

    chain: str
    address: str


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """How one chain is watched.

    ``confirmations`` makes a block final (0: the chain has a finality of its own). ``agree`` is the
    number of operators that must tell the same. ``proofs``: what stands in a block counts once that
    is proven.
    """

    chain: Chain
    network: Network
    addresses: tuple[str, ...]
    confirmations: int
    agree: int
    upstreams: tuple[Upstream, ...]
    tokens: tuple[Token, ...]
    explorer: Explorer | None = None
    proofs: bool = False

    @property
    def operators(self) -> frozenset[str]:
        """Who is asked: hosts of one operator are one opinion."""
        return frozenset(upstream.operator for upstream in self.upstreams)


def read_chains(root: Table) -> dict[str, ChainSettings]:
    """The chains that have an address, in the order of CHAINS. Raises ConfigError."""
    addresses = root.table("addresses", tuple(CHAINS))
    sections = root.table("chains", tuple(CHAINS))
    settings = {
        name: _chain(chain, sections.table(name, _CHAIN_KEYS), addresses)
        for name, chain in CHAINS.items()
        if name in addresses or name in sections
    }
    watched = {name: chain for name, chain in settings.items() if chain.addresses}
    if not watched:
        raise addresses.error(f"at least one address is needed: {', '.join(CHAINS)}")
    return watched


def _chain(chain: Chain, section: Table, addresses: Table) -> ChainSettings:
    network = _network(chain, section)
    upstreams = read_upstreams(chain, network, section, needed=chain.name in addresses)
    operators = len({upstream.operator for upstream in upstreams})
    if chain.confirmations == 0 and "confirmations" in section:
        raise section.error(f"{chain.title} has a finality of its own", "confirmations")
    lowest = min(1, chain.confirmations)
    return ChainSettings(
        chain=chain,
        network=network,
        addresses=_addresses(chain, network, addresses),
        confirmations=section.integer("confirmations", chain.confirmations, lowest, 1000),
        agree=_agree(section, operators),
        upstreams=upstreams,
        tokens=tuple(_tokens(chain, network, section)),
        explorer=read_explorer(chain, network, section),
        proofs=_proofs(chain, network, section),
    )


def _proofs(chain: Chain, network: Network, section: Table) -> bool:
    """Asked for where there is something to start from; elsewhere they cannot be."""
    possible = network.ground is not None
    proofs = section.boolean("proofs", possible)
    if proofs and not possible:
        raise section.error(
            f"on the network {network.name} of {chain.title} nothing can be proven", "proofs"
        )
    return proofs


def _agree(section: Table, operators: int) -> int:
    agree = section.integer("agree", min(2, operators), min(1, operators), 20)
    if agree > operators:
        raise section.error(f"{agree} operators cannot agree where {operators} are asked", "agree")
    return agree


def _network(chain: Chain, section: Table) -> Network:
    given = section.texts_or_tables("network", _NETWORK_KEYS) or ("mainnet",)
    if len(given) > 1:
        raise section.error("a chain is watched on one network", "network")
    table = given[0]
    name = table if isinstance(table, str) else table.text("name", "mainnet")
    if name not in chain.networks:
        known = ", ".join(chain.networks)
        raise section.error(f"unknown network of {chain.title}; known: {known}", "network")
    network = chain.networks[name]
    return network if isinstance(table, str) else _overridden(network, table)


def _overridden(network: Network, table: Table) -> Network:
    if "genesis" in table:
        match = _HASH.fullmatch(table.text("genesis", network.genesis).lower())
        if match is None:
            raise table.error("a block hash is 64 hexadecimal digits", "genesis")
        if network.chain_id is None:
            network = network.private(match.group(1))
        else:
            network = replace(network, genesis=f"0x{match.group(1)}", longest_gap=None)
    if "chain_id" in table:
        if network.chain_id is None:
            raise table.error("only Ethereum networks have a chain number", "chain_id")
        number = table.integer("chain_id", network.chain_id, 1, _MAX_CHAIN_ID)
        if number != network.chain_id and "genesis" not in table:
            network = replace(network, genesis="", longest_gap=None)
        network = replace(network, chain_id=number)
    return network


def _addresses(chain: Chain, network: Network, addresses: Table) -> tuple[str, ...]:
    found: dict[str, int] = {}
    texts = addresses.texts(chain.name)
    if chain.name in addresses and not texts:
        raise addresses.error("the list is empty; leave the key out instead", chain.name)
    for index, text in enumerate(texts):
        keys = (chain.name, index)
        try:
            address = chain.parse(text, network)
        except InvalidAddress as error:
            reason = error.reason
        else:
            if address not in found:
                found[address] = index
                continue
            first = f"addresses.{chain.name}[{found[address]}]"
            spelling = ", in another spelling" if texts[found[address]] != text else ""
            raise addresses.error(f"the same address as {first}{spelling}", *keys)
        where = addresses.error(reason, *keys)
        raise InvalidAddress(reason, file=where.file, line=where.line, key=where.key)
    return tuple(found)


def _tokens(chain: Chain, network: Network, section: Table) -> Iterator[Token]:
    if "tokens" in section and not chain.tokens:
        raise section.error(f"tokens of {chain.title} are not counted", "tokens")
    symbols, contracts = {each.symbol for each in CHAINS.values()}, set[str]()
    items = section.texts_or_tables("tokens", ("symbol", "contract", "decimals"))
    for index, item in enumerate(items):
        if isinstance(item, Table):
            token = _own_token(network, item)
        else:
            token = _shipped_token(chain, network, item, section, index)
        if token.symbol.upper() in symbols or token.contract in contracts:
            raise section.error("two assets have this symbol or contract", "tokens", index)
        symbols.add(token.symbol.upper())
        contracts.add(token.contract)
        yield token


def _shipped_token(
    chain: Chain, network: Network, symbol: str, section: Table, index: int
) -> Token:
    if network != chain.networks["mainnet"]:
        raise section.error(
            "tokens known by symbol are those of mainnet; give contract and decimals",
            "tokens",
            index,
        )
    for token in chain.tokens:
        if token.symbol == symbol.upper():
            return token
    known = ", ".join(token.symbol for token in chain.tokens)
    raise section.error(
        f"unknown token; known: {known}; another needs symbol, contract and decimals",
        "tokens",
        index,
    )


def _own_token(network: Network, item: Table) -> Token:
    for key in ("symbol", "contract", "decimals"):
        if key not in item:
            raise item.error(f"the token needs {key}")
    symbol = item.text("symbol", "")
    if _SYMBOL.fullmatch(symbol) is None:
        raise item.error("a symbol is 1 to 11 letters, digits and points", "symbol")
    try:
        contract = parse_contract(item.text("contract", ""), network)
    except InvalidAddress as error:
        raise item.error(error.reason, "contract") from None
    return Token(symbol, contract, item.integer("decimals", 18, 0, _MAX_DECIMALS))
