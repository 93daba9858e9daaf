"""gRPC in front of the runtime: what the front and the runtime know of each other.

A front owns the network and its threads; it calls `check` and `report`, which are done when they return, or return the
future of their end where an adapter is waited for: then no thread of the front is kept. What they raise becomes a gRPC
status:

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
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

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
Method = Literal["Check", "Report", "Explain"]
Explain = Callable[[CheckCall, Callable[[bytes | BaseException], None]], None]
"""Runs an explained Check; tells the encoded answer, or what went wrong, once."""


@dataclass(frozen=True)
class Calls:
    """What a front calls. Without `explain` explained Checks are UNIMPLEMENTED. `failed` keeps a Check that ended with
    a gRPC status before anything was decided, and gives it an id."""

    check: Callable[[CheckCall], Future[None] | None]
    report: Callable[[ReportCall], Future[None] | None]
    generation: Callable[[], str]
    explain: Explain | None = None
    failed: Callable[[int, str], str | None] = lambda code, message: None


@dataclass(frozen=True)
class Limits:
    """Bounds of what clients may use. Calls that wait beyond `waiting_calls` end with UNAVAILABLE.

    A connection older than `connection_age_seconds` (0: any age) is ended gracefully, so that clients spread over the
    processes behind one address; its open calls then have `connection_age_grace_seconds`.
    """

    message_bytes: int = 4 << 20
    streams_per_connection: int = 1024
    connections: int = 10_000
    waiting_calls: int = 4096
    connection_age_seconds: float = 0.0
    connection_age_grace_seconds: float = 10.0
    keepalive_seconds: float = 60.0
    keepalive_timeout_seconds: float = 20.0


@dataclass(frozen=True)
class Tls:
    """Files in PEM. With `client_ca` a client must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def read(self) -> tuple[bytes, bytes, bytes | None]:
        """What the files hold. Raises OSError when one cannot be read."""
        client_ca = self.client_ca.read_bytes() if self.client_ca else None
        return self.certificate.read_bytes(), self.key.read_bytes(), client_ca


class Front(Protocol):
    """A network front. `port` is the bound one after `start`."""

    @property
    def port(self) -> int: ...
    def start(self) -> None:
        """Binds and serves; OSError when the port cannot be had or a file of TLS cannot be read, ValueError when it
        is not accepted."""

    def set_serving(self, serving: bool) -> None:
        """What the health service tells from now on."""

    def reload_tls(self) -> None:
        """Reads the files of TLS again, for connections that begin from now on. OSError and ValueError as `start`."""

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
    "refused": "Connections closed at once because there were too many",
    "handshake_failures": "Connections that ended in the TLS handshake or did not speak HTTP/2",
    "aged": "Connections ended gracefully because of their age",
    "calls": "Calls received",
    "batches": "Times that calls were handed over, one or several at once",
    "shed": "Calls ended with UNAVAILABLE because the queue was full",
    "cancelled": "Calls whose client left before they were answered",
    "expired": "Calls not begun because their deadline had passed",
    "exceptions": "Calls that ended INTERNAL without an answer",
}


class Outcome(NamedTuple):
    """What a call ends with: `response`, or the gRPC status `code` with `message`; `generation` goes with both.

    `decision` is the id of a refusal or of a failed Check.
    """

    generation: str
    response: bytes = b""
    code: int = Code.OK
    message: str = ""
    decision: str | None = None


def begin(
    calls: Calls, metrics: RuntimeMetrics, method: Method, request: bytes, peer: str, done: Callable[[Outcome], None]
) -> None:
    """Runs one call from its bytes to its outcome, which is given to `done` once: at once on this thread, or later on
    another one. Never raises."""
    generation = calls.generation()

    def end(error: BaseException | None) -> None:
        if error is None:
            try:
                if check is None:
                    done(Outcome(generation))
                else:
                    done(Outcome(generation, check.response(), decision=check.decision_id))
                return
            except Exception as fault:  # a check without reply
                error = fault
        code, message = _status(error, metrics, method)
        identity = check.decision_id if check is not None else None
        if identity is None and method != "Report":
            identity = calls.failed(code, message)
        done(Outcome(generation, code=code, message=message[:_LONGEST_MESSAGE], decision=identity))

    check: CheckCall | None = None
    try:
        if method == "Check":
            check = CheckCall(request, peer)
            waited = calls.check(check)
        elif method == "Explain":
            check = CheckCall(request, peer)
            _begin_explained(calls, check, generation, end, done)
            return
        else:
            waited = calls.report(ReportCall(request, peer))
    except Exception as error:
        end(error)
        return
    if waited is None:
        end(None)
    else:
        waited.add_done_callback(lambda future: end(future.exception()))


def _begin_explained(
    calls: Calls,
    call: CheckCall,
    generation: str,
    fail: Callable[[BaseException | None], None],
    done: Callable[[Outcome], None],
) -> None:
    if calls.explain is None:
        raise CallError(Code.UNIMPLEMENTED, "this Mixer does not explain its decisions")

    def end(encoded: bytes | BaseException) -> None:
        if isinstance(encoded, bytes):
            done(Outcome(generation, encoded, decision=call.decision_id))
        else:
            fail(encoded)

    calls.explain(call, end)


def _status(error: BaseException, metrics: RuntimeMetrics, method: Method) -> tuple[int, str]:
    if isinstance(error, CallError):  # counted where it was raised
        return error.code, error.message
    if isinstance(error, DictionaryMismatchError):
        code, message = Code.INTERNAL, str(error)
    elif isinstance(error, WireError):
        code, message = Code.INVALID_ARGUMENT, str(error)
    else:  # a fault of the runtime itself: the client gets no details, the log does
        structlog.get_logger().error("call failed unexpectedly", method=method, exc_info=error)
        code, message = Code.INTERNAL, "the Mixer failed while handling the call"
    metrics.call_failures.labels(method, code.name).inc()
    return code, message
