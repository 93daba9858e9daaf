"""A route's own ServiceConfig applies to its requests, in a template of the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import EchoBackend, FakeMixer, ProxyProcess, send


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("routes.yaml").read_text()
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=template) as process:
        yield process


def test_a_route_without_its_own_uses_the_default_service(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/plain").status == 200
    bag = fresh_mixer.wait_for_report("request.path", "/plain")
    assert bag["service.mark"] == "s"
    assert len(fresh_mixer.checks) == 1


def test_a_routes_attributes_replace_those_of_the_default_service(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/own/x").status == 200
    bag = fresh_mixer.wait_for_report("request.path", "/own/x")
    for attributes in (bag, fresh_mixer.checks[0].attributes):
        assert attributes["destination.service.name"] == "own"
        assert attributes["destination.service.host"] == "echo.demo.svc"
        assert "service.mark" not in attributes


def test_a_route_can_switch_the_check_off(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/no-check").status == 200
    bag = fresh_mixer.wait_for_report("request.path", "/no-check")
    assert "check.cache_hit" not in bag
    assert bag["request.method"] == "GET"
    assert fresh_mixer.checks == []


@pytest.mark.parametrize(("path", "checks"), [("/no-report", 1), ("/neither", 0)])
def test_a_route_can_switch_the_report_off(path: str, checks: int, proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, path).status == 200
    assert send(proxy.address, "/after").status == 200
    fresh_mixer.wait_for_report("request.path", "/after")
    assert fresh_mixer.find_report("request.path", path) is None
    assert len(fresh_mixer.checks) == checks + 1


def test_an_unknown_service_is_neither_checked_nor_reported(
    backend: EchoBackend, mixer: FakeMixer, fresh_mixer: FakeMixer
) -> None:
    config = {"default_destination_service": "unknown", "service_configs": {"d": {}}}
    with ProxyProcess(backend.address, mixer.address, filter_config=config) as process:
        assert send(process.address, "/unknown").status == 200
    assert fresh_mixer.checks == []
    assert fresh_mixer.reports == []
