"""What `donations embed` prints for this configuration, as a page is compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from donations import qr
from donations.chains import CHAINS
from donations.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from donations.chains.base import Network


class Embedded(Protocol):
    """A coin of a snapshot: what is needed of it here."""

    @property
    def chain(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def payment(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Expectation:
    """``home`` is the hosted page's address with a slash at its end, None if nobody embeds it.

    ``widgets`` are the addresses of each widget by its own hosted page, that at ``home`` included.
    ``networks`` are those of the watched chains. ``scripts`` are the names of all scripts that
    were ever released, with their hashes (W3C SRI). ``codes`` and ``paths`` are the QR codes as
    bits and as drawn, each with its address.
    """

    home: str | None
    networks: Mapping[str, Network]
    addresses: frozenset[tuple[str, str]]
    scripts: Mapping[str, str]
    codes: Mapping[str, str]
    paths: Mapping[str, str]
    widgets: Mapping[str, frozenset[tuple[str, str]]]

    def below(self, url: str) -> str | None:
        """What follows the hosted page of the widget that ``url`` is of; None if of no widget."""
        homes = [home for home in self.widgets if url.startswith(home)]
        return url.removeprefix(max(homes, key=len)) if homes else None

    def own(self, chain: str, text: str) -> tuple[str, bool] | None:
        """The address that ``text`` is on ``chain``, and whether it is the author's.

        None when it is no address there.
        """
        if chain not in self.networks:
            return None
        try:
            address = CHAINS[chain].parse(text, self.networks[chain])
        except InvalidAddress:
            return None
        return address, (chain, address) in self.addresses

    def read(self, chain: str, text: str) -> tuple[str, bool] | None:
        """As `own`; the old form of an address (1..., 3...) may be of Bitcoin Cash instead."""
        readings = [self.own(name, text) for name in dict.fromkeys((chain, "bch"))]
        known = [reading for reading in readings if reading is not None]
        return next((reading for reading in known if reading[1]), known[0] if known else None)


def expect(
    coins: Iterable[Embedded],
    networks: Mapping[str, Network],
    *,
    home: str | None,
    scripts: Mapping[str, str],
    widgets: Mapping[str, Iterable[tuple[str, str]]],
) -> Expectation:
    """The expectation of these coins. Draws their codes: a tenth of a second.

    ``widgets`` are the addresses of each, by what follows ``home``: "" for the one there.
    """
    coins = [*coins]
    home = f"{home.rstrip('/')}/" if home else None
    addresses = frozenset((coin.chain, coin.address) for coin in coins)
    placed = {path: frozenset(held) for path, held in widgets.items()}
    spelled = [(text, coin.address) for coin in coins for text in _spellings(coin)]
    return Expectation(
        home=home,
        networks=networks,
        addresses=addresses,
        scripts=scripts,
        codes={qr.bits(text): address for text, address in spelled},
        paths={qr.path(text): address for text, address in spelled},
        widgets={} if home is None else {home + path: held for path, held in placed.items()},
    )


def _spellings(coin: Embedded) -> list[str]:
    """The payment, and its capital letters where the chain reads them: a smaller code."""
    scheme, colon, body = coin.payment.rpartition(":")
    if coin.chain == "eth" or body != body.lower():
        return [coin.payment]
    upper = body.upper()
    return [coin.payment, f"{scheme}{colon}{upper}", f"{scheme.upper()}{colon}{upper}"]
