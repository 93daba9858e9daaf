"""Collectors: a gRPC server with the services of the OpenTelemetry protocol, and an HTTP server for the same."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from mizzen.testing import EchoBackend, EchoRequest, EchoResponse

REQUESTS: dict[str, Any] = {
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
}


class Received:
    """What arrived, by path of the signal, and how to answer."""

    def __init__(self) -> None:
        self.requests: dict[str, list[Any]] = {path: [] for path in REQUESTS}
        self.headers: list[dict[str, str]] = []
        self.refused = 0
        self.failure: Any = None

    def answer_of(self, path: str) -> Any:
        if path == "/v1/logs":
            answer = logs_service_pb2.ExportLogsServiceResponse()
            answer.partial_success.rejected_log_records = self.refused
            return answer
        if path == "/v1/metrics":
            points = metrics_service_pb2.ExportMetricsServiceResponse()
            points.partial_success.rejected_data_points = self.refused
            return points
        spans = trace_service_pb2.ExportTraceServiceResponse()
        spans.partial_success.rejected_spans = self.refused
        return spans


class GrpcCollector(Received):
    protocol = "GRPC"

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        super().__init__()
        self.server = grpc.server(ThreadPoolExecutor(4))
        services: list[tuple[str, Any]] = [
            ("/v1/logs", logs_service_pb2_grpc.add_LogsServiceServicer_to_server),
            ("/v1/metrics", metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server),
            ("/v1/traces", trace_service_pb2_grpc.add_TraceServiceServicer_to_server),
        ]
        for path, add in services:
            add(self.servicer(path), self.server)
        if credentials:
            port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"{'https' if credentials else 'http'}://127.0.0.1:{port}"
        self.server.start()

    def servicer(self, path: str) -> Any:
        collector = self

        class Servicer:
            def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
                collector.headers.append({key: str(value) for key, value in context.invocation_metadata()})
                if collector.failure:
                    context.abort(collector.failure, "told to fail")
                collector.requests[path].append(request)
                return collector.answer_of(path)

        return Servicer()

    def stop(self) -> None:
        self.server.stop(None).wait()


class HttpCollector(Received):
    protocol = "HTTP"

    def __init__(self) -> None:
        super().__init__()
        self.server = EchoBackend(self.respond)
        self.endpoint = f"http://{self.server.address}"
        self.server.__enter__()

    def respond(self, request: EchoRequest) -> EchoResponse:
        self.headers.append({name.lower(): value for name, value in request.headers})
        if self.failure:
            return EchoResponse(self.failure)
        body = gzip.decompress(request.body) if request.header("content-encoding") == "gzip" else request.body
        self.requests[request.path].append(REQUESTS[request.path].FromString(body))
        return EchoResponse(body=self.answer_of(request.path).SerializeToString())

    def stop(self) -> None:
        self.server.__exit__()


@pytest.fixture(params=[GrpcCollector, HttpCollector], ids=["grpc", "http"])
def collector(request: pytest.FixtureRequest) -> Iterator[Received]:
    collector: Any = request.param()
    yield collector
    collector.stop()


@pytest.fixture
def grpc_collector() -> Iterator[GrpcCollector]:
    collector = GrpcCollector()
    yield collector
    collector.stop()


@pytest.fixture
def http_collector() -> Iterator[HttpCollector]:
    collector = HttpCollector()
    yield collector
    collector.stop()
