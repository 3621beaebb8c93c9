"""Several servers on one node: who falls silent, who comes back, who changes his certificate."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ..nodes.electrumx import ElectrumX
from ..nodes.process import wait_until
from .command import donations
from .conftest import prompt_server
from .node_watch import EthereumWatch, UtxoWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..nodes.bitcoin import Bitcoin
    from ..nodes.ethereum import Ethereum

# The law: a gift shows so soon after its Electrum server knows it.
SHOWN_SECONDS = 2.0
POLL_SECONDS = 15
# A pause after failures grows to this within the short absence of a server.
BACK_SECONDS = 40
# Long enough for the server that is left to be asked a few times.
ALONE_SECONDS = 2


@pytest.fixture
def second_electrum(bitcoin: Bitcoin, tmp_path: Path) -> Iterator[ElectrumX]:
    """Another Electrum server on the Bitcoin node."""
    folder = tmp_path / "second"
    folder.mkdir()
    server = prompt_server(folder, "Bitcoin", bitcoin.url)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def stock_electrum(
    bitcoin: Bitcoin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ElectrumX]:
    """An Electrum server as its authors ship it: it holds small answers back for a second."""
    server = ElectrumX(tmp_path_factory.mktemp("stock"), "Bitcoin", bitcoin.url)
    yield server
    server.stop()


def test_two_must_agree(
    bitcoin: Bitcoin, bitcoin_electrum: ElectrumX, second_electrum: ElectrumX, tmp_path: Path
) -> None:
    """While one of two servers that must agree is away nothing counts that is new and not proven,
    and nothing known is lost; when it is back all is told."""
    address = bitcoin.new_address()
    servers = [bitcoin_electrum, second_electrum]
    with UtxoWatch(tmp_path, "btc", bitcoin, servers, [address], agree=2) as watch:
        watch.settle()
        bitcoin.send(address, 50_000)
        watch.settle()
        assert watch.coin(watch.spelling[address]).sources == 2
        bitcoin.mine(7)
        watch.settle()
        second_electrum.kill()
        watch.wait_error("btc", "no connection")
        lonely = bitcoin.send(address, 60_000)
        with pytest.raises(AssertionError, match="not what the node says"):
            watch.settle(ALONE_SECONDS)
        assert lonely not in {entry.id for entry in watch.book.entries("btc")}
        assert watch.sums(address) == {"final": 50_000}
        second_electrum.start()
        bitcoin.mine(2)
        watch.settle(BACK_SECONDS)
        bitcoin.reorg(2, 3)
        watch.settle()
        bitcoin.mine()
        watch.settle()


def test_one_of_two_is_enough(
    bitcoin: Bitcoin, bitcoin_electrum: ElectrumX, second_electrum: ElectrumX, tmp_path: Path
) -> None:
    """Where one is enough, gifts, blocks and reorgs are followed while the other is away."""
    address = bitcoin.new_address()
    servers = [bitcoin_electrum, second_electrum]
    with UtxoWatch(tmp_path, "btc", bitcoin, servers, [address]) as watch:
        bitcoin.send(address, 50_000)
        watch.settle()
        second_electrum.stop()
        bitcoin.mine(3)
        watch.settle()
        bitcoin.send(address, 60_000)
        watch.settle()
        bitcoin.reorg(2, 3)
        watch.settle()
        second_electrum.start()
        bitcoin.mine()
        watch.settle()


def test_a_gift_shows_at_once(bitcoin: Bitcoin, stock_electrum: ElectrumX, tmp_path: Path) -> None:
    """From the moment a server as it is shipped lists a gift, readers get it within 2 seconds, in
    the mempool and in its block."""
    address = bitcoin.new_address()
    script, url = bitcoin.script(address), stock_electrum.tls_url
    with UtxoWatch(tmp_path, "btc", bitcoin, [stock_electrum], [address], urls=[url]) as watch:
        watch.settle()
        bitcoin.mine()
        watch.settle()
        took = []
        for units in (50_000, 60_000, 70_000):
            before = watch.published.coins[0].sums
            gift = bitcoin.send(address, units)
            stock_electrum.wait_listed(gift, script)
            took.append(shown_after(watch, before))
        before = watch.published.coins[0].sums
        (block,) = bitcoin.mine()
        stock_electrum.wait_tip(block)
        took.append(shown_after(watch, before))
        assert max(took) < SHOWN_SECONDS, took


def shown_after(watch: UtxoWatch, before: object) -> float:
    """Seconds until readers get other sums than ``before``."""
    start = time.monotonic()
    wait_until(lambda: watch.published.coins[0].sums != before, "shown")
    return time.monotonic() - start


def test_an_ethereum_gift_shows_within_a_poll(ethereum: Ethereum, tmp_path: Path) -> None:
    """With the shortest poll a file may ask for a gift shows within it, and a little."""
    address = ethereum.new_address()
    watch = EthereumWatch(tmp_path, ethereum, [address], since=ethereum.height())
    watch.config = replace(watch.config, poll_seconds=POLL_SECONDS)
    with watch:
        watch.settle()
        ethereum.send(address, 5)
        start = time.monotonic()
        wait_until(lambda: (watch.published.coins[0].sums or ())[0].received == 5, "shown")
        assert time.monotonic() - start < POLL_SECONDS + 5


def test_a_renewed_certificate_is_refused_until_accepted(
    bitcoin: Bitcoin, stock_electrum: ElectrumX, tmp_path: Path
) -> None:
    """A self-signed certificate is pinned at first sight; another one is refused with the cure in
    words, and the cure works while the service runs."""
    address = bitcoin.new_address()
    bitcoin.send(address, 50_000)
    url = stock_electrum.tls_url
    with UtxoWatch(tmp_path, "btc", bitcoin, [stock_electrum], [address], urls=[url]) as watch:
        watch.settle()
        stock_electrum.replace_certificate()
        cure = "donations check --accept-certificate 127.0.0.1"
        watch.wait_error("btc", cure)
        bitcoin.send(address, 60_000)
        config = tmp_path / "config.toml"
        config.write_text(watch.text)
        refused = donations("check", config)
        assert refused.returncode == 1
        assert cure in refused.stdout
        accepted = donations("check", config, "--accept-certificate", "127.0.0.1")
        assert (accepted.returncode, accepted.stderr) == (
            0,
            f"forgot the certificate of 127.0.0.1:{stock_electrum.tls_port}\n",
        )
        watch.settle(BACK_SECONDS)
