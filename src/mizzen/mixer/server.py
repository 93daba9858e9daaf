"""The Mixer's process, put together: store, runtime, gRPC front and monitoring."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector

from mizzen import __version__
from mizzen.config.resource import DEFAULT_NAMESPACE
from mizzen.config.store import FileStore
from mizzen.config.store_url import StoreUrl
from mizzen.config.stores import Store
from mizzen.loglevel import LOG_LEVEL
from mizzen.mixer.certificates import Certificates
from mizzen.mixer.explain import Explainer
from mizzen.mixer.extensions import Catalog, installed
from mizzen.mixer.front import Calls, Front, FrontCollector, Limits, Tls
from mizzen.mixer.front_native import NativeFront
from mizzen.mixer.listen import UnixSocket
from mizzen.mixer.load import SheddingSettings
from mizzen.mixer.monitoring import MakePage, Monitoring, Page, json_page, metrics_page, text_page
from mizzen.mixer.runtime.controller import Controller
from mizzen.mixer.runtime.decisions import Decisions, DecisionSettings
from mizzen.mixer.runtime.dispatch import Dispatcher
from mizzen.mixer.runtime.interpreter import Settlement, switch_often
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.snapshot import Snapshot
from mizzen.mixer.shedding import guarded, make_shedder
from mizzen.mixer.workers.counts import SharedCounts
from mizzen.mixer.workers.role import Role, naming

if TYPE_CHECKING:
    from mizzen.mixer.tracing.spans import Tracing

CLOSE_SECONDS = 5.0
"""What handlers get at most to deliver what they hold, after the calls are answered."""


@dataclass(frozen=True)
class MixerSettings:
    """Settings of one Mixer. `configuration` is a folder, or another store (that of a Kubernetes needs the extra
    `kubernetes`). Port 0 means any free one; both servers bind to `address`. A `socket` takes the place of `port`, and
    `address` is then that of monitoring alone.

    `adapter_directories` are folders with adapters and templates; `installed_adapters` says whether those of installed
    packages are loaded. `decisions` says what is kept of refusals, `explain` whether clients may ask for explanations.
    With a `role` this is one of several workers: it shares the port, and its monitoring port is on loopback.
    `tracing_endpoint` is an OTLP receiver over HTTP for the spans of sampled calls; it needs the extra `otlp`.
    With `owns_process` the interpreter is set for short pauses, which concerns the whole process: see `interpreter`.
    """

    configuration: Path | StoreUrl
    address: str = "127.0.0.1"
    port: int = 9091
    socket: UnixSocket | None = None
    monitoring_port: int = 15014
    default_namespace: str = DEFAULT_NAMESPACE
    tls: Tls | None = None
    limits: Limits = field(default_factory=Limits)
    shedding: SheddingSettings = field(default_factory=SheddingSettings)
    drain_seconds: float = 5.0
    adapter_directories: tuple[Path, ...] = ()
    installed_adapters: bool = True
    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    explain: bool = True
    role: Role | None = None
    tracing_endpoint: str = ""
    owns_process: bool = False


class MixerServer:
    """One Mixer. `start` serves, `follow` keeps the configuration up to date, `stop` drains and closes."""

    def __init__(self, settings: MixerSettings, inventory: Inventory | None = None) -> None:
        self.settings = settings
        self.metrics = RuntimeMetrics()
        _describe_process(self.metrics.registry)
        self.decisions = Decisions(settings.decisions, self.metrics)
        self.dispatcher = Dispatcher(Snapshot(), self.metrics, decisions=self.decisions)
        store, self._close_store = _open_store(settings, self.metrics.registry)
        role, folders = settings.role, settings.adapter_directories
        self._counts = SharedCounts(role.counts) if role is not None else None
        self.controller = Controller(
            store,
            self.dispatcher,
            self.metrics,
            inventory,
            name_generation=naming(role, folders) if role is not None else None,
            settlement=Settlement() if settings.owns_process else None,
        )
        points = installed() if settings.installed_adapters else ()
        self.catalog = Catalog(settings.adapter_directories, points, inventory)
        explain = Explainer(self.dispatcher).explain if settings.explain else None
        calls = Calls(self.dispatcher.check, self.dispatcher.report, self._generation, explain, self.decisions.failed)
        self.tracing = _tracing(settings.tracing_endpoint, self.metrics.registry)
        shedder = make_shedder(settings.shedding, self.metrics.registry, time.monotonic)
        self.front: Front = NativeFront(
            guarded(calls, shedder, self.metrics) if shedder is not None else calls,
            self.metrics,
            address=settings.address,
            port=settings.port,
            socket=settings.socket,
            tls=settings.tls,
            limits=settings.limits,
            share_port=settings.role is not None,
            observe=shedder.observe if shedder is not None else None,
            tracing=self.tracing,
            decision_header=settings.decisions.header,
        )
        self.metrics.registry.register(FrontCollector(self.front))
        self.certificates = (
            Certificates(settings.tls, self.front, self.metrics.registry) if settings.tls is not None else None
        )
        self.monitoring: Monitoring | None = None
        self._serving = threading.Event()

    @property
    def monitoring_port(self) -> int:
        """The bound port, once started."""
        return self.monitoring.port if self.monitoring else 0

    def start(self) -> None:
        """Loads adapters and configuration and serves. OSError when a directory cannot be read or a port cannot be had;
        ValueError when certificates are not accepted. Then nothing is left running."""
        if self.settings.owns_process:
            switch_often()
        self.catalog.refresh()
        self._take_catalog()
        self.controller.load()
        try:
            self.monitoring = Monitoring(
                self._pages(),
                self.settings.address if self.settings.role is None else "127.0.0.1",
                self.settings.monitoring_port,
                folders={"/decisions/": self._decision_page},
                actions={"/logging": self._change_log_level},
            )
            self.monitoring.start()
            if self.certificates is not None:
                self.certificates.remember()
            self.front.start()
        except BaseException:
            self.stop()
            raise
        self._serving.set()
        self.front.set_serving(True)

    async def follow(self) -> None:
        """Applies changes of the configuration, of adapters and of certificates until cancelled; looks first."""
        certificates = [self._follow_certificates(self.certificates)] if self.certificates is not None else []
        await asyncio.gather(self.controller.follow(), self._follow_adapters(), *certificates)

    async def _follow_certificates(self, certificates: Certificates) -> None:
        await asyncio.to_thread(certificates.look)
        await certificates.follow()

    async def _follow_adapters(self) -> None:
        async for _ in self.catalog.watch():
            self.metrics.extension_reloads.inc()
            await asyncio.to_thread(self._take_catalog)

    def _take_catalog(self) -> None:
        """Puts the catalog's adapters in force and counts them."""
        catalog, metrics = self.catalog, self.metrics
        metrics.extensions_loaded.set(catalog.added)
        metrics.extension_errors.set(len(catalog.errors))
        metrics.extensions_kept.set(len(catalog.kept))
        metrics.extension_load_failures.inc(catalog.take_load_failures())
        inventory = self._counts.instead(catalog.inventory) if self._counts is not None else catalog.inventory
        self.controller.change_inventory(inventory, catalog.errors)

    def run_until(self, stop: asyncio.Event, again: asyncio.Event | None = None) -> asyncio.Task[None]:
        """A task that follows the configuration and ends when `stop` is set; it looks anew whenever `again` is set."""
        return asyncio.ensure_future(self._run_until(stop, again or asyncio.Event()))

    async def _run_until(self, stop: asyncio.Event, again: asyncio.Event) -> None:
        while not stop.is_set():
            following = asyncio.ensure_future(self.follow())
            waiting = [following, *(asyncio.ensure_future(event.wait()) for event in (stop, again))]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            finally:
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
            if again.is_set():
                again.clear()
                structlog.get_logger().info("looking at configuration, adapters and certificates")

    def stop(self) -> None:
        """Turns unready, answers the open calls within the time for draining, and closes every handler, which has
        `CLOSE_SECONDS` to deliver what it holds."""
        self._serving.clear()
        self.front.set_serving(False)
        self.front.stop(self.settings.drain_seconds)
        closing = threading.Thread(target=self.controller.close, name="close-handlers", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            structlog.get_logger().error("handlers are not closed in time", seconds=CLOSE_SECONDS)
        self._close_store()
        if self.tracing is not None:
            self.tracing.close()
        if self.monitoring is not None:
            self.monitoring.stop()

    def _generation(self) -> str:
        return self.controller.generation

    def _pages(self) -> Mapping[str, MakePage]:
        return {
            "/metrics": self._metrics_page,
            "/healthz": lambda _: text_page("ok"),
            "/readyz": self._ready_page,
            "/version": lambda _: json_page({"name": "mizzen mixer", "version": __version__}),
            "/config": lambda _: json_page(self.controller.describe()),
            "/logging": lambda _: text_page(LOG_LEVEL.name),
            "/resources": lambda _: json_page(self.controller.resources()),
            "/decisions": lambda _: json_page(self.decisions.latest()),
        }

    def _decision_page(self, identity: str) -> Page:
        found = self.decisions.get(identity)
        if found is None:
            return text_page(f"no decision {identity!r}: never made, or too long ago", HTTPStatus.NOT_FOUND)
        return json_page(found)

    def _metrics_page(self, accept: str) -> Page:
        handlers = self.dispatcher.snapshot.handlers.values()
        registries = [handler.adapter.registry for handler in handlers if handler.adapter.registry is not None]
        return metrics_page([self.metrics.registry, *registries], accept)

    def _change_log_level(self, query: Mapping[str, str]) -> Page:
        """Envoy's way: `PUT /logging?level=debug`."""
        LOG_LEVEL.change(query.get("level", ""))
        structlog.get_logger().warning("log level changed", now=LOG_LEVEL.name)
        return text_page(LOG_LEVEL.name)

    def _ready_page(self, _: str) -> Page:
        if self._serving.is_set():
            return text_page("ready")
        return text_page("not serving", HTTPStatus.SERVICE_UNAVAILABLE)


def _open_store(settings: MixerSettings, registry: CollectorRegistry) -> tuple[Store, Callable[[], None]]:
    """The store and what closes it. Raises ImportError without the extra that it needs."""
    place, namespace = settings.configuration, settings.default_namespace
    if isinstance(place, Path):
        return FileStore(place, namespace), lambda: None
    if place.folder:
        return FileStore(place.folder, namespace), lambda: None
    from mizzen.kubernetes.store import ClusterStore

    store = ClusterStore(place, namespace, registry=registry)
    return store, store.close


def _tracing(endpoint: str, registry: CollectorRegistry) -> Tracing | None:
    """Raises ImportError without the extra `otlp`."""
    if not endpoint:
        return None
    from mizzen.mixer.tracing.export import OtlpExporter
    from mizzen.mixer.tracing.spans import Tracing

    return Tracing(OtlpExporter(endpoint, registry))


def _describe_process(registry: CollectorRegistry) -> None:
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    info = Gauge("mizzen_build_info", "The version that runs.", ("component", "version"), registry=registry)
    info.labels("mixer", __version__).set(1)
