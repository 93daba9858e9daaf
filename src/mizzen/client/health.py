"""Whether a Mixer serves, as its gRPC health service says."""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mizzen.client.target import Target


class UnreachableError(Exception):
    """Nobody speaks gRPC there."""


class HealthError(Exception):
    """The health service gave no answer."""


def health(target: Target, service: str, seconds: float) -> str:
    """The state of `service` (empty: the server as a whole): `SERVING`, `NOT_SERVING`, …

    `seconds` are for the connection and again for the answer. Raises UnreachableError, HealthError, and OSError when a
    file of TLS cannot be read.
    """
    with target.open() as channel:
        connected: Any = grpc.channel_ready_future(channel)
        try:
            connected.result(timeout=seconds)
        except grpc.FutureTimeoutError:
            connected.cancel()
            text = f"{target.address}: no connection within {seconds:g} s; is the Mixer there, and TLS as it should be?"
            raise UnreachableError(text) from None
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=seconds)
        except grpc.RpcError as error:
            failed: Any = error
            raise HealthError(f"{target.address}: {failed.code().name}: {failed.details()}") from None
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
