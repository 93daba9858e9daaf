"""An Envoy whose listeners, one for HTTP and one for TCP, are in a file that tests change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mizzen.agent.address import HostPort
from mizzen.agent.bootstrap import Settings, render_bootstrap
from mizzen.testing import EnvoyProcess, unused_port, wait_until

FAMILIES = ("http", "tcp")
QUOTAS = {"rules": [{"quotas": [{"quota": "q", "charge": 1}]}]}


class ListenersInFile:
    """`envoy` has two workers, and ends the connections of a listener a second after that was replaced or removed."""

    def __init__(self, backend: HostPort, mixer: HostPort, folder: Path) -> None:
        self.backend, self.mixer = backend, mixer
        self.ports = {family: unused_port() for family in FAMILIES}
        self.file = folder / "lds.json"
        document = self.document({})
        document["static_resources"].pop("listeners")
        document["dynamic_resources"] = {"lds_config": {"path_config_source": {"path": str(self.file)}}}
        self.save({})
        self.envoy = EnvoyProcess(document, ["--concurrency", "2", "--disable-hot-restart", "--drain-time-s", "1"])

    def document(self, transport: Mapping[str, Any]) -> dict[str, Any]:
        settings = Settings(
            backend=self.backend,
            mixer=self.mixer,
            port=self.ports["http"],
            tcp_port=self.ports["tcp"],
            admin_port=0,
            filter_config={
                "default_destination_service": "d",
                "service_configs": {"d": {"quota_spec": [QUOTAS]}},
                "transport": transport,
            },
            tcp_filter_config={"connection_quota_spec": QUOTAS, "transport": transport},
        )
        document: dict[str, Any] = yaml.safe_load(render_bootstrap(settings).text)
        return document

    def save(self, transport: Mapping[str, Any], *, removed: bool = False) -> None:
        kind = "type.googleapis.com/envoy.config.listener.v3.Listener"
        listeners = [{"@type": kind, **each} for each in self.document(transport)["static_resources"]["listeners"]]
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"resources": [] if removed else listeners}))
        fresh.replace(self.file)

    def update(self, transport: Mapping[str, Any], *, removed: bool = False) -> None:
        counter = "listener_manager.lds.update_success"
        before = self.envoy.stats(counter)[counter]
        self.save(transport, removed=removed)
        wait_until(lambda: self.envoy.stats(counter)[counter] > before, f"a change of {counter}")
        if not removed:
            wait_until(
                lambda: self.envoy.stats("listener_manager.")["listener_manager.total_listeners_warming"] == 0,
                "warm listeners",
            )

    def wait_for_the_end_of_the_old(self) -> None:
        draining = "listener_manager.total_listeners_draining"
        wait_until(lambda: self.envoy.stats(draining)[draining] == 0, "the end of the old listeners", 20)

    def address(self, family: str) -> HostPort:
        return HostPort("127.0.0.1", self.ports[family])
