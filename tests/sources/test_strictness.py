"""Whatever an upstream sends, a source tells the truth or fails in one way, soon, and recovers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from donations.demo import faults
from donations.demo.electrum import ElectrumServer
from donations.demo.utxo import UtxoChain
from donations.errors import BadObservation, UpstreamError, UpstreamMalformed, UpstreamUnavailable
from donations.sources import electrum_connection, transport
from donations.sources.base import Ask, Failure
from donations.sources.certificates import Certificates
from donations.sources.electrum_connection import Connection
from donations.sources.transport import decode
from tests.running import scene, until
from tests.sources.grammar import bent
from tests.sources.kinds import (
    AnyKind,
    ElectrumKind,
    ExplorerKind,
    look,
    open_kind,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from donations.demo.faults import Fault
    from donations.sources.base import Source

ELECTRUM = (
    "server.version",
    "blockchain.headers.subscribe",
    "blockchain.block.header",
    "blockchain.block.headers",
    "blockchain.scripthash.subscribe",
    "blockchain.scripthash.get_history",
    "blockchain.scripthash.get_balance",
    "blockchain.transaction.get",
)
ETHEREUM = (
    "eth_chainId",
    "eth_getBlockByNumber",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_getCode",
    "eth_getBlockReceipts",
    "eth_getLogs",
    "eth_call",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
)
ESPLORA = ("/blocks", "/address", "/address/txs/mempool", "/address/txs/chain")
HASKOIN = ("/health", "/block/best", "/block/heights", "/address/balance", "/address/transactions")
NAMES = ["ElectrumX 1.6", "ElectrumX 1.4.2", "Esplora", "Haskoin", "Ethereum"]
# Nothing of this is an answer to anything that is asked.
NONSENSE: tuple[Any, ...] = (
    True,
    -1,
    1.5,
    10**80,
    "",
    "0x",
    "12",
    "-0x5",
    "0x-1",
    "0x" + "f" * 65,
    "zz",
    "00" * 79,
    "\N{ARABIC-INDIC DIGIT THREE}" * 64,
    {},
    [None],
    [[]],
    [{}],
    [1, 2],
    ["a", "b"],
    {"height": -5, "hex": "00" * 80},
    {"height": True, "hex": 5},
    {"headers": [None]},
    {"headers": ["zz"]},
    {"hex": "abc"},
    {"confirmed": "5"},
    [{"tx_hash": "zz", "height": 1}],
    [{"tx_hash": "00" * 32, "height": -2}],
    [{"tx_hash": "00" * 32, "height": 10**30}],
    [{"tx_hash": "00" * 32, "height": 5}, {"tx_hash": "00" * 32, "height": 4}],
    {"number": "0x1"},
    {"number": "0x1", "hash": "0x" + "00" * 32, "timestamp": "0x1"},
    {"number": "0x1", "hash": "0x" + "00" * 32, "timestamp": "0x1", "transactions": 5},
)
# Of a hanging line; where nothing hangs a busy machine gets the time it needs.
DEADLINE = 0.3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short deadlines for lines that hang."""
    monkeypatch.setattr(electrum_connection, "CALL_SECONDS", DEADLINE)
    monkeypatch.setattr(transport, "_TIMEOUT", aiohttp.ClientTimeout(total=DEADLINE))


def methods_of(kind: AnyKind) -> tuple[str, ...]:
    """What a source of this kind asks, by the names that its server gives them."""
    if isinstance(kind, ExplorerKind):
        return ESPLORA if kind.name == "btc" else HASKOIN
    return ELECTRUM if isinstance(kind, ElectrumKind) else ETHEREUM


def prepare(kind: AnyKind) -> None:
    """Give the kind something to tell by every method."""
    for key in kind.keys:
        kind.pay(key, 5_000)
        kind.confirm()
    kind.pay(kind.keys[0], 6_000)
    for _ in range(3):
        kind.confirm()


async def told_or_refused(kind: AnyKind, source: Source) -> bool:
    """One look: whether anything was told. What is told must be true; every failure is of the two
    kinds that callers know."""
    asks = [Ask(key, 0) for key in kind.keys]
    any_told = False
    async for answer in source.observe(asks):
        if isinstance(answer, Failure):
            assert isinstance(answer.error, UpstreamError | BadObservation)
            continue
        any_told = True
        assert told(answer) == kind.truth(answer.key).keys()
    return any_told


def weather(kind: AnyKind) -> Iterator[Fault]:
    """Every fault at every method, and half of the nonsense at each."""
    for number, method in enumerate(methods_of(kind)):
        yield from (faults.close(method), faults.truncate(20, method), faults.html(method))
        yield from (faults.garbage(method), faults.missing(method), faults.wrong_id(method))
        yield from (faults.twice(method), faults.null(method), faults.short_batch(method))
        yield from (faults.rpc_error(-32000, "no", method), faults.redirect("http://x/", method))
        yield from (faults.http_status(status, method) for status in (204, 401, 404, 429, 502))
        yield from (faults.answer(value, method) for value in NONSENSE[number % 2 :: 2])


@pytest.mark.parametrize("name", NAMES)
@scene
async def test_every_fault_is_refused_and_survived(name: str, tmp_path: Path) -> None:
    """Under each fault of each method a source tells the truth or fails as it promises; when the
    weather is over it tells everything again."""
    async with open_kind(name, tmp_path) as (kind, _):
        prepare(kind)
        for fault in weather(kind):
            source = kind.source()
            kind.server.fault = fault
            try:
                await told_or_refused(kind, source)
                with contextlib.suppress(UpstreamError, BadObservation):
                    await source.probe()
                kind.server.fault = None
                observations = await look(source, *(Ask(key, 0) for key in kind.keys))
            except BaseException as error:
                error.add_note(str(fault))
                raise
            for observation in observations:
                assert told(observation) == kind.truth(observation.key).keys(), fault
            await source.close()


@pytest.mark.parametrize("name", ["ElectrumX 1.6", "Esplora", "Ethereum"])
@pytest.mark.usefixtures("impatient")
@scene
async def test_lines_that_hang_end_at_the_deadline(name: str, tmp_path: Path) -> None:
    """Silence, one byte at a time, an answer that comes too late: a look ends soon after the
    deadline of one request, and the next one is right."""
    async with open_kind(name, tmp_path) as (kind, _):
        prepare(kind)
        for method in methods_of(kind)[::2]:
            for fault in (
                faults.hang(method),
                faults.drip(method),
                faults.slow(10 * DEADLINE, method),
            ):
                source = kind.source()
                kind.server.fault = fault
                started = time.monotonic()
                await told_or_refused(kind, source)
                # Each of the keys may meet the line once, and the method may come twice in a look.
                assert time.monotonic() - started < 10 + 8 * DEADLINE, fault
                await source.close()
        kind.server.fault = None
        source = kind.source()

        async def right() -> bool:
            return await told_or_refused(kind, source)

        await until(right)


@pytest.mark.parametrize("name", NAMES)
@scene
async def test_a_fault_that_begins_later_is_refused_and_survived(name: str, tmp_path: Path) -> None:
    """The same for a source that has told the truth before, when there is news to read."""
    async with open_kind(name, tmp_path) as (kind, source):
        prepare(kind)
        asks = [Ask(key, 0) for key in kind.keys]
        await look(source, *asks)
        for number, fault in enumerate(weather(kind)):
            if number % 4:
                continue
            kind.pay(kind.keys[number % len(kind.keys)], 1_000 + number)
            kind.confirm()
            kind.server.fault = fault
            async for answer in source.observe(asks):
                if isinstance(answer, Failure):
                    assert isinstance(answer.error, UpstreamError | BadObservation), fault
                else:
                    assert told(answer) <= kind.truth(answer.key).keys(), fault
            kind.server.fault = None
            await source.close()
            for observation in await look(source, *asks):
                assert told(observation) == kind.truth(observation.key).keys(), fault


@pytest.mark.parametrize("name", NAMES)
@scene
async def test_answers_with_one_thing_wrong_break_nothing(
    name: str, seed: int, tmp_path: Path
) -> None:
    """One thing changed anywhere inside a true answer: a look and a probe end as they promise, and
    the source works when the answers are right again. Where txids bind them, no amount is another:
    a wrong answer can hide, not add."""
    dice = random.Random(seed)
    async with open_kind(name, tmp_path) as (kind, _):
        prepare(kind)
        place = kind.server.answers if isinstance(kind, ElectrumKind) else kind.server
        right = place.call
        for _ in range(150):
            left = dice.randrange(1, 40)

            def wrong(*call: Any) -> Any:
                nonlocal left
                left -= 1
                result = right(*call)
                return bent(result, dice) if left == 0 else result

            source = kind.source()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, "call", wrong)
                async for answer in source.observe([Ask(key, 0) for key in kind.keys]):
                    if isinstance(answer, Failure):
                        assert isinstance(answer.error, UpstreamError | BadObservation)
                    elif name != "Ethereum":
                        amounts = {(txid, net) for txid, _, net, _ in kind.truth(answer.key)}
                        assert {(txid, net) for txid, _, net, _ in told(answer)} <= amounts
                with contextlib.suppress(UpstreamError, BadObservation):
                    await source.probe()
            await look(source, *(Ask(key, 0) for key in kind.keys))
            await source.close()


@pytest.mark.parametrize("name", ["ElectrumX 1.6", "Esplora", "Haskoin", "Ethereum"])
@scene
async def test_lines_cut_anywhere_are_refused(name: str, tmp_path: Path) -> None:
    """A connection that ends within any answer leaves a failure, whichever byte was the last."""
    async with open_kind(name, tmp_path) as (kind, _):
        prepare(kind)
        for method in methods_of(kind):
            for length in (0, 1, 2, 15, 16, 40, 63, 64, 65, 80, 90):
                source = kind.source()
                kind.server.fault = faults.truncate(length, method)
                asks = [Ask(key, 0) for key in kind.keys]
                answers = [answer async for answer in source.observe(asks)]
                refused = [a for a in answers if isinstance(a, Failure)]
                assert all(isinstance(each.error, UpstreamError) for each in refused)
                assert refused or not kind.server.fault.struck, (method, length)
                await source.close()


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "Infinity", '{"a": 1, "a": 2}', "[" * 100_000, '{"a":' * 100_000, '["]",' * 50_000,
        "[" * 90_000 + '"' + "]" * 90_000, "[" * 90_000 + '"' + "]" * 90_000 + "\\",
        '["\\"]",' * 50_000, "[" * 500 + "]" * 500, "1" * 5_000, '{"a": -Infinity}', "",
        "\ufeff{}", "{'a': 1}", '{"a": 1,}', "nul", '"\\ud800', "[1] 2", "\x00",
    ],
)  # fmt: skip
def test_what_is_almost_json_is_refused(text: str) -> None:
    """JSON by the letter: no NaN, no repeated key, no depth and no number that costs the reader.

    Importing web3 raises Python's recursion limit, so depth would end the process.
    """
    assert sys.getrecursionlimit() > 10_000
    with pytest.raises(UpstreamMalformed):
        decode(text)
    with pytest.raises(UpstreamMalformed):
        decode(text.encode("utf-8", "surrogatepass"))


def test_brackets_in_texts_and_long_lists_are_no_depth() -> None:
    """What is long but flat is read, whatever its texts hold."""
    rows = [{"tx_hash": '["}{\\', "height": n} for n in range(5_000)]
    assert decode(json.dumps(rows)) == rows


def test_a_fraction_never_becomes_a_float() -> None:
    """Amounts of money pass through no float: fractions stay text."""
    assert decode("[1.10, 1e300000, 5]") == ["1.10", "1e300000", 5]


# -- Retry-After


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7), ("0", 1), ("99999999999999", 3600), ("", None), ("-5", None), ("soon", None),
        ("1.5", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Mon, 01 Jan 2024 00:00:00 +99999999", None), ("0x10", None), ("7 ", 7), ("٣", 3),
    ],
)  # fmt: skip
@scene
async def test_retry_after_in_all_its_forms(
    header: str, seconds: float | None, tmp_path: Path
) -> None:
    """Seconds or a date, at least one second, at most an hour; anything else is not told."""
    async with open_kind("Ethereum", tmp_path) as (kind, source):
        kind.server.fault = faults.http_status(429, retry_after=header)
        with pytest.raises(UpstreamUnavailable) as caught:
            await look(source, Ask(kind.keys[0], 0))
        assert caught.value.retry_after == seconds
        assert sum(kind.server.requests.values()) == 1


# -- certificates


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """What a server with a fresh self-signed certificate needs."""
    key, signed = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", *made, "-subj", f"/CN={name}", "-keyout", key, "-out", signed],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, key)
    return context


async def connect(server: ElectrumServer, certificates: Certificates) -> None:
    connection = await Connection.open(server.url, certificates, lambda _method, _params: None)
    await connection.call("server.ping")
    await connection.close()


@scene
async def test_a_certificate_is_pinned_at_first_sight(tmp_path: Path) -> None:
    """The first one is taken and kept; another is refused with the cure named, before anything is
    sent to it; when the old pin is forgotten the new one is taken."""
    certificates = Certificates(tmp_path / "certificates.json")
    chain = UtxoChain()
    async with ElectrumServer(chain, tls=certificate(tmp_path, "first")) as server:
        await connect(server, certificates)
        await connect(server, certificates)
        port = server.port
    pin = certificates.pin(f"127.0.0.1:{port}")
    renewed = ElectrumServer(chain, tls=certificate(tmp_path, "second"))
    renewed.port = port
    async with renewed:
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable, match="--accept-certificate 127"):
                await connect(renewed, certificates)
        assert not renewed.requests
        assert certificates.pin(f"127.0.0.1:{port}") == pin
        assert certificates.forget("127.0.0.1") == [f"127.0.0.1:{port}"]
        await connect(renewed, certificates)
        assert certificates.pin(f"127.0.0.1:{port}") not in (pin, None)


@scene
async def test_plain_text_is_never_tried_instead(tmp_path: Path) -> None:
    """A server that speaks no TLS where TLS is configured gets no request in the clear."""
    async with ElectrumServer(UtxoChain()) as server:
        certificates = Certificates(tmp_path / "certificates.json")
        with pytest.raises(UpstreamUnavailable):
            await Connection.open(
                f"ssl://127.0.0.1:{server.port}", certificates, lambda _method, _params: None
            )
        assert not server.requests
        assert certificates.pin(f"127.0.0.1:{server.port}") is None


@scene
async def test_a_vouched_for_server_is_not_taken_with_less(tmp_path: Path) -> None:
    """Where an authority vouched once, a self-signed certificate is refused with the cure named."""
    certificates = Certificates(tmp_path / "certificates.json")
    async with ElectrumServer(UtxoChain(), tls=certificate(tmp_path, "self")) as server:
        certificates.remember(f"127.0.0.1:{server.port}", "ca")
        with pytest.raises(UpstreamUnavailable, match="--accept-certificate 127"):
            await connect(server, certificates)
        assert not server.requests


# -- floods


@scene
async def test_a_flood_of_notifications_is_survived(tmp_path: Path) -> None:
    """Notices nobody asked for, of any form, neither break a look nor pile up."""
    junk: list[Any] = [
        {"method": "blockchain.scripthash.subscribe", "params": params}
        for params in ([], [1], ["a", "b", "c"], ["00" * 32, {}], [None, None])
    ]
    junk += [{"method": 5, "params": []}, {"method": "x", "params": 5}, {"method": "x"}]
    junk += [{"method": "server.peers.subscribe", "params": [[]]}]
    line = b"".join(json.dumps(each).encode() + b"\n" for each in junk * 500)
    async with open_kind("ElectrumX 1.6", tmp_path) as (kind, source):
        assert isinstance(kind, ElectrumKind)
        key = kind.keys[0]
        await look(source, Ask(key, 0))
        for connection in kind.server._connections:
            connection.writer.write(line)
        await asyncio.sleep(0)
        identity = kind.pay(key, 5_000)
        kind.confirm()

        async def seen() -> bool:
            try:
                (observation,) = await look(source, Ask(key, 0))
            except UpstreamError:
                return False
            return identity in {t.id for t in observation.transactions}

        await until(seen)
