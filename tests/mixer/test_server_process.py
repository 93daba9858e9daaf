"""The Mixer as clients and orchestrators see it: health, reflection, certificates."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from mizzen.mixer.front import Tls
from mizzen.mixer.reflection import SERVICES
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

PATIENCE = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MixerServer]:
    server = MixerServer(MixerSettings(tmp_path, port=0, monitoring_port=0, installed_adapters=False))
    server.start()
    yield server
    server.stop()


def test_health_serves_once_the_configuration_is_in_force_and_not_while_draining(server: MixerServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.front.port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        changes = stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(changes).status == health_pb2.HealthCheckResponse.SERVING
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert {change.status for change in changes} == {health_pb2.HealthCheckResponse.NOT_SERVING}
        stopping.join(PATIENCE)


def test_a_reflection_client_finds_the_services(server: MixerServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.front.port}") as channel:
        database: Any = ProtoReflectionDescriptorDatabase(channel)
        assert tuple(database.get_services()) == SERVICES
        file = database.FindFileContainingSymbol("istio.mixer.v1.Mixer")
        assert [method.name for method in file.service[0].method] == ["Check", "Report"]


def write(directory: Path, authority: trustme.CA, name: str) -> None:
    certificate = authority.issue_cert("localhost")
    (directory / f"{name}.crt").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (directory / f"{name}.key").write_bytes(certificate.private_key_pem.bytes())


async def test_a_certificate_changed_on_disk_is_served_to_new_connections(tmp_path: Path) -> None:
    config, files = tmp_path / "config", tmp_path / "tls"
    config.mkdir()
    files.mkdir()
    first, second = trustme.CA(), trustme.CA()
    write(files, first, "tls")
    settings = MixerSettings(
        config,
        port=0,
        monitoring_port=0,
        tls=Tls(files / "tls.crt", files / "tls.key"),
        installed_adapters=False,
    )
    server = MixerServer(settings)
    server.start()
    stop = asyncio.Event()
    following = server.run_until(stop)
    try:
        assert await asyncio.to_thread(trusted, server, first)
        await asyncio.sleep(0.3)  # the watch begins
        write(files, second, "tls")
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(trusted, server, second):
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await following
        await asyncio.to_thread(server.stop)


def trusted(server: MixerServer, authority: trustme.CA) -> bool:
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with grpc.secure_channel(f"localhost:{server.front.port}", credentials) as channel:
        try:
            mixer_pb2_grpc.MixerStub(channel).Check(mixer_pb2.CheckRequest(), timeout=PATIENCE)
        except grpc.RpcError:
            return False
        return True
