"""Collectors: a gRPC server with the services of the OpenTelemetry protocol, and an HTTP server for the same."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

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
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, answer = collector.failure or 200, b""
                if status == 200:
                    if self.headers["content-encoding"] == "gzip":
                        body = gzip.decompress(body)
                    collector.requests[self.path].append(REQUESTS[self.path].FromString(body))
                    answer = collector.answer_of(self.path).SerializeToString()
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


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
