"""The commands against real nodes of all three chains: right numbers and exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from donations.amounts import format_amount

from ..nodes.process import free_ports, wait_until
from .command import Serving, donations, totals
from .watching import config_text

if TYPE_CHECKING:
    from pathlib import Path

    from ..nodes.bitcoin import Bitcoin
    from ..nodes.bitcoin_cash import BitcoinCash
    from ..nodes.electrumx import ElectrumX
    from ..nodes.ethereum import Ethereum
    from ..nodes.utxo import UtxoNode

ETHER = 10**18


def test_the_numbers_of_all_three_chains(
    bitcoin: Bitcoin,
    bitcoin_electrum: ElectrumX,
    bitcoin_cash: BitcoinCash,
    bitcoin_cash_electrum: ElectrumX,
    ethereum: Ethereum,
    tmp_path: Path,
) -> None:
    """`check` tells balances and tips, `totals` what came in, while the service runs and after."""
    gifts = {"btc": 123_456_789 // 10, "bch": 2_345_678, "eth": 3 * ETHER // 7}
    nodes: dict[str, UtxoNode | Ethereum] = {"btc": bitcoin, "bch": bitcoin_cash, "eth": ethereum}
    addresses = {chain: [node.new_address()] for chain, node in nodes.items()}
    for chain, node in nodes.items():
        node.send(addresses[chain][0], gifts[chain])
        node.mine(12)
    urls = {
        "btc": [bitcoin_electrum.tcp_url],
        "bch": [bitcoin_cash_electrum.tcp_url],
        "eth": [ethereum.url],
    }
    for server, other in ((bitcoin_electrum, bitcoin), (bitcoin_cash_electrum, bitcoin_cash)):
        server.wait_tip(other.tip())
    config = tmp_path / "config.toml"
    (port,) = free_ports(1)
    config.write_text(config_text(urls, addresses, port=port))

    done = donations("check", config, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["chain"]: row for row in json.loads(done.stdout)["upstreams"]}
    decimals = {"btc": 8, "bch": 8, "eth": 18}
    for chain, node in nodes.items():
        amount = f"{format_amount(gifts[chain], decimals[chain])} {chain.upper()}"
        assert (rows[chain]["balance"], rows[chain]["tip"]) == (amount, node.height())

    never = donations("totals", config)
    assert never.returncode == 1
    serving = Serving(config, port)
    try:
        serving.start()
        told = wait_until(lambda: settled(config), "all known")
    finally:
        serving.stop()
    assert told == settled(config)
    for each in told.values():
        chain = str(each["chain"])
        amount = format_amount(gifts[chain], decimals[chain])
        assert (each["received"], each["final"], each["balance"]) == (amount, amount, amount)
        assert (each["unexplained"], each["gifts"]) == ("0", 1)


def settled(config: Path) -> dict[str, dict[str, object]]:
    """The totals when all are known, else nothing."""
    told = totals(config)
    for each in told.values():
        if each["received"] is None:
            return {}
        each.pop("as_of")
    return told


def test_a_server_of_another_network_is_named(
    bitcoin_cash_electrum: ElectrumX, ethereum: Ethereum, bitcoin: Bitcoin, tmp_path: Path
) -> None:
    """An upstream that is no Electrum server fails the check; exit code 1."""
    config = tmp_path / "config.toml"
    urls = {"btc": [f"tcp://127.0.0.1:{ethereum.port}"]}
    config.write_text(config_text(urls, {"btc": [bitcoin.new_address()]}))
    done = donations("check", config)
    assert done.returncode == 1
    assert "NOT ENOUGH" in done.stdout
