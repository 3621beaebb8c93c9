"""The composition root: wires everything, starts it in order, and stops it in the reverse order."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from donations import annotating
from donations.arrivals import Arrivals
from donations.attribution import POLL_SECONDS, Attribution
from donations.author_side import AuthorSide, make_gate
from donations.chains.base import Protocol
from donations.chains.second_opinion import check_script
from donations.config import DEFAULT
from donations.config_notify import feed_secrets
from donations.control import listening
from donations.errors import StoreError
from donations.ethereum_levels import EthereumLevels
from donations.lister import Lister, count_established
from donations.notify.notifier import Notifier
from donations.operators import Operator
from donations.prices.pricing import Pricing
from donations.reasons import Reason
from donations.retrospect import Retrospect
from donations.showing import Showcase
from donations.snapshot import Freshness
from donations.sources.certificates import Certificates
from donations.sources.electrum import ElectrumSource
from donations.sources.explorer_source import ExplorerSource
from donations.sources.shelf import Shelf
from donations.statement.files import statement_to_show
from donations.store import Store
from donations.summary import announced, nothing_known, read_arrivals, shown, summarise
from donations.tamper.setup import make_watch
from donations.timer import Timer
from donations.tracker import Tracker
from donations.web import create_web
from donations.web.api.front import Front
from donations.web.api.public import PublicApi
from donations.web.assets import load_assets
from donations.web.live import Live
from donations.web.proofs import Proofs
from donations.web.public import Alarm, Readiness
from donations.web.secret_feed import SecretFeeds
from donations.web.server import serve
from donations.web.stand import Stand, stand_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from donations.books import Annotation
    from donations.chains.base import Upstream
    from donations.config import ChainSettings, Config, Widget
    from donations.config_notify import ChannelSettings
    from donations.control import Work
    from donations.ledger import Change, Key, Transfer
    from donations.listing import Listing
    from donations.notify.message import Message
    from donations.records import Annotated
    from donations.sources.base import Source
    from donations.sources.ethereum_past import Past
    from donations.sources.etherscan import EtherscanApi
    from donations.web.assets import Assets
    from donations.web.publisher import Publisher

logger = logging.getLogger(__name__)

# Operators that differ for so many polls are shown to disagree; a gift takes seconds to spread.
_DISAGREE_POLLS = 2
# A state can turn stale without any news.
_REFRESH_SECONDS = 20
_STOP_SECONDS = 8.0
# A fifth of a second each, of one processor: with more of them, what is new has to come sooner.
_FEW_WIDGETS = 8


@dataclass(frozen=True, slots=True)
class _StoreMemory:
    """What the sources may know of the store: `sources.base.Memory` for one chain."""

    store: Store
    chain: str

    async def outputs(self, outpoints: Iterable[str]) -> dict[str, tuple[str, int]]:
        return await self.store.run(self.store.outputs, self.chain, list(outpoints))

    async def transfers(self, key: Key, ids: Iterable[str]) -> list[Transfer]:
        return await self.store.run(self.store.transfers, key, list(ids))


def certificates_path(config: Config) -> Path:
    """Where the pins of Electrum servers are kept: beside the database."""
    return config.database.with_name("certificates.json")


def make_operators(
    settings: ChainSettings,
    store: Store,
    certificates: Certificates,
    api: EtherscanApi | None = None,
) -> list[Operator]:
    """The operators of one chain with their sources."""
    sources: dict[str, list[Source]] = {}
    shelf = Shelf(_StoreMemory(store, settings.chain.name))
    past = None
    if api is not None:
        past = import_module("donations.sources.ethereum_past").Past(api, settings.addresses)
    for upstream in settings.upstreams:
        source = make_source(settings, upstream, shelf, certificates, past)
        sources.setdefault(upstream.operator, []).append(source)
    return [Operator(name, each) for name, each in sources.items()]


def make_source(
    settings: ChainSettings,
    upstream: Upstream,
    shelf: Shelf,
    certificates: Certificates,
    past: Past | None = None,
) -> Source:
    """Our side of one upstream. Imports web3, where it is needed, only now."""
    protocol = settings.chain.protocol_of(upstream.url)
    if protocol is Protocol.ETHEREUM:
        ethereum = import_module("donations.sources.ethereum")
        source: Source = ethereum.EthereumSource(
            upstream.url,
            upstream.operator,
            network=settings.network,
            addresses=settings.addresses,
            tokens=settings.tokens,
            asset=settings.chain.symbol,
            past=past,
        )
        return source
    if protocol is settings.chain.explorer:
        return ExplorerSource(
            upstream.url,
            upstream.operator,
            kind=protocol,
            network=settings.network,
            confirmations=settings.confirmations,
            scripts=_scripts(settings),
            shelf=shelf,
        )
    return ElectrumSource(
        upstream.url,
        upstream.operator,
        network=settings.network,
        confirmations=settings.confirmations,
        scripts=_scripts(settings),
        shelf=shelf,
        certificates=certificates,
    )


def make_explorer(settings: ChainSettings) -> EtherscanApi | None:
    """The explorer of Ethereum that is asked with the operator's own key, where there is one."""
    if settings.explorer is None or settings.network.chain_id is None:
        return None
    etherscan = import_module("donations.sources.etherscan")
    api: EtherscanApi = etherscan.EtherscanApi(settings.explorer, settings.network.chain_id)
    return api


def _scripts(settings: ChainSettings) -> dict[str, bytes]:
    if settings.chain.script is None:
        raise TypeError(f"{settings.chain.name} has no locking scripts")
    return {a: settings.chain.script(a, settings.network) for a in settings.addresses}


def check_scripts(config: Config) -> None:
    """Compare our locking scripts of Bitcoin addresses with those of ``bit``.

    Raises BadObservation: a service with a wrong script would watch somebody else's address.
    """
    settings = config.chains.get("btc")
    if settings is not None:
        for address, script in _scripts(settings).items():
            check_script(address, script)


class Service:
    """A running service.

    ``stands`` hold what readers of each widget get, that at the root first, and ``live`` tells them
    that it changed.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._changed = asyncio.Event()
        self.store = Store(config.database, config.timezone, config.currency, announced(config))
        assets = load_assets()
        self.stands = tuple(make_stand(config, widget, assets) for widget in config.widgets)
        self.live = Live(config.server.trusted_proxies)
        root = config.widget
        self.public_api = PublicApi(shown(config, root), sums=root.totals, lists=root.ledger)
        self.listers: list[Lister] = []
        for addresses in [shown(config, widget) for widget in config.widgets if widget.ledger]:
            # One for all that list the same.
            if all(lister.listing.shown != addresses for lister in self.listers):
                self.listers.append(Lister(config, addresses))
        self.showcase = Showcase(config)
        self.proofs = Proofs(self.showcase.bundle)
        self.pages = make_watch(config, assets, self.store)
        self.statement = statement_to_show(config)
        self.trackers: list[Tracker] = []
        self.feeds = SecretFeeds(feed_secrets(config.notify))
        self.notifier = Notifier(config, self.store, self.trackers, self._renew_feed)
        self._levels: list[EthereumLevels] = []
        self.attributions: list[Attribution] = []
        self.prices: Pricing | None = None
        if config.prices.enabled:
            self.prices = Pricing(config, self.store, self._changed.set)
        # What commands of the terminal may ask of this service, by their names.
        self.works: dict[str, Work] = {annotating.WORK: annotating.work(self.annotate)}
        self._arrivals = Arrivals()
        self._stopping = False

    @property
    def publisher(self) -> Publisher:
        """That of the widget at the root."""
        return self.stands[0].publisher

    def readiness(self) -> Readiness:
        """What keeps the service from being ready, for /readyz."""
        if self._stopping:
            return Readiness((Reason.STOPPING,))
        published = [s for stand in self.stands if (s := stand.publisher.published) is not None]
        if len(published) < len(self.stands):
            return Readiness((Reason.STARTING,))
        reasons = []
        if any(tracker.store_error is not None for tracker in self.trackers):
            reasons.append(Reason.STORE)
        if any(c.freshness is not Freshness.FRESH for each in published for c in each.coins):
            reasons.append(Reason.UPSTREAMS)
        return Readiness(tuple(reasons), self._alarms(), self._causes())

    def _alarms(self) -> tuple[Alarm, ...]:
        wrong = {
            Alarm.PAGES: self.pages is not None and self.pages.alarmed,
            Alarm.NOTIFICATIONS: self.notifier.alarmed,
            Alarm.STATEMENT: self.config.statement is not None and self.statement is None,
        }
        return tuple(alarm for alarm, is_wrong in wrong.items() if is_wrong)

    def _causes(self) -> dict[str, list[Reason]]:
        """What fails now, by where."""
        causes = {}
        for tracker in self.trackers:
            errors = [operator.error for operator in tracker.operators]
            met = sorted({error.why for error in errors if error is not None})
            if met:
                causes[tracker.chain] = met
        if self.prices is not None and (met := self.prices.causes()):
            causes["prices"] = met
        for naming in self.attributions:
            if naming.error is not None:
                causes[f"{naming.chain} explorer"] = [naming.error.why]
        store = {t.store_error.why for t in self.trackers if t.store_error is not None}
        return {**causes, "store": sorted(store)} if store else causes

    def close(self) -> None:
        """Give the database back."""
        for lister in self.listers:
            lister.close()
        self.showcase.close()
        self.store.close()

    async def open(self) -> None:
        """Open the database and publish what it holds. Raises StoreError."""
        networks = {name: s.network.name for name, s in self.config.chains.items()}
        await self.store.run(self.store.open, networks)
        self._arrivals = await self.store.run(read_arrivals, self.config, self.store)
        await self.notifier.load()
        await self._publish()

    async def track(self) -> None:
        """Follow all chains until cancelled."""
        certificates = Certificates(certificates_path(self.config))
        timer = Timer()
        telling = asyncio.create_task(self.notifier.run())
        telling.add_done_callback(_report)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_published())
                for lister in self.listers:
                    group.create_task(lister.follow(self._list))
                for settings in self.config.chains.values():
                    # web3 takes half a second to import: readers must not wait for it.
                    api = await asyncio.to_thread(make_explorer, settings)
                    operators = await asyncio.to_thread(
                        make_operators, settings, self.store, certificates, api
                    )
                    if api is not None:
                        naming = Attribution(settings.chain.name, api, self.store, self._list_anew)
                        self.attributions.append(naming)
                        timer.every(POLL_SECONDS, naming.due.set)
                        group.create_task(naming.run())
                    tracker = Tracker(
                        settings,
                        operators,
                        self.store,
                        poll_seconds=self.config.poll_seconds,
                        grace_seconds=self.config.grace_seconds,
                        changed=self._take_in,
                        moved=self._changed.set,
                    )
                    await tracker.load()
                    self.trackers.append(tracker)
                    timer.every(self.config.poll_seconds, tracker.poll)
                    group.create_task(tracker.run())
                    if settings.chain.protocol is Protocol.ETHEREUM:
                        levels = EthereumLevels(tracker, self.store)
                        self._levels.append(levels)
                        group.create_task(levels.run())
                    if api is not None:
                        group.create_task(Retrospect(tracker, self.store).run())
                if self.prices is not None:
                    for seconds, job in self.prices.jobs:
                        timer.every(seconds, job)
                    self.prices.start()
                if self.pages is not None:
                    await self.pages.load()
                    timer.every(_REFRESH_SECONDS, self.pages.tick)
                timer.every(_REFRESH_SECONDS, self._changed.set)
                timer.start()
        finally:
            self._stopping = True
            await timer.stop()
            telling.cancel()
            await asyncio.wait([telling], timeout=_STOP_SECONDS / 2)
            await self.notifier.close()
            for naming in self.attributions:
                await naming.close()
            if self.pages is not None:
                await self.pages.close()
            if self.prices is not None:
                await self.prices.close()
            for tracker in self.trackers:
                for operator in tracker.operators:
                    await operator.close()

    async def annotate(self, annotation: Annotation, expects: int | None = None) -> Annotated:
        """Keep what the author wrote, and show it. Every entry of his goes through here.

        Raises Conflict, NotFound, StoreError: see `Store.annotate`.
        """
        chain = await self.store.run(self.store.chain_of, annotation)
        tracker = next((each for each in self.trackers if each.chain == chain), None)
        if tracker is not None:
            kept = await tracker.annotate(annotation, expects)
        else:
            kept = await self.store.run(self.store.annotate, annotation, expects)
            if kept.change is not None:
                self._take_in((kept.change,))
        if kept.about is not None:
            self._list_anew(kept.about)
        self._changed.set()
        return kept

    def _list_anew(self, transfer: Transfer) -> None:
        for lister in self.listers:
            lister.note([transfer])
            lister.wake()

    def _renew_feed(self, settings: ChannelSettings, entries: Sequence[Message]) -> None:
        self.feeds.publish(settings.name, settings.language, self.config.title, entries)

    def _take_in(self, changes: Sequence[Change]) -> None:
        self.notifier.wake()
        self._arrivals.apply(change.after for change in changes)
        if self.prices is not None:
            self.prices.appraiser.note(changes)
        for levels in self._levels:
            levels.note(c.after for c in changes if c.after.key.chain == levels.chain)
        for lister in self.listers:
            lister.note(side for change in changes for side in (change.before, change.after))

    async def _keep_published(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._publish()
            except StoreError as error:
                logger.error("what is shown cannot be renewed: %s", error)

    async def _publish(self) -> None:
        now = int(time.time())
        snapshots = await self.store.run(
            summarise, self.config, self.store, self._disagreeing(now), now
        )
        signed = self.statement.signed if self.statement else None
        arrivals = self._arrivals.copy()
        self.public_api.publish(snapshots[0], arrivals)
        for stand, snapshot in zip(self.stands, snapshots, strict=True):
            if await asyncio.to_thread(stand.publish, snapshot, signed, arrivals):
                self.live.announce(stand.name)
            await self.notifier.look_at(snapshot)
        for lister in self.listers:
            lister.wake()

    def _list(self, listing: Listing) -> None:
        self.proofs.changed()
        if listing.shown == self.stands[0].shown:
            self.public_api.take_list(listing)
        counts = count_established(listing)
        for stand in self.stands:
            if stand.shown == listing.shown and stand.show(listing, counts):
                self._changed.set()

    def _disagreeing(self, now: int) -> frozenset[Key]:
        since = now - _DISAGREE_POLLS * self.config.poll_seconds
        return frozenset(
            key
            for tracker in self.trackers
            for key, start in tracker.disagree_since.items()
            if start < since
        )


def make_stand(config: Config, widget: Widget, assets: Assets) -> Stand:
    """What readers of one widget get."""
    return Stand(
        "" if widget == config.widget else widget.slug,
        assets,
        shown(config, widget),
        {name: settings.confirmations for name, settings in config.chains.items()},
        public_url=config.url(widget),
        zone=config.timezone,
        accent=widget.accent,
        listed=widget.ledger,
        quickly=len(config.widgets) > _FEW_WIDGETS,
    )


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[tuple[Service, int]]:
    """The whole service while the block lasts; yields it and the port it serves on.

    Raises ConfigError when strangers could reach the author's pages without TLS,
    OSError when the port cannot be had, StoreError when the database cannot be used. A
    database that fails later stops no reader: the last edition stays served.
    """
    check_scripts(config)
    gate = make_gate(config)
    async with AsyncExitStack() as stack:
        service = Service(config)
        stack.callback(service.close)
        for widget, stand in zip(config.widgets, service.stands, strict=True):
            nothing = nothing_known(config, widget, int(time.time()))
            await asyncio.to_thread(stand.publisher.publish, nothing)
        await service.open()
        await stack.enter_async_context(listening(config.database, service.works))
        signed = service.statement.files if service.statement else {}
        author = None
        if gate is not None:
            author = AuthorSide(
                config,
                gate,
                trackers=service.trackers,
                pricing=service.prices,
                keep=service.annotate,
            )
            stack.callback(author.close)
        slugs = ["" if widget.slug == DEFAULT else widget.slug for widget in config.widgets]
        stands = dict(zip(slugs, service.stands, strict=True))
        app = create_web(
            service.publisher,
            service.readiness,
            public_url=config.public_url,
            others=[stand.publisher for stand in service.stands[1:]],
            front=lambda routes: Front(routes, config.server.trusted_proxies),
            more=[
                *stand_routes(stands, service.live, service.proofs, signed),
                *service.public_api.routes(),
                *service.feeds.routes(),
                *(author.pages.routes() if author is not None else ()),
                *(author.api.routes() if author is not None else ()),
            ],
            gate=gate,
        )
        app.on_shutdown.append(service.live.close)
        port = await stack.enter_async_context(
            serve(
                app,
                config.server.host,
                config.server.port,
                trusted=config.server.trusted_proxies,
            )
        )
        tracking = asyncio.create_task(service.track())
        tracking.add_done_callback(_report)
        stack.push_async_callback(_stop, tracking)
        yield service, port


def _report(tracking: asyncio.Task[None]) -> None:
    if not tracking.cancelled() and tracking.exception() is not None:
        logger.error("a task of the service ended by an error", exc_info=tracking.exception())


async def _stop(tracking: asyncio.Task[None]) -> None:
    """Cancel the watch; a save in progress is not cut, the store finishes it as it closes."""
    tracking.cancel()
    await asyncio.wait([tracking], timeout=_STOP_SECONDS)
