"""Requests as the filters send them, for benchmarks: 31 attributes in a Check, 42 in each record of a Report."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from mizzen.wire import Duration, Timestamp, Value, encode_check_request, encode_report_request

NOW = 1_790_000_000_000_000_000
RECORDS = 100
HEADERS = {
    ":authority": "cart.shop.svc.cluster.local",
    ":method": "GET",
    ":path": "/api/v1/carts/42?currency=EUR",
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "x-b3-sampled": "0",
    "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124",
    "x-forwarded-proto": "http",
    "x-request-id": "6f1f9a51-5f0c-4c8e-9d7c-0b6f1bd4a9ce",
}


def check_attributes(service: str = "cart") -> dict[str, Value]:
    """What is known of a request when it comes in."""
    return {
        "connection.id": "6f1f9a51-17",
        "connection.mtls": True,
        "connection.requested_server_name": "outbound_.80_._.cart.shop.svc.cluster.local",
        "context.protocol": "http",
        "context.proxy_version": "1.39.3",
        "context.reporter.kind": "inbound",
        "context.reporter.uid": "kubernetes://cart-7d9f8-x2x4z.shop",
        "context.time": Timestamp(NOW),
        "destination.ip": bytes([10, 1, 2, 3]),
        "destination.labels": {"app": service, "version": "v1"},
        "destination.namespace": "shop",
        "destination.port": 8080,
        "destination.principal": "cluster.local/ns/shop/sa/cart",
        "destination.service.host": f"{service}.shop.svc.cluster.local",
        "destination.service.name": service,
        "destination.service.namespace": "shop",
        "destination.uid": "kubernetes://cart-7d9f8-x2x4z.shop",
        "destination.workload.name": service,
        "destination.workload.namespace": "shop",
        "request.headers": HEADERS,
        "request.host": "cart.shop.svc.cluster.local",
        "request.method": "GET",
        "request.path": "/api/v1/carts/42?currency=EUR",
        "request.scheme": "http",
        "request.time": Timestamp(NOW),
        "request.url_path": "/api/v1/carts/42",
        "request.useragent": HEADERS["user-agent"],
        "source.ip": bytes([10, 1, 2, 4]),
        "source.namespace": "front",
        "source.principal": "cluster.local/ns/front/sa/web",
        "source.uid": "kubernetes://web-5c6d7-abcde.front",
    }


def report_records(groups: int, seed: int = 7) -> list[dict[str, Value]]:
    """A full batch. `groups` is the number of different sets of dimensions; sizes, times and paths differ in all."""
    draw = random.Random(seed)
    records = []
    for number in range(RECORDS):
        group = number % groups
        service = f"cart-{group}" if group else "cart"
        record = check_attributes(service)
        record |= {
            "source.labels": {"app": "web", "version": "v2"},
            "source.workload.name": "web",
            "source.workload.namespace": "front",
            "request.id": f"{draw.getrandbits(64):016x}",
            "request.path": f"/api/v1/carts/{draw.randrange(1000)}",
            "request.size": draw.randrange(2000),
            "request.total_size": draw.randrange(2000, 4000),
            "response.code": 200,
            "response.duration": Duration(draw.randrange(500_000, 300_000_000)),
            "response.headers": {"content-type": "application/json", ":status": "200"},
            "response.size": draw.randrange(20_000),
            "response.time": Timestamp(NOW + draw.randrange(10**9)),
        }
        records.append(record)
    return records


def message(body: bytes) -> bytes:
    """A gRPC message: not compressed, with its length before it."""
    return struct.pack(">BI", 0, len(body)) + body


def write_bodies(folder: Path) -> dict[str, Path]:
    """The bodies of the calls as files, by name."""
    bodies = {
        "check": encode_check_request(check_attributes()),
        "report, 1 group": encode_report_request(report_records(1)),
        "report, 20 groups": encode_report_request(report_records(20)),
    }
    written = {}
    for name, body in bodies.items():
        written[name] = folder / name.replace(" ", "-").replace(",", "")
        written[name].write_bytes(message(body))
    return written
