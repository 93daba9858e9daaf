"""The native front: gRPC on one thread of the codec's own library, for plain connections.

Calls run on that thread, several in a row each time it holds the interpreter; those that wait for an adapter are
answered from another thread, so that they keep no other call.
"""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.front import Calls, Limits, Outcome, begin
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.wire import Pending, Server


class NativeFront:
    """See `Front`. Calls beyond `Limits.concurrent_calls` that wait in the queue end with UNAVAILABLE."""

    def __init__(
        self,
        calls: Calls,
        metrics: RuntimeMetrics,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self._address = address
        self._port = port
        self._limits = limits or Limits()
        self._server: Server | None = None

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        limits = self._limits
        try:
            server = Server(
                self._take,
                host=self._address,
                port=self._port,
                max_message=limits.message_bytes,
                max_streams=limits.streams_per_connection,
                max_queue=limits.concurrent_calls,
                keepalive=limits.keepalive_seconds,
                keepalive_timeout=limits.keepalive_timeout_seconds,
            )
        except OSError as error:
            raise OSError(f"cannot listen on {self._address}:{self._port}: {error}") from error
        server.start()
        self._server, self._port = server, server.port

    def stop(self, grace_seconds: float) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop(grace_seconds)

    def stats(self) -> Mapping[str, int]:
        return self._server.stats() if self._server is not None else {}

    def _take(self, pending: Pending) -> None:
        if pending.done:
            return  # the caller has left

        def done(outcome: Outcome) -> None:
            if outcome.code:
                pending.fail(outcome.code, outcome.message, outcome.generation)
            else:
                pending.answer(outcome.response, outcome.generation)

        begin(self._calls, self._metrics, pending.method, pending.request, pending.peer, done)
