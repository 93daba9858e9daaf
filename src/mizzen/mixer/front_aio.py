"""The front on grpc.aio: slower than the native one, with TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import grpc

from mizzen.mixer.front import GENERATION_METADATA, Calls, Limits, Method, Outcome, Tls, begin
from mizzen.mixer.runtime.metrics import RuntimeMetrics

CHECK_METHOD = "/istio.mixer.v1.Mixer/Check"
REPORT_METHOD = "/istio.mixer.v1.Mixer/Report"
_START_SECONDS = 30.0


class _Running:
    """What a started front holds: a thread with an event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server: grpc.aio.Server | None = None
        self.thread = threading.Thread(target=self.loop.run_forever, name="grpc-front", daemon=True)
        self.thread.start()

    def wait_for(self, work: Coroutine[Any, Any, None], timeout_seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_seconds)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_START_SECONDS)
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

    def stats(self) -> Mapping[str, int]:
        return {}

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
        running.server, self._port = server, port

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
        return await self._answer("Check", request, context)

    async def _report(self, request: bytes, context: Any) -> bytes:
        return await self._answer("Report", request, context)

    async def _answer(self, method: Method, request: bytes, context: Any) -> bytes:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Outcome] = loop.create_future()

        def done(outcome: Outcome) -> None:
            if threading.current_thread() is thread:
                _set(ended, outcome)
            else:
                loop.call_soon_threadsafe(_set, ended, outcome)

        thread = threading.current_thread()
        begin(self._calls, self._metrics, method, request, context.peer(), done)
        outcome = await ended
        await context.send_initial_metadata(((GENERATION_METADATA, outcome.generation),))
        if outcome.code:
            await context.abort(grpc_code(outcome.code), outcome.message)
        return outcome.response


def _set(ended: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not ended.done():  # else the caller has left
        ended.set_result(outcome)


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
