"""From the proofs that are kept to a bundle that a stranger can check."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from donations.bundle.form import read
from donations.bundle.verify import verify
from donations.errors import BundleRefused
from donations.ledger import Kind, Level, State
from donations.showing import Showcase, print_bundle
from donations.web import create_web
from donations.web.proofs import Proofs
from donations.web.public import Readiness
from donations.web.publisher import Publisher
from donations.web.server import serve
from tests.bundle.kept import keep
from tests.bundle.made import ADDRESSES
from tests.program import donations
from tests.running import until
from tests.web.test_ledger import ASSETS, ask, pages
from tests.web.test_thanks import transfer
from tests.web.waiting import run

if TYPE_CHECKING:
    from pathlib import Path

    from donations.bundle.verified import Verified


def checked(text: bytes) -> Verified:
    return verify(text, now=int(time.time()) + 1_000_000, test_networks=True)


@pytest.mark.parametrize("name", ["btc", "bch"])
def test_what_is_kept_is_shown_and_holds(tmp_path: Path, name: str) -> None:
    """A gift by its number, and all of an address in any spelling: each bundle verifies."""
    config, _, proven = keep(tmp_path, name)
    (one,) = checked(print_bundle(config, proven[1].id)).transfers
    assert (one.id, one.units) == (proven[1].id, proven[1].units)
    total = checked(print_bundle(config, ADDRESSES[name].removeprefix("bitcoincash:")))
    assert [each.id for each in total.transfers] == [each.id for each in proven[:-1]]
    assert total.bundle.units == sum(each.units for each in proven[:-1])


def test_what_is_not_proven_is_not_shown(tmp_path: Path) -> None:
    """A gift that is agreed on only, an unknown one and a foreign address are refused in words."""
    _, _, proven = keep(tmp_path)
    for what, code, said in (
        (proven[-1].id, 1, "no gift that stands in a block is proven"),
        ("ab" * 32, 2, "nor a transfer of one"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 2, "neither an address that is watched"),
    ):
        done = donations("prove", what, folder=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), what
        assert said in done.stderr
        assert what not in done.stderr


def test_a_proof_of_another_block_is_not_shown(tmp_path: Path) -> None:
    """A gift that moved to another block has no bundle until it is proven there."""
    config, _, proven = keep(tmp_path)
    with closing(sqlite3.connect(config.database)) as raw:
        raw.execute("UPDATE transfers SET block_hash = ? WHERE id = ?", ("ab" * 32, proven[0].id))
        raw.commit()
    with pytest.raises(BundleRefused, match="made anew"):
        print_bundle(config, proven[0].id)
    with pytest.raises(BundleRefused, match="made anew"):
        print_bundle(config, ADDRESSES["btc"])


def test_what_is_no_longer_watched_is_not_shown(tmp_path: Path) -> None:
    """An address that was taken out of the configuration is nobody's business any more."""
    config, _, proven = keep(tmp_path)
    other = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    chains = {"btc": replace(config.chains["btc"], addresses=(other,))}
    showcase = Showcase(replace(config, chains=chains))
    for identity in (proven[0].id, None):
        with pytest.raises(BundleRefused, match="not watched"):
            run(showcase.bundle("btc", ADDRESSES["btc"], identity))
    showcase.close()


def test_from_the_command_to_the_command(tmp_path: Path) -> None:
    """What `prove` prints in one folder, `verify` accepts in another one."""
    _, _, proven = keep(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = donations("prove", proven[0].id, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (elsewhere / "gift.json").write_text(done.stdout, encoding="ascii")
    done = donations("verify", "--test-network", "gift.json", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "proven: 0.00005 BTC in 1 transfer" in done.stdout


def test_the_service_hands_them_out(tmp_path: Path) -> None:
    """As a file for anybody, with the bytes that `prove` prints; what there is none of is 404."""
    config, _, proven = keep(tmp_path)
    showcase = Showcase(config)
    proofs = Proofs(showcase.bundle)
    address = ADDRESSES["btc"]

    async def law() -> None:
        app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=proofs.routes())
        async with (
            serve(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            async with session.get(f"/proof.json?chain=btc&address={address}") as answer:
                assert answer.status == 200
                assert "attachment" in answer.headers["Content-Disposition"]
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert await answer.read() == print_bundle(config, address)
            query = f"chain=btc&address={address}&id={proven[0].id}"
            async with session.get(f"/proof.json?{query}") as answer:
                assert read(await answer.read()).transfers[0].id == proven[0].id
            for query in (
                "",
                "chain=btc",
                f"chain=btc&address={address}&id={proven[-1].id}",
                f"chain=btc&address={address}&id=",
                f"chain=bch&address={address}",
                "chain=btc&address=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                f"chain=btc&address={address}&id={'9' * 300}",
            ):
                async with session.get(f"/proof.json?{query}") as answer:
                    assert answer.status == 404, query

    run(law())
    showcase.close()


def test_only_a_few_are_made_at_a_time() -> None:
    """While eight wait, others are asked to come back; what is kept is bounded and forgotten."""
    made: list[str] = []
    gate = asyncio.Event()

    async def make(chain: str, address: str, identity: str | None) -> bytes:
        made.append(address)
        await gate.wait()
        return b"x" * 5 * 2**20

    async def law() -> None:
        proofs = Proofs(make)
        app = create_web(Publisher(ASSETS, languages=("fr",)), Readiness, more=proofs.routes())
        async with (
            serve(app, "127.0.0.1", 0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):

            async def status(name: str) -> int:
                async with session.get(f"/proof.json?address={name}") as answer:
                    await answer.read()
                    return answer.status

            first = [asyncio.ensure_future(status(f"a{n}")) for n in range(8)]
            await until(lambda: proofs._waiting == 8)
            assert await status("b") == 503
            assert len(made) == 1
            gate.set()
            assert await asyncio.gather(*first) == [200] * 8
            assert sum(len(p.bodies["identity"]) for p in proofs._kept.values()) <= 16 * 2**20
            before = len(made)
            assert await status("a7") == 200
            assert len(made) == before
            proofs.changed()
            assert await status("a7") == 200
            assert len(made) == before + 1

    run(law())


def test_the_page_offers_what_there_is() -> None:
    """On /ledger every proven gift in a block has its proof, and nothing else has."""
    with_proof = [
        transfer(State.FINAL, named="01" * 32, level=Level.PROVEN),
        transfer(State.CONFIRMED, of="bch", named="02" * 32, level=Level.PROVEN),
    ]
    without = [
        transfer(State.FINAL, named="03" * 32),
        transfer(State.FINAL, named="04" * 32, level=Level.PROVEN, kind=Kind.OWN),
        transfer(State.SEEN, named="05" * 32),
        transfer(State.DROPPED, named="06" * 32, level=Level.PROVEN),
    ]
    html = ask(pages(*with_proof, *without), "/ledger?lang=en")[1]
    offered = re.findall(r'href="proof\.json\?chain=(\w+)&amp;address=[^"&]+&amp;id=(\w+)"', html)
    assert sorted(offered) == [("bch", "02" * 32), ("btc", "01" * 32)]
    assert "Proof of all proven gifts of this address" in html
    assert "donations verify proof.json" in html
    assert "donations verify" not in ask(pages(*without[:1]), "/ledger?lang=en")[1]
