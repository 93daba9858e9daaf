"""The native front: gRPC on one thread of the codec's own library.

Calls run on that thread, several in a row each time it holds the interpreter; those that wait for an adapter are
answered from another thread, so that they keep no other call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mizzen.agent.address import HostPort
from mizzen.mixer.front import Calls, Limits, Outcome, Tls, begin
from mizzen.mixer.listen import UnixSocket
from mizzen.mixer.reflection import Reflection
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.tracing.current import CURRENT
from mizzen.wire import Pending, Server

if TYPE_CHECKING:
    from mizzen.mixer.tracing.spans import Tracing


class NativeFront:
    """See `Front`. A `socket` takes the place of address and port. With `share_port` other processes may bind to the
    same port and take a part of the connections.
    `observe` is told the seconds that each call took, its wait included. `decision_header` is the header in which a
    proxy tells a refused client the decision's id; empty: in none."""

    def __init__(
        self,
        calls: Calls,
        metrics: RuntimeMetrics,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        socket: UnixSocket | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        share_port: bool = False,
        observe: Callable[[float], None] | None = None,
        tracing: Tracing | None = None,
        decision_header: str = "",
    ) -> None:
        self._calls = calls
        self._metrics = metrics
        self._address = address
        self._port = port
        self._socket = socket
        self._tls = tls
        self._limits = limits or Limits()
        self._share_port = share_port
        self._observe = observe
        self._tracing = tracing
        self._decision_header = decision_header or None
        self._server: Server | None = None

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        limits = self._limits
        tls = self._tls.read() if self._tls is not None else None
        try:
            server = Server(
                self._take,
                host=self._address,
                port=self._port,
                path=self._socket.path if self._socket is not None else None,
                mode=self._socket.mode if self._socket is not None else 0,
                share_port=self._share_port,
                tls=tls,
                reflect=Reflection().answer,
                max_message=limits.message_bytes,
                max_streams=limits.streams_per_connection,
                max_connections=limits.connections,
                max_queue=limits.waiting_calls,
                max_age=limits.connection_age_seconds,
                age_grace=limits.connection_age_grace_seconds,
                keepalive=limits.keepalive_seconds,
                keepalive_timeout=limits.keepalive_timeout_seconds,
            )
        except OSError as error:
            place = self._socket or HostPort(self._address, self._port)
            raise OSError(f"cannot listen on {place}: {error}") from error
        server.start()
        self._server, self._port = server, server.port

    def set_serving(self, serving: bool) -> None:
        if self._server is not None:
            self._server.set_serving(serving)

    def reload_tls(self) -> None:
        if self._server is not None and self._tls is not None:
            self._server.set_tls(*self._tls.read())

    def stop(self, grace_seconds: float) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop(grace_seconds)

    def stats(self) -> Mapping[str, int]:
        return self._server.stats() if self._server is not None else {}

    def _take(self, pending: Pending) -> None:
        if pending.done:
            return  # the caller has left

        trace = None
        if self._tracing is not None and pending.trace:
            trace = self._tracing.begin(pending.method, pending.trace, pending.peer, pending.age)

        def done(outcome: Outcome) -> None:
            if trace is not None:
                trace.end(outcome.code, outcome.message)
            if self._observe is not None:
                self._observe(pending.age)
            decision = outcome.decision
            header = self._decision_header if decision is not None else None
            if outcome.code:
                pending.fail(outcome.code, outcome.message, outcome.generation, decision, header)
            else:
                pending.answer(outcome.response, outcome.generation, decision, header)

        token = CURRENT.set(trace)
        try:
            begin(self._calls, self._metrics, pending.method, pending.request, pending.peer, done)
        finally:
            CURRENT.reset(token)
