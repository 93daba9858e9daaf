"""fluentd: log entries by the Fluentd forward protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from prometheus_client import CollectorRegistry

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.client_tls import tls_context
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.fluentd.connection import Connection
from mizzen.mixer.adapters.fluentd.events import Event, event_of
from mizzen.mixer.adapters.fluentd.params import (
    DEFAULT_BATCH_BYTES,
    DEFAULT_ENTRIES,
    DEFAULT_INTERVAL_NS,
    FluentdParams,
)
from mizzen.mixer.adapters.network_address import host_port
from mizzen.mixer.adapters.outbox import Outbox, OutboxLimits
from mizzen.mixer.templates import Instance, LogEntry


class FluentdAdapter(Adapter):
    """Packs entries as they come and leaves the rest to the background. A Fluentd that is away fails neither the build
    nor a report: entries wait in a bounded queue, and what does not fit is dropped and counted."""

    name = "fluentd"
    templates = frozenset(["logentry"])
    Params = FluentdParams

    def __init__(self, params: FluentdParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._integer_duration = params.integer_duration
        self._connection = Connection(
            host_port(params.address),
            tls_context(params.tls) if params.tls else None,
            params.tls.server_name if params.tls else "",
            params.require_ack,
            params.shared_key.get_secret_value(),
            (params.username, params.password.get_secret_value()),
        )
        entries = params.instance_buffer_size or DEFAULT_ENTRIES
        limits = OutboxLimits(
            capacity=entries,
            interval=(params.push_interval_duration or DEFAULT_INTERVAL_NS) / 1e9,
            timeout=(params.push_timeout_duration or DEFAULT_INTERVAL_NS) / 1e9,
            batch_items=entries,
            batch_bytes=params.max_batch_size_bytes or DEFAULT_BATCH_BYTES,
        )
        self.registry = CollectorRegistry()
        self._outbox: Outbox[Event] = Outbox(
            "fluentd_entries", environment, self.registry, limits, self._connection.send
        )

    def report(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            event = event_of(cast(LogEntry, instance), self.environment.now(), self._integer_duration)
            self._outbox.add(event, event.size)

    def close(self) -> None:
        self._outbox.close()
        self._connection.close()
