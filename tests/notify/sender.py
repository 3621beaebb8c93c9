"""Services that save and tell, and are killed: `python -m tests.notify.sender DATABASE URL N SEED`.

Every life is a fork of this process, so that nothing is imported twice. It saves batches of gifts
(`tests.saver`) until ``N`` events are there, tells them to the receiver, and is killed at a random
moment. The last life ends by itself. A line is printed for each.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import time
from contextlib import closing
from datetime import UTC
from pathlib import Path

from donations import outbox
from donations.announcements import Asset
from donations.notify.courier import Courier
from donations.notify.webhook import Webhook
from donations.store import Store
from tests.notify.receiver import webhook
from tests.running import until
from tests.saver import NETWORKS, save, tell

ASSETS = {("btc", "BTC"): Asset(8, 1_000)}
# The schedule of ten attempts is one of days. Here it has no pauses, and more attempts: a receiver
# that fails by lot half of the time refuses one event in a thousand ten times.
GAPS = (0.0,) * 60


async def live(path: Path, url: str, events: int) -> None:
    """Save and tell, until all is told."""
    with closing(Store(path, UTC, assets=ASSETS)) as store:
        await store.run(store.open, NETWORKS)
        settings = webhook(url)
        progress = await store.transact(outbox.open_channels, {settings.name: settings.mark})
        channel = Webhook(settings)
        courier = Courier(settings, channel, store, progress[settings.name], title="", gaps=GAPS)
        telling = asyncio.create_task(courier.run())
        number = await next_batch(store)
        while await last_event(store) < events:
            await store.run(save, store, number)
            number += 1
            courier.wake()
            await asyncio.sleep(0)
        last = await last_event(store)
        await until(lambda: courier.progress.cursor == last, seconds=3_600)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await channel.close()


async def next_batch(store: Store) -> int:
    """The first batch that is not saved."""
    standings = await store.run(store.standings)
    return max((standing.tip.height // 10 for standing in standings.values()), default=0) + 1


async def last_event(store: Store) -> int:
    """The number of the last event that is there."""
    latest = await store.transact(outbox.read_latest, None, 1)
    return latest[0].sequence if latest else 0


def main() -> None:
    path, url, events = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    logging.disable()
    dice = random.Random(int(sys.argv[4]))
    while True:
        child = os.fork()
        if child == 0:
            asyncio.run(live(path, url, events))
            os._exit(0)
        deadline = time.monotonic() + dice.uniform(0.1, 1.2)
        ended, status = 0, 0
        while not ended and time.monotonic() < deadline:
            time.sleep(0.005)
            ended, status = os.waitpid(child, os.WNOHANG)
        if not ended:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        tell("killed" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}")
        if not os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main()
