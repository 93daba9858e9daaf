"""The Mixer on a Unix socket, asked by a stock gRPC client and by Mizzen's own."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mizzen.client.calls import MixerClient
from mizzen.client.target import Target
from mizzen.mixer.listen import UnixSocket
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

PATIENCE = 20.0


@pytest.fixture
def path() -> Iterator[Path]:
    """Short enough for a socket, wherever pytest has its own folders."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "mixer.sock"


def server_at(path: Path, tmp_path: Path, mode: int = 0o600) -> MixerServer:
    settings = MixerSettings(tmp_path, socket=UnixSocket(path, mode), monitoring_port=0, installed_adapters=False)
    return MixerServer(settings)


@pytest.fixture
def server(path: Path, tmp_path: Path) -> Iterator[MixerServer]:
    server = server_at(path, tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_stock_client_asks_over_the_socket(server: MixerServer, path: Path) -> None:
    options = [("grpc.default_authority", "localhost")]
    with grpc.insecure_channel(f"unix://{path}", options) as channel:
        answer = mixer_pb2_grpc.MixerStub(channel).Check(mixer_pb2.CheckRequest(), timeout=PATIENCE)
        assert answer.precondition.status.code == 0
        stub: Any = health_pb2_grpc.HealthStub(channel)
        health = stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("form", ["unix://{}", "unix:{}"])
def test_the_clients_of_the_command_line_do_too(server: MixerServer, path: Path, form: str) -> None:
    target = Target(form.format(path))
    with target.open() as channel:
        assert MixerClient(channel, target.address).check({}, {}).is_allowed


def test_the_file_has_the_permissions_asked_for_and_goes_with_the_server(path: Path, tmp_path: Path) -> None:
    for mode in (0o600, 0o660):
        server = server_at(path, tmp_path, mode)
        server.start()
        try:
            assert stat.S_IMODE(path.stat().st_mode) == mode
        finally:
            server.stop()
        assert not path.exists()


def test_a_socket_that_nobody_serves_is_replaced(path: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    server = server_at(path, tmp_path)
    server.start()
    try:
        with Target(f"unix://{path}").open() as channel:
            assert MixerClient(channel, "").check({}, {}).is_allowed
    finally:
        server.stop()


def test_a_socket_that_another_process_serves_stays(server: MixerServer, path: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"^cannot listen on unix://{path}: another process serves there$"):
        server_at(path, tmp_path).start()
    with Target(f"unix://{path}").open() as channel:
        assert MixerClient(channel, "").check({}, {}).is_allowed


def test_a_file_that_is_no_socket_stays(path: Path, tmp_path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(OSError, match="the file is there and is no socket"):
        server_at(path, tmp_path).start()
    assert path.read_text() == "precious"


def test_the_file_of_a_successor_is_left_alone(server: MixerServer, path: Path, tmp_path: Path) -> None:
    os.unlink(path)  # noqa: PTH108 (as an operator may)
    successor = server_at(path, tmp_path)
    successor.start()
    try:
        server.stop()
        assert path.exists()
    finally:
        successor.stop()


def test_a_folder_that_is_not_there_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        server_at(path.parent / "no" / "mixer.sock", tmp_path).start()
