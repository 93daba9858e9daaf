"""One backend, one fake Mixer and one proxy per module; modules override fixtures they need otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, ReportAnswer


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
