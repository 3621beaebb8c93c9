"""How long a first history of 20,000 gifts takes, beside bare loops over the same items.

``python -m tests.benchmarks.history [GIFTS]``. A simulated Electrum server runs in a process of its
own. The yardstick is a loop that asks for the history, then for each raw transaction and header in
turn, and parses it: no ledger, no store, no second reader. A second loop does the same with as many
requests on the way at once as the service has: the least that is possible, and the distance to it
is what ledger, store and second reader cost on a server that answers in no time. All read the same
bytes in the same run. Memory is the growth of the peak resident size over the service's start,
less what the rows of the history take by themselves.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.app import running
from donations.config import parse
from donations.demo.electrum import ElectrumServer
from donations.demo.story import BTC_ADDRESS, BTC_SCRIPT
from donations.demo.utxo import UtxoChain
from donations.proof.headers import parse_header
from donations.proof.transaction import parse_transaction
from donations.sources.electrum_connection import WINDOW
from donations.sources.electrum_history import parse_history, scripthash

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

_BLOCK = 20  # gifts a block


def _serve(gifts: int, pipe: Pipe) -> None:
    async def main() -> None:
        chain = UtxoChain("btc", 1, past=gifts // _BLOCK * 600 + 6_000)
        for _ in range(gifts // _BLOCK):
            for n in range(_BLOCK):
                chain.pay(BTC_SCRIPT, 10_000 + n)
            chain.mine()
        chain.mine(10)
        server = ElectrumServer(chain, protocol=("1.4", "1.6"))
        await server.start()
        pipe.send((server.url, chain.genesis_hash))
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await server.stop()

    asyncio.run(main())


async def _bare(url: str, window: int) -> float:
    """Seconds a bare loop takes with ``window`` requests on the way at once."""
    host, port = url.removeprefix("tcp://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**24)

    async def ask(method: str, params: list[list[Any]]) -> list[Any]:
        results = []
        for start in range(0, len(params), window):
            part = params[start : start + window]
            requests = [
                {"jsonrpc": "2.0", "id": n, "method": method, "params": p}
                for n, p in enumerate(part)
            ]
            writer.write(b"".join(json.dumps(r).encode() + b"\n" for r in requests))
            results += [json.loads(await reader.readline())["result"] for _ in part]
        return results

    start = time.perf_counter()
    await ask("server.version", [["bare", ["1.4", "1.6"]]])
    (rows,) = await ask("blockchain.scripthash.get_history", [[scripthash(BTC_SCRIPT)]])
    txids = [row["tx_hash"] for row in rows]
    for raw in await ask("blockchain.transaction.get", [[txid, False] for txid in txids]):
        parse_transaction(bytes.fromhex(raw))
    heights = sorted({row["height"] for row in rows})
    for header in await ask("blockchain.block.header", [[height] for height in heights]):
        parse_header(bytes.fromhex(header))
    seconds = time.perf_counter() - start
    writer.close()
    return seconds


async def _ours(url: str, genesis: str, gifts: int, folder: Path) -> tuple[float, int, int]:
    """Seconds the service takes, the total it shows, and how much its peak memory grew (KiB)."""
    config = parse(
        f'[addresses]\nbtc = "{BTC_ADDRESS}"\n[prices]\nenabled = false\n'
        f"[server]\nport = {_free_port()}\n[chains.btc]\n"
        f'network = {{ name = "mainnet", genesis = "{genesis}" }}\nupstreams = ["{url}"]\n',
        folder / "config.toml",
        {},
    )
    before = _peak()
    start = time.perf_counter()
    async with running(config) as (service, _):
        while True:
            published = service.publisher.published
            sums = published.coins[0].sums if published else None
            if sums is not None and published is not None and published.coins[0].gifts == gifts:
                total = sums[0].received + sums[0].pending
                return time.perf_counter() - start, total, _peak() - before
            await asyncio.sleep(0.01)


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rows_size(gifts: int) -> int:
    """KiB that the parsed rows of such a history take."""
    answer = [{"tx_hash": f"{n:064x}", "height": 100 + n // _BLOCK} for n in range(gifts)]
    text = json.dumps(answer)
    del answer
    gc.collect()
    tracemalloc.start()
    history = parse_history(json.loads(text))
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(history.rows) == gifts
    return size // 1024


def _in_process(pipe: Pipe, url: str, genesis: str, gifts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pipe.send(asyncio.run(_ours(url, genesis, gifts, Path(folder))))


def main(gifts: int) -> int:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(gifts, theirs))
    server.start()
    url, genesis = ours.recv()
    plain, full = [asyncio.run(_bare(url, 1))], [asyncio.run(_bare(url, WINDOW))]
    mine, its = context.Pipe()
    reading = context.Process(target=_in_process, args=(its, url, genesis, gifts))
    reading.start()
    seconds, total, grown = mine.recv()
    reading.join()
    plain.append(asyncio.run(_bare(url, 1)))
    full.append(asyncio.run(_bare(url, WINDOW)))
    ours.send(None)
    server.join()
    print(f"{gifts} gifts, {total} sat; the service took {seconds:.2f} s")
    for name, runs in (("one by one", plain), (f"{WINDOW} at once", full)):
        mean = sum(runs) / len(runs)
        spread = ", ".join(f"{each:.2f}" for each in runs)
        print(f"bare loop, {name}: {spread} s; the service {seconds / mean:.2f} times that")
    rows = _rows_size(gifts)
    print(f"memory {grown / 1024:.1f} MiB, rows alone {rows / 1024:.1f} MiB (goal: 32 beyond)")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
