"""The part of the configuration that is about servers: upstreams, and explorers with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.chains.base import Chain, Explorer, Network, Protocol, Upstream, is_near

if TYPE_CHECKING:
    from donations.config_file import Table

_EXPLORER_KEYS = ("kind", "key", "url")
_EXPLORERS = {
    "etherscan": "https://api.etherscan.io/v2/api",
    "blockscout": "https://api.blockscout.com/{}/api",
}
_SCHEMES = {
    Protocol.ELECTRUM: ("ssl", "tcp"),
    Protocol.ESPLORA: ("https", "http"),
    Protocol.HASKOIN: ("https", "http"),
    Protocol.ETHEREUM: ("https", "http"),
}
_EXAMPLES = {
    Protocol.ELECTRUM: "ssl://electrum.example.org:50002",
    Protocol.ESPLORA: "https://esplora.example.org/api",
    Protocol.HASKOIN: "https://haskoin.example.org/bch",
    Protocol.ETHEREUM: "https://ethereum.example.org",
}


def read_upstreams(
    chain: Chain, network: Network, section: Table, *, needed: bool
) -> tuple[Upstream, ...]:
    """Who is asked about a chain. Raises ConfigError."""
    if "upstreams" not in section:
        if network == chain.networks["mainnet"]:
            return chain.upstreams
        if needed:
            raise section.error(
                f"the network {network.name} needs upstreams = [...]: "
                "the servers that come with the program are those of mainnet",
                "network",
            )
        return ()
    found: dict[str, Upstream] = {}
    for index, item in enumerate(section.texts_or_tables("upstreams", ("url", "operator"))):
        url = item if isinstance(item, str) else item.text("url", "")
        try:
            host = _host(chain, url)
        except ValueError as error:
            reason = str(error)
        else:
            operator = "" if isinstance(item, str) else item.text("operator", "")
            if url not in found:
                found[url] = Upstream(url, operator or _operator_of(chain, host))
                continue
            reason = "the same upstream stands here twice"
        # Outside the handler: the error of the URL parser repeats parts of it.
        raise section.error(reason, "upstreams", index)
    if not found:
        raise section.error("the list is empty; leave the key out instead", "upstreams")
    return tuple(found.values())


def _host(chain: Chain, url: str) -> str:
    """The host of an upstream's URL. Raises ValueError, in words that repeat nothing of it."""
    spoken = [chain.protocol, *([chain.explorer] if chain.explorer else [])]
    form = "write it as " + " or ".join(_EXAMPLES[each] for each in spoken)
    if any(not "!" <= character <= "~" for character in url):
        raise ValueError(f"the URL holds a character that belongs in none; {form}")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"this is not a URL; {form}") from None
    schemes = [scheme for each in spoken for scheme in _SCHEMES[each]]
    if parts.scheme not in schemes:
        raise ValueError(f"the URL must begin with {' or '.join(schemes)}; {form}")
    if not host:
        raise ValueError(f"the URL names no host; {form}")
    protocol = chain.protocol_of(url)
    if protocol is Protocol.ELECTRUM:
        if port is None or port == 0:
            raise ValueError(f"the URL names no port; {form}")
        if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError(f"the URL is scheme, host and port, nothing else; {form}")
    elif parts.scheme == "http" and not is_near(url):
        raise ValueError("plain http is for your own node on a private address; use https")
    elif protocol is chain.explorer and (parts.query or parts.fragment or "@" in parts.netloc):
        raise ValueError(f"the URL is scheme, host and path, nothing else; {form}")
    return host


def _operator_of(chain: Chain, host: str) -> str:
    """The host itself, or the known operator whose domain it is in."""
    for upstream in chain.upstreams:
        if host == upstream.operator or host.endswith(f".{upstream.operator}"):
            return upstream.operator
    return host


def read_explorer(chain: Chain, network: Network, section: Table) -> Explorer | None:
    """The explorer of Ethereum that the operator has a key for. Raises ConfigError."""
    if "explorer" not in section:
        return None
    if network.chain_id is None:
        raise section.error(
            f"an explorer of {chain.title} needs no key: write its URL into upstreams", "explorer"
        )
    table = section.table("explorer", _EXPLORER_KEYS)
    kind = table.text("kind", next(iter(_EXPLORERS)))
    if kind not in _EXPLORERS:
        raise table.error(f"unknown kind; known: {', '.join(_EXPLORERS)}", "kind")
    if "key" not in table:
        raise table.error('it needs your own key, best as key = { env = "NAME" }')
    url = table.text("url", _EXPLORERS[kind].format(network.chain_id))
    parts = urlsplit(url) if all("!" <= character <= "~" for character in url) else None
    if parts is None or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise table.error(f"write it as {_EXPLORERS[kind].format(network.chain_id)}", "url")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near(url)):
        raise table.error("your key must not travel in the clear: use https", "url")
    return Explorer(kind, url, table.text("key", ""))
