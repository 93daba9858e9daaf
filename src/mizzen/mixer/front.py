"""gRPC in front of the runtime, behind a seam that a native front can take.

A front owns the network and its threads; it calls `check` and `report`, which are plain functions, and turns what they
raise into gRPC statuses:

| raised | status |
|---|---|
| `CallError` | its own code and text |
| `DictionaryMismatchError` | INTERNAL, as Istio's Mixer answers |
| other `WireError` (bytes that are no request) | INVALID_ARGUMENT |
| anything else, or a check without reply | INTERNAL with a fixed text; logged and counted |

The generation is read before the call runs: an answer may then carry an older one than it was decided under, which
costs a client one needless miss, but never a newer one, which would let a stale decision survive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import grpc
import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from mizzen.mixer.adapters import Code
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.wire import CheckCall, DictionaryMismatchError, ReportCall, WireError

GENERATION_METADATA = "mizzen-generation"
_LONGEST_MESSAGE = 4096
WORKERS = 16
"""Threads for calls that may wait."""

Method = Literal["Check", "Report"]


@dataclass(frozen=True)
class Calls:
    """What a front calls. `blocking` tells whether calls may wait, so that they must not run on the thread of the
    network."""

    check: Callable[[CheckCall], None]
    report: Callable[[ReportCall], None]
    generation: Callable[[], str]
    blocking: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Limits:
    """Bounds of what clients may use. Calls beyond `concurrent_calls` end with RESOURCE_EXHAUSTED."""

    message_bytes: int = 4 << 20
    streams_per_connection: int = 1024
    concurrent_calls: int = 4096
    keepalive_seconds: float = 60.0
    keepalive_timeout_seconds: float = 20.0


@dataclass(frozen=True)
class Tls:
    """Files in PEM. With `client_ca` a client must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Raises OSError when a file cannot be read."""
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        roots = self.client_ca.read_bytes() if self.client_ca else None
        return grpc.ssl_server_credentials([pair], roots, require_client_auth=roots is not None)


class Front(Protocol):
    """A network front. `port` is the bound one after `start`."""

    @property
    def port(self) -> int: ...
    def start(self) -> None:
        """Binds and serves; OSError when the port cannot be had."""

    def stop(self, grace_seconds: float) -> None:
        """Refuses new calls, lets running ones finish for at most the time given, then ends them. Idempotent."""

    def stats(self) -> Mapping[str, int]:
        """Counts since the start, by name: what the front itself did with connections and calls."""


class FrontCollector(Collector):
    """Shows the counts of a front among the Mixer's metrics."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def collect(self) -> Iterator[Metric]:
        for name, count in sorted(self._front.stats().items()):
            text = f"{_STATS.get(name, name)}, by the native front."
            yield CounterMetricFamily(f"mizzen_mixer_front_{name}", text, value=count)


_STATS = {
    "connections": "Connections accepted",
    "calls": "Calls received",
    "batches": "Times that calls were handed over, one or several at once",
    "shed": "Calls ended with UNAVAILABLE because the queue was full",
    "cancelled": "Calls whose client left before they were answered",
    "exceptions": "Calls that ended INTERNAL without an answer",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call ends with: `response`, or the gRPC status `code` with `message`; `generation` goes with both."""

    generation: str
    response: bytes = b""
    code: int = Code.OK
    message: str = ""


def handle(calls: Calls, metrics: RuntimeMetrics, method: Method, request: bytes, peer: str) -> Outcome:
    """Runs one call from its bytes to its outcome. Never raises."""
    generation = calls.generation()
    try:
        if method == "Check":
            check = CheckCall(request, peer)
            calls.check(check)
            return Outcome(generation, check.response())
        calls.report(ReportCall(request, peer))
        return Outcome(generation)
    except CallError as error:  # counted where it was raised
        return Outcome(generation, code=error.code, message=error.message[:_LONGEST_MESSAGE])
    except DictionaryMismatchError as error:
        code, message = Code.INTERNAL, str(error)
    except WireError as error:
        code, message = Code.INVALID_ARGUMENT, str(error)
    except Exception:  # a fault of the runtime itself: the client gets no details, the log does
        structlog.get_logger().exception("call failed unexpectedly", method=method)
        code, message = Code.INTERNAL, "the Mixer failed while handling the call"
    metrics.call_failures.labels(method, code.name).inc()
    return Outcome(generation, code=code, message=message[:_LONGEST_MESSAGE])
