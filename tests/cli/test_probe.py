"""`mizzen probe` against real servers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from mizzen.mixer.front import Tls
from mizzen.mixer.listen import UnixSocket
from mizzen.mixer.monitoring import Monitoring
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.testing import FakeMixer

from .command import mizzen


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MixerServer]:
    server = MixerServer(MixerSettings(tmp_path, port=0, monitoring_port=0, installed_adapters=False))
    server.start()
    yield server
    server.stop()


def ports(server: MixerServer) -> list[tuple[str, str]]:
    return [("-m", f"127.0.0.1:{server.front.port}"), ("--server", f"http://127.0.0.1:{server.monitoring_port}")]


def test_a_mixer_that_serves_is_status_zero(server: MixerServer) -> None:
    for place in ports(server):
        found = mizzen("probe", *place)
        assert (found.returncode, found.stdout, found.stderr) == (0, "SERVING\n", "")
    assert mizzen("probe", *ports(server)[0], "--service", "istio.mixer.v1.Mixer").returncode == 0


def test_a_mixer_that_does_not_serve_yet_or_any_more_is_status_four(server: MixerServer) -> None:
    server.front.set_serving(False)
    server._serving.clear()
    found = [mizzen("probe", *place) for place in ports(server)]
    assert [one.returncode for one in found] == [4, 4]
    assert found[0].stderr.endswith(": NOT_SERVING\n")
    assert "HTTP 503: not serving" in found[1].stderr


def test_a_service_that_nobody_knows_is_status_three(server: MixerServer) -> None:
    found = mizzen("probe", *ports(server)[0], "--service", "other")
    assert (found.returncode, "NOT_FOUND" in found.stderr) == (3, True)


def test_a_server_without_health_is_status_three() -> None:
    with FakeMixer() as mixer:
        found = mizzen("probe", "-m", mixer.address)
    assert (found.returncode, "UNIMPLEMENTED" in found.stderr) == (3, True)


def test_a_port_where_nobody_is_or_nobody_answers_is_status_one() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        for flags in (("-m", place), ("--server", f"http://{place}")):
            assert mizzen("probe", *flags, "--timeout", "200ms").returncode == 1
            silent.listen()
            assert mizzen("probe", *flags, "--timeout", "200ms").returncode == 1


def test_another_http_server_is_not_ready() -> None:
    other = Monitoring({})
    other.start()
    try:
        assert mizzen("probe", "--server", f"http://127.0.0.1:{other.port}").returncode == 4
    finally:
        other.stop()


@pytest.mark.parametrize(
    "flags",
    [["--timeout", "0s"], ["--server", "127.0.0.1:1"], ["--tls-key", "x"], ["--tls-ca", "/none"], ["--unknown"]],
)
def test_a_wrong_command_line_is_status_two(flags: list[str]) -> None:
    assert mizzen("probe", *flags).returncode == 2


def test_tls_and_a_unix_socket_are_probed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    authority = trustme.CA()
    own = authority.issue_cert("localhost")
    (tmp_path / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in own.cert_chain_pems))
    (tmp_path / "tls.key").write_bytes(own.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    path = tmp_path / "s"
    settings = MixerSettings(
        tmp_path / "config",
        socket=UnixSocket(path),
        monitoring_port=0,
        tls=Tls(tmp_path / "tls.crt", tmp_path / "tls.key"),
        installed_adapters=False,
    )
    server = MixerServer(settings)
    server.start()
    try:
        trusting = ["--tls-ca", str(tmp_path / "ca.crt"), "--tls-server-name", "localhost"]
        assert mizzen("probe", "-m", f"unix://{path}", *trusting).returncode == 0
        assert mizzen("probe", "-m", f"unix://{path}", "--timeout", "200ms").returncode == 1
    finally:
        server.stop()
