"""Counted: addresses at random in the widget's place, and hosts that must not be asked."""

from __future__ import annotations

import ipaddress
import random
import socket
from typing import TYPE_CHECKING

import pytest

from donations.chains import base58, bech32, cashaddr
from donations.chains.cashaddr import CashAddress
from donations.chains.eth import checksummed
from donations.public_web import NotPublic, public_sockets
from tests.tamper.pages import alarms, form, post
from tests.web.samples import BCH, BTC, ETH

if TYPE_CHECKING:
    from tests.measured import Table

_PRIVATE = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
_SCHEME = {BTC: "bitcoin:", BCH: "", ETH: "ethereum:"}
_HOSTILE = ("&#8203;", "&shy;", "\u2060", "<wbr>", "<b></b>", "<!-- x -->", "<i>", "\u00a0")


def stranger(chance: random.Random, own: str) -> str:
    """Somebody's address of the same kind as the author's, or of another kind of that chain."""
    digest = chance.randbytes(20)
    if own == ETH:
        # As much of the author's first and last letters as an imitator gets.
        found = f"0x{own[2:8]}{chance.randbytes(14).hex()}{own[-6:]}"
        return chance.choice([checksummed(found), found.lower()])
    if own == BCH:
        spelled = cashaddr.encode(CashAddress("bitcoincash", chance.randrange(2), digest))
        return chance.choice([spelled, spelled.partition(":")[2], spelled.upper()])
    version, program = chance.choice([(0, digest), (1, chance.randbytes(32))])
    witness = bech32.encode_witness("bc", version, program)
    old = base58.encode_check(bytes([chance.choice((0, 5))]) + digest)
    return chance.choice([old, old, witness, witness.upper()])


def test_no_stranger_stands_in_the_widgets_place(seed: int, long: bool, table: Table) -> None:
    """Whatever address takes the author's place, in text, link or both, raises an alarm."""
    chance = random.Random(seed)
    script, tried, unseen = form(), 5000 if long else 300, list[str]()
    for _ in range(tried):
        own = chance.choice((BTC, BCH, ETH))
        evil = stranger(chance, own)
        at = chance.randrange(4, len(evil) - 4)
        written = evil[:at] + chance.choice(("", *_HOSTILE)) + evil[at:]
        link = f'href="{_SCHEME[own]}{own}'
        pages = (
            post(script.replace(own, evil)),
            post(script.replace(f">{own}<", f">{written}<")),
            post(script.replace(link, f'href="{_SCHEME[own]}{evil}')),
            post(script, before=f"<p>Give: {written}</p>"),
            post(script, after=f"<div>{written}</div>"),
        )
        page = chance.choice(pages)
        assert page != post(script)
        if not alarms(page):
            unseen.append(written)
    table.never("strangers' addresses in the widget's place unseen", len(unseen), tried)


def test_no_private_address_is_reached(seed: int, long: bool, table: Table) -> None:
    """Private addresses at random, plain or wrapped into IPv6, get no socket."""
    chance = random.Random(seed)
    open_socket, reached = public_sockets("https://blog.example/"), 0
    tried = 20_000 if long else 2_000
    for _ in range(tried):
        net = ipaddress.IPv4Network(chance.choice(_PRIVATE))
        inner = int(net.network_address) + chance.randrange(net.num_addresses)
        wrapped = chance.choice(
            [inner, 0xFFFF << 32 | inner, inner, 0x64FF9B << 96 | inner,
             0x2002 << 112 | inner << 80 | chance.getrandbits(80),
             0xFD << 120 | chance.getrandbits(120), 0xFE8 << 116 | chance.getrandbits(64)]
        )  # fmt: skip
        address = (
            ipaddress.ip_address(wrapped) if wrapped < 1 << 32 else ipaddress.IPv6Address(wrapped)
        )
        kind = socket.AF_INET if address.version == 4 else socket.AF_INET6
        try:
            open_socket((kind, socket.SOCK_STREAM, 0, "", (str(address), 443))).close()
        except NotPublic:
            continue
        reached += 1
    table.never("private addresses that a page could lead to", reached, tried)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111"])
def test_public_ones_get_a_socket(address: str) -> None:
    """The judge is no wall."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    open_socket = public_sockets("https://blog.example/")
    open_socket((kind, socket.SOCK_STREAM, 0, "", (address, 443))).close()
