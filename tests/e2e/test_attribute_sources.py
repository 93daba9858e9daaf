"""Attributes whose source is something beside the request itself: API specifications, other filters, the tracer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, Reference, send
from mizzen.testing.bags import Attributes


def text(value: str) -> Mapping[str, str]:
    return {"string_value": value}


def attributes(**values: str) -> Mapping[str, Any]:
    return {"attributes": {f"api.{name}": text(value) for name, value in values.items()}}


API: Mapping[str, Any] = {
    "attributes": attributes(service="shop", version="1"),
    "patterns": [
        {"http_method": "GET", "uri_template": "/orders/{id}", "attributes": attributes(operation="read")},
        {"http_method": "POST", "uri_template": "/orders", "attributes": attributes(operation="create")},
        {"http_method": "GET", "regex": r"/orders/\d+\?full=.*", "attributes": attributes(operation="read-full")},
    ],
    "api_keys": [{"query": "key"}, {"header": "x-key"}, {"cookie": "key"}],
}


@pytest.fixture(scope="module")
def filter_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    services = {"d": {"http_api_spec": [API]}}
    return {"default_destination_service": "d", "service_configs": services, "transport": transport}


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("attributes.yaml").read_text()
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=template) as process:
        yield process


def api_of(bag: Attributes) -> Mapping[str, Any]:
    return {name: value for name, value in bag.items() if name.startswith("api.") or name == "request.api_key"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/orders/7", [], {"api.operation": "read"}),
        ("GET", "/orders/7?full=1", [], {"api.operation": "read-full"}),
        ("POST", "/orders", [], {"api.operation": "create"}),
        ("PUT", "/orders", [], {}),
        ("GET", "/elsewhere?key=k1", [("x-key", "k2")], {"request.api_key": "k1"}),
        ("GET", "/elsewhere", [("x-key", "k2"), ("cookie", "key=k3")], {"request.api_key": "k2"}),
        ("GET", "/elsewhere", [("cookie", "a=b; key=k3")], {"request.api_key": "k3"}),
    ],
)
def test_the_api_specification_of_the_service_names_operation_and_key(
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    expected: Mapping[str, str],
    proxy: ProxyProcess,
    fresh_mixer: FakeMixer,
) -> None:
    assert send(proxy.address, path, method=method, headers=headers).status == 200
    everywhere = {"api.service": "shop", "api.version": "1"}
    assert api_of(fresh_mixer.checks[0].attributes) == {**everywhere, **expected}
    assert api_of(fresh_mixer.wait_for_report("request.path", path)) == {**everywhere, **expected}


@pytest.mark.parametrize(("path", "operation"), [("/own/12", {"api.operation": "read"}), ("/own/x", {})])
def test_a_route_has_an_api_specification_of_its_own(
    path: str, operation: Mapping[str, str], proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    assert send(proxy.address, path).status == 200
    assert api_of(fresh_mixer.checks[0].attributes) == {"api.service": "own", **operation}


def test_decisions_may_rest_on_the_operation(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(uses=100, references=[Reference("api.operation"), Reference("api.service")])
    for number in range(4):
        assert send(proxy.address, f"/orders/{number}").status == 200
    assert len(fresh_mixer.checks) == 1


def test_what_a_filter_noted_is_reported_under_its_namespace(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/noted", headers=[("x-plan", "gold"), ("x-weight", "7")]).status == 200
    report = fresh_mixer.wait_for_report("request.path", "/noted")
    # numbers have no place in a map of texts
    assert report["demo.plan"] == {"plan": "gold"}
    assert "demo.plan" not in fresh_mixer.checks[0].attributes


def test_the_headers_of_the_tracer_are_reported_as_they_went_on(
    proxy: ProxyProcess, backend: EchoBackend, fresh_mixer: FakeMixer
) -> None:
    assert send(proxy.address, "/traced").status == 200
    [arrived] = [request for request in backend.requests if request.path == "/traced"]
    sent_on = {name: value for name, value in arrived.headers if name.startswith("x-b3-")}
    assert {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"} <= set(sent_on)
    report = fresh_mixer.wait_for_report("request.path", "/traced")["request.headers"]
    assert isinstance(report, Mapping)
    assert {name: value for name, value in report.items() if name.startswith("x-b3-")} == sent_on
    asked = fresh_mixer.checks[0].attributes["request.headers"]
    assert isinstance(asked, Mapping)
    assert "x-b3-spanid" not in asked
