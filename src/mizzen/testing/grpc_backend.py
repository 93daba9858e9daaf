"""A gRPC service for tests: it sends back what it gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from mizzen.agent.address import HostPort

SERVICE = "mizzen.testing.Echo"


class GrpcBackend:
    """Serves `/mizzen.testing.Echo/Unary` and `/mizzen.testing.Echo/Stream` (both ways) over raw bytes.

    A message that starts with `fail:CODE` (a gRPC code name) ends the call with that code. `calls` counts calls.
    """

    UNARY = f"/{SERVICE}/Unary"
    STREAM = f"/{SERVICE}/Stream"

    def __init__(self) -> None:
        self.calls = 0
        self.server = grpc.server(ThreadPoolExecutor(max_workers=32))
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Stream": grpc.stream_stream_rpc_method_handler(self.stream),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.address = HostPort("127.0.0.1", self.server.add_insecure_port("127.0.0.1:0"))

    def unary(self, request: bytes, context: Any) -> bytes:
        self.calls += 1
        fail_if_asked(request, context)
        context.set_trailing_metadata((("x-echo", "unary"),))
        return request

    def stream(self, requests: Any, context: Any) -> Any:
        self.calls += 1
        for request in requests:
            fail_if_asked(request, context)
            yield request

    @classmethod
    def unary_call(cls, channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        """The client's side of `Unary`."""
        return channel.unary_unary(cls.UNARY, as_it_is, as_it_is)

    @classmethod
    def stream_call(cls, channel: grpc.Channel) -> grpc.StreamStreamMultiCallable[bytes, bytes]:
        """The client's side of `Stream`."""
        return channel.stream_stream(cls.STREAM, as_it_is, as_it_is)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(None).wait()


def as_it_is(message: bytes) -> bytes:
    return message


def fail_if_asked(request: bytes, context: Any) -> None:
    if request.startswith(b"fail:"):
        code = grpc.StatusCode[request.removeprefix(b"fail:").decode()]
        context.abort(code, "asked to fail")
