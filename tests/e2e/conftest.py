"""One backend, one fake Mixer and one proxy per module; modules override fixtures they need otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, ReportAnswer, wait_until
from mizzen.testing.tcp import TcpBackend


@pytest.fixture(scope="module")
def backend() -> Iterator[EchoBackend]:
    with EchoBackend() as server:
        yield server


@pytest.fixture(scope="module")
def mixer() -> Iterator[FakeMixer]:
    with FakeMixer() as server:
        yield server


@pytest.fixture(scope="module")
def transport() -> Mapping[str, Any]:
    """Reports leave at once enough for tests, in batches all the same."""
    return {"report_batch_max_time": "0.05s"}


@pytest.fixture(scope="module", params=["FAIL_OPEN", "FAIL_CLOSE"])
def policy(request: pytest.FixtureRequest) -> str:
    """The network fail policy, for modules that are true of both."""
    return str(request.param)


@pytest.fixture(scope="module")
def allowed(policy: str) -> bool:
    """Whether a request passes that the Mixer did not decide on."""
    return policy == "FAIL_OPEN"


@pytest.fixture(scope="module")
def filter_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "default_destination_service": "default",
        "service_configs": {"default": {"mixer_attributes": {"attributes": {"service.mark": {"string_value": "s"}}}}},
        "mixer_attributes": {
            "attributes": {
                "context.reporter.kind": {"string_value": "inbound"},
                "destination.service.host": {"string_value": "echo.demo.svc"},
            }
        },
        "transport": transport,
    }


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config) as process:
        yield process


@pytest.fixture
def fresh_mixer(mixer: FakeMixer) -> FakeMixer:
    """The module's Mixer, allowing everything and with an empty memory."""
    mixer.on_check = CheckAnswer()
    mixer.on_report = ReportAnswer()
    mixer.forget()
    return mixer


@pytest.fixture(scope="module")
def tcp_backend() -> Iterator[TcpBackend]:
    with TcpBackend(goodbye=b"bye") as server:
        yield server


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    """A connection of a test ends before its first periodic report."""
    marks = {"attributes": {"service.mark": {"string_value": "tcp"}}}
    return {"transport": transport, "mixer_attributes": marks, "report_interval": "100s"}


@pytest.fixture(scope="module")
def tcp_proxy(tcp_backend: TcpBackend, mixer: FakeMixer, tcp_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    with ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=tcp_config) as process:
        yield process


@pytest.fixture
def quiet_mixer(tcp_proxy: ProxyProcess, fresh_mixer: FakeMixer) -> FakeMixer:
    """As `fresh_mixer`, once all connections of earlier tests are over and reported."""

    def settled() -> bool:
        stats = tcp_proxy.stats()
        ports = [name for name in stats if name.startswith("listener.1") and name.endswith(".downstream_cx_active")]
        made = stats["mizzen.tcp_mixer_filter.total_report_calls"]
        return sum(stats[name] for name in ports) == 0 and made == stats["mizzen.report.entries_acknowledged"]

    wait_until(settled, "the reports of earlier connections")
    fresh_mixer.forget()
    return fresh_mixer
