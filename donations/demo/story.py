"""A story without an end for the simulated world: gifts, blocks, and an accident now and then."""

from __future__ import annotations

import asyncio
import heapq
import random
from typing import TYPE_CHECKING

from donations.amounts import format_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from donations.demo.utxo import UtxoChain
    from donations.demo.world import World

BTC_ADDRESS = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
BTC_SCRIPT = bytes.fromhex("76a91477b5e231c797617dcfbf8b2ed33b3cf3553e1b3388ac")
BCH_ADDRESS = "qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6"
BCH_SCRIPT = bytes.fromhex("76a9143296fe5c6e3d87aa5781fc951484de4660f1e24f88ac")
ETH_ADDRESS = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"

# What readers give, in cents, and how many cents a coin is worth in this world.
_GIFTS = (100, 200, 300, 500, 500, 500, 1_000, 1_000, 1_500, 2_000, 2_500, 4_200, 5_000, 10_000)
_WORTH = {"btc": 8_400_000, "bch": 42_000, "eth": 280_000}
_DECIMALS = {"btc": 8, "bch": 8, "eth": 18}
_COIN = {"btc": 10**8, "bch": 10**8, "eth": 10**18}
_PRECISION = {"btc": 10**2, "bch": 10**4, "eth": 10**13}  # people do not send odd base units
_BLOCKS = {"btc": 10.0, "bch": 12.0, "eth": 4.0}  # seconds between blocks, time compressed
_OLD = 24  # blocks of the past that may hold gifts
_OLD_SPACING = 1_800  # seconds between them

# How much past the story needs: give it to World.
PAST = _OLD * _OLD_SPACING + 600


class Story:
    """What happens in a world, the same for the same seed.

    ``tell`` hears one line for each thing that happened. Seconds are those of a story at speed 1.
    """

    def __init__(self, world: World, seed: int = 0, tell: Callable[[str], None] = print) -> None:
        self.world = world
        self.tell = tell
        self.random = random.Random(f"story:{seed}")  # noqa: S311 (a story, not a secret)
        self._loose: dict[str, list[str]] = {"btc": [], "bch": [], "eth": []}
        self._turn = 0

    def begin(self) -> None:
        """Put older gifts into the last half day; ends with a quiet world."""
        for chain in (self.world.btc, self.world.bch):
            script, amount = self._script(chain.name), self._amount
            for _ in range(_OLD):
                if self.random.random() < 0.4:
                    chain.pay(script, amount(chain.name))
                chain.mine(time=chain.tip.time + _OLD_SPACING)
        for _ in range(_OLD):
            if self.random.random() < 0.4:
                self.world.eth.pay(ETH_ADDRESS, self._amount("eth"))
            self.world.eth.mine(time=self.world.eth.tip.time + _OLD_SPACING)
        self.tell("The world begins: three chains, with a few older gifts on each.")

    async def run(self, speed: float = 1.0) -> None:
        """Go on for ever, ``speed`` times as fast."""
        now = 0.0
        for moment, happen in self.moments():
            await asyncio.sleep((moment - now) / speed)
            now = moment
            happen()

    def moments(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """What happens, with its second. Each must happen before the next is asked for."""
        agenda: list[tuple[float, str]] = [(each, name) for name, each in _BLOCKS.items()]
        agenda += [(1.0, "gift"), (35.0, "accident")]
        heapq.heapify(agenda)
        while True:
            moment, what = heapq.heappop(agenda)
            yield moment, lambda what=what: self._happen(what)  # type: ignore[misc]
            match what:
                case "gift":
                    pause = self.random.uniform(2.0, 7.0)
                case "accident":
                    pause = self.random.uniform(25.0, 45.0)
                case _:
                    pause = _BLOCKS[what] * self.random.uniform(0.7, 1.3)
            heapq.heappush(agenda, (moment + pause, what))

    def _happen(self, what: str) -> None:
        match what:
            case "gift":
                self._gift(self.random.choice(("btc", "btc", "bch", "eth", "eth")))
            case "accident":
                accidents = (
                    self._raise_fee,
                    self._reorg,
                    self._take_back,
                    self._spend,
                    self._reorg_eth,
                )
                accidents[self._turn % len(accidents)]()
                self._turn += 1
            case _:
                self._mine(what)

    # -- gifts and blocks ---------------------------------------------------------------------

    def _gift(self, name: str) -> str:
        amount = self._amount(name)
        if name != "eth":
            txid = self._chain(name).pay(
                self._script(name), amount, from_mempool_parent=self.random.random() < 0.1
            )
            how = "A reader gives"
        elif self.random.random() < 0.25:
            txid = self.world.eth.pay_inside(ETH_ADDRESS, amount)
            how = "A smart wallet gives"
        else:
            txid = self.world.eth.pay(ETH_ADDRESS, amount)
            how = "A reader gives"
        self._loose[name].append(txid)
        self.tell(f"{how} {_written(name, amount)} ({_short(txid)}).")
        return txid

    def _mine(self, name: str) -> None:
        if name == "eth":
            self.world.eth.mine()
            height = self.world.eth.height
            confirmed = [each for each in self._loose[name] if each in self.world.eth.location]
        else:
            chain = self._chain(name)
            chain.mine()
            height = chain.height
            confirmed = [each for each in self._loose[name] if each in chain.location]
        self._loose[name].clear()
        if confirmed:
            gifts = "1 gift" if len(confirmed) == 1 else f"{len(confirmed)} gifts"
            self.tell(f"{name.upper()} block {height:,d} confirms {gifts}.")

    # -- accidents ----------------------------------------------------------------------------

    def _raise_fee(self) -> None:
        txid = self._gift("btc")
        again = self.world.btc.replace(txid, BTC_SCRIPT)
        self._loose["btc"] = [each for each in self._loose["btc"] if each != txid] + [again]
        self.tell(f"The giver raises the fee: {_short(again)} replaces {_short(txid)}.")

    def _take_back(self) -> None:
        name = self.random.choice(("btc", "bch"))
        txid = self._gift(name)
        self._loose[name].remove(txid)
        rival = self._chain(name).replace(txid)
        self.tell(f"The giver takes it back: {_short(rival)} spends the same coins elsewhere.")

    def _reorg(self) -> None:
        chain = self._chain(self.random.choice(("btc", "bch")))
        depth = self.random.choice((1, 1, 2))
        chain.reorg(depth)
        self._loose[chain.name] = [each for each in self._loose[chain.name] if chain.active(each)]
        blocks = "block is" if depth == 1 else f"{depth} blocks are"
        self.tell(f"{chain.name.upper()} reorg: the last {blocks} replaced; the gifts stay.")

    def _reorg_eth(self) -> None:
        self.world.eth.reorg(1)
        self.tell("ETH reorg: the last block is replaced; the gifts stay.")

    def _spend(self) -> None:
        chain = self._chain(self.random.choice(("btc", "bch")))
        script = self._script(chain.name)
        coins = chain.unspent(script, mempool=False)
        held = sum(chain.output(each).value for each in coins)
        amount = held // 10 // _PRECISION[chain.name] * _PRECISION[chain.name]
        txid = chain.spend(script, amount)
        self.tell(
            f"The author spends {_written(chain.name, amount)} ({_short(txid)}); "
            "the change is no gift."
        )

    # -- words --------------------------------------------------------------------------------

    def _chain(self, name: str) -> UtxoChain:
        return self.world.btc if name == "btc" else self.world.bch

    @staticmethod
    def _script(name: str) -> bytes:
        return BTC_SCRIPT if name == "btc" else BCH_SCRIPT

    def _amount(self, name: str) -> int:
        cents = self.random.choice(_GIFTS) * self.random.randint(95, 105)
        units = cents * _COIN[name] // (100 * _WORTH[name])
        return max(1, units // _PRECISION[name]) * _PRECISION[name]


def _written(name: str, amount: int) -> str:
    return f"{format_amount(amount, _DECIMALS[name])} {name.upper()}"


def _short(txid: str) -> str:
    return txid[:10] + "…"
