"""A real Mixer in the process of the test, on free ports of loopback."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import grpc

from mizzen.agent.address import HostPort
from mizzen.mixer.adapters import ADAPTERS, Adapter
from mizzen.mixer.front import GENERATION_METADATA
from mizzen.mixer.runtime import Inventory
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.mixer.templates import TEMPLATES, Template
from mizzen.testing.outcomes import CheckOutcome, failed_outcome, read_outcome
from mizzen.testing.waiting import wait_until
from mizzen.wire import QuotaParams, encode_check_request, encode_report_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2_grpc

_CALL_SECONDS = 10.0


class FaultyConfigurationError(AssertionError):
    """The policies or adapters of a test have faults; the text has all of them."""


class LocalMixer:
    """A context manager. `policies` are the text of one YAML file, texts by file name, or a folder used as it is.

    `adapters` and `templates` are added to the built-in ones, those of `adapter_directories` are loaded as by
    `mizzen mixer --adapter-dir`. Faults of the start raise `FaultyConfigurationError` unless `allow_faults` is set.
    """

    def __init__(
        self,
        policies: str | Mapping[str, str] | Path,
        *,
        adapters: Iterable[type[Adapter]] = (),
        templates: Iterable[Template] = (),
        adapter_directories: Sequence[Path] = (),
        allow_faults: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mizzen-policies-")
        self._allow_faults = allow_faults
        self.directory = policies if isinstance(policies, Path) else Path(self._folder.name)
        if not isinstance(policies, Path):
            files = {"policies.yaml": policies} if isinstance(policies, str) else policies
            for name, text in files.items():
                (self.directory / name).write_text(text, encoding="utf-8")
        inventory = Inventory(
            {**ADAPTERS, **{adapter.name: adapter for adapter in adapters}},
            {**TEMPLATES, **{template.name: template for template in templates}},
        )
        settings = MixerSettings(
            self.directory,
            port=0,
            monitoring_port=0,
            adapter_directories=tuple(adapter_directories),
            drain_seconds=1.0,
        )
        self.server = MixerServer(settings, inventory)
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._following = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="local-mixer", daemon=True)
        self._channel: grpc.Channel | None = None

    @property
    def port(self) -> int:
        """The port of the gRPC API."""
        return self.server.front.port

    @property
    def address(self) -> HostPort:
        """The same for `ProxyProcess`."""
        return HostPort("127.0.0.1", self.port)

    @property
    def faults(self) -> tuple[str, ...]:
        """Every fault of the policies and adapters as they are now."""
        return tuple(map(str, self.server.controller.errors))

    def check(
        self,
        attributes: Mapping[str, Any],
        quotas: Mapping[str, int] | None = None,
        *,
        deduplication_id: str = "",
    ) -> CheckOutcome:
        """One Check over gRPC; `quotas` are amounts by name, all or nothing. A gRPC error is an outcome, too."""
        wanted = {name: QuotaParams(amount) for name, amount in (quotas or {}).items()}
        request = encode_check_request(attributes, quotas=wanted, deduplication_id=deduplication_id)
        try:
            response, call = self._stub.Check.with_call(pb.CheckRequest.FromString(request), timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            return failed_outcome(error)
        metadata = dict(call.initial_metadata())
        return read_outcome(response, str(metadata.get(GENERATION_METADATA, "")))

    def report(self, *records: Mapping[str, Any]) -> str:
        """One Report with a bag for each record; empty, or the gRPC error as `CODE: text`."""
        try:
            self._stub.Report(pb.ReportRequest.FromString(encode_report_request(records)), timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
        return ""

    def save(self, file: str | Path, text: str) -> None:
        """Writes a file of the policies, by name, or of an adapter folder, by path, and waits until it was read."""
        before = self._applied()
        (self.directory / file).write_text(text, encoding="utf-8")
        wait_until(lambda: self._applied() > before, f"the Mixer takes over {file}")

    def metric(self, name: str, **labels: str) -> float:
        """The value of a series of `/metrics`; 0 when there is none."""
        handlers = self.server.dispatcher.snapshot.handlers.values()
        registries = [self.server.metrics.registry, *(handler.adapter.registry for handler in handlers)]
        found = (registry.get_sample_value(name, labels) for registry in registries if registry is not None)
        return next((value for value in found if value is not None), 0.0)

    def handler(self, key: str) -> Adapter:
        """The adapter object of the handler with that full name, such as `allow.handler.istio-system`."""
        return self.server.dispatcher.snapshot.handlers[key].adapter

    def __enter__(self) -> Self:
        self.server.start()
        if self.faults and not self._allow_faults:
            faults = "\n".join(self.faults)
            self._end()
            raise FaultyConfigurationError(f"the configuration of the test has faults:\n{faults}")
        self._thread.start()
        self._following.wait(_CALL_SECONDS)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._stop is not None:
            loop, stop = self._stop
            loop.call_soon_threadsafe(stop.set)
            self._thread.join(_CALL_SECONDS)
        self._end()

    @property
    def _stub(self) -> mixer_pb2_grpc.MixerStub:
        assert self._channel is not None, "the Mixer runs only inside of its with statement"  # noqa: S101
        return mixer_pb2_grpc.MixerStub(self._channel)

    def _end(self) -> None:
        self.server.stop()
        self._folder.cleanup()

    def _applied(self) -> float:
        return sum(
            self.server.metrics.registry.get_sample_value("mizzen_mixer_config_reloads_total", {"faulty": faulty})
            or 0.0
            for faulty in ("true", "false")
        )

    def _follow(self) -> None:
        async def run() -> None:
            stop = asyncio.Event()
            self._stop = (asyncio.get_running_loop(), stop)
            self._following.set()
            await self.server.run_until(stop)

        asyncio.run(run())
