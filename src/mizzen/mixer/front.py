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

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
import structlog

from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.wire import CheckCall, DictionaryMismatchError, ReportCall, WireError

GENERATION_METADATA = "mizzen-generation"
CHECK_METHOD = "/istio.mixer.v1.Mixer/Check"
REPORT_METHOD = "/istio.mixer.v1.Mixer/Report"
_LONGEST_MESSAGE = 4096
_WORKERS = 16
_START_SECONDS = 30.0


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


class _Running:
    """What a started front holds: a thread with an event loop, and threads for calls that wait."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.workers = ThreadPoolExecutor(_WORKERS, "call")
        self.server: grpc.aio.Server | None = None
        self.thread = threading.Thread(target=self.loop.run_forever, name="grpc-front", daemon=True)
        self.thread.start()

    def wait_for(self, work: Coroutine[Any, Any, None], timeout_seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_seconds)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_START_SECONDS)
        self.workers.shutdown(wait=False, cancel_futures=True)
        self.loop.close()


class AioFront:
    """The front on grpc.aio, on a thread with an event loop of its own."""

    def __init__(
        self,
        calls: Calls,
        metrics: RuntimeMetrics,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls: Tls | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self._address = address
        self._port = port
        self._tls = tls
        self._limits = limits or Limits()
        self._running: _Running | None = None
        self._workers: ThreadPoolExecutor | None = None

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        running = _Running()
        try:
            running.wait_for(self._serve(running), _START_SECONDS)
        except BaseException:
            running.end()
            raise
        self._running = running

    def stop(self, grace_seconds: float) -> None:
        running, self._running = self._running, None
        if running is not None and running.server is not None:
            try:
                running.wait_for(running.server.stop(grace_seconds), grace_seconds + _START_SECONDS)
            finally:
                running.end()

    async def _serve(self, running: _Running) -> None:
        server = grpc.aio.server(
            handlers=[_Methods(self._check, self._report)],
            options=self._options(),
            maximum_concurrent_rpcs=self._limits.concurrent_calls,
        )
        target = f"[{self._address}]:{self._port}" if ":" in self._address else f"{self._address}:{self._port}"
        try:
            if self._tls is None:
                port = server.add_insecure_port(target)
            else:
                port = server.add_secure_port(target, self._tls.credentials())
        except RuntimeError as error:
            raise OSError(f"cannot listen on {target}: {error}") from error
        if not port:
            raise OSError(f"cannot listen on {target}")
        await server.start()
        running.server, self._port, self._workers = server, port, running.workers

    def _options(self) -> list[tuple[str, int]]:
        limits = self._limits
        return [
            ("grpc.max_receive_message_length", limits.message_bytes),
            ("grpc.max_concurrent_streams", limits.streams_per_connection),
            ("grpc.keepalive_time_ms", int(limits.keepalive_seconds * 1000)),
            ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout_seconds * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
            ("grpc.so_reuseport", 0),  # a second process on the port is an error, not a silent share of the calls
        ]

    async def _check(self, request: bytes, context: Any) -> bytes:
        def run() -> bytes:
            call = CheckCall(request, context.peer())
            self._calls.check(call)
            return call.response()

        return await self._answer("Check", run, context)

    async def _report(self, request: bytes, context: Any) -> bytes:
        def run() -> bytes:
            self._calls.report(ReportCall(request, context.peer()))
            return b""

        return await self._answer("Report", run, context)

    async def _answer(self, method: str, run: Callable[[], bytes], context: Any) -> bytes:
        await context.send_initial_metadata(((GENERATION_METADATA, self._calls.generation()),))
        try:
            if self._calls.blocking():
                return await asyncio.get_running_loop().run_in_executor(self._workers, run)
            return run()
        except CallError as error:
            code, message = grpc_code(error.code), error.message
        except DictionaryMismatchError as error:
            code, message = self._refused(method, grpc.StatusCode.INTERNAL, str(error))
        except WireError as error:
            code, message = self._refused(method, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Exception:  # a fault of the runtime itself: the client gets no details, the log does
            structlog.get_logger().exception("call failed unexpectedly", method=method)
            code, message = self._refused(method, grpc.StatusCode.INTERNAL, "the Mixer failed while handling the call")
        await context.abort(code, message[:_LONGEST_MESSAGE])
        raise AssertionError("abort raises")

    def _refused(self, method: str, code: grpc.StatusCode, message: str) -> tuple[grpc.StatusCode, str]:
        self._metrics.call_failures.labels(method, code.name).inc()
        return code, message


class _Methods(grpc.GenericRpcHandler):
    """The two methods by their exact paths; every other one is UNIMPLEMENTED. Messages stay bytes."""

    def __init__(
        self, check: Callable[[bytes, Any], Awaitable[bytes]], report: Callable[[bytes, Any], Awaitable[bytes]]
    ) -> None:
        self._handlers: Mapping[str, Any] = {
            CHECK_METHOD: grpc.unary_unary_rpc_method_handler(check),
            REPORT_METHOD: grpc.unary_unary_rpc_method_handler(report),
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handlers.get(handler_call_details.method)


def grpc_code(code: int) -> grpc.StatusCode:
    """The gRPC status code of a number; UNKNOWN for one that gRPC does not have."""
    return _GRPC_CODES.get(code, grpc.StatusCode.UNKNOWN)


_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
