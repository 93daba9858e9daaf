"""Streams that end badly are reported with how they ended, on routes made for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import EchoBackend, FakeMixer, ProxyProcess, send


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("failures.yaml").read_text()
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=template) as process:
        yield process


@pytest.mark.parametrize(
    ("path", "code", "flag"),
    [
        ("/no-such-route", 404, "NR"),
        ("/unreachable", 503, "UF"),
        ("/empty", 503, "UH"),
        ("/delay/2", 504, "UT"),
        ("/reset", 503, "UC"),
        ("/direct", 418, "-"),
    ],
)
def test_the_code_and_the_flag_tell_how_it_ended(
    path: str, code: int, flag: str, proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    assert send(proxy.address, path).status == code
    bag = fresh_mixer.wait_for_report("request.path", path)
    assert bag["response.code"] == code
    flags = bag["context.proxy_error_code"]
    assert isinstance(flags, str)
    assert flag in flags.split(",")
    assert bag["check.cache_hit"] is False


def test_a_request_refused_by_an_earlier_filter_is_reported_without_a_check(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    assert send(proxy.address, "/upstream/early", headers=[("x-envoy-fault-abort-request", "429")]).status == 429
    bag = fresh_mixer.wait_for_report("request.path", "/upstream/early")
    assert bag["response.code"] == 429
    flags = bag["context.proxy_error_code"]
    assert isinstance(flags, str)
    assert "FI" in flags.split(",")
    assert bag["service.mark"] == "s"
    assert "check.cache_hit" not in bag
    assert fresh_mixer.checks == []


def test_an_answer_cut_short_is_reported(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    with pytest.raises(Exception, match=r"IncompleteRead|reset"):
        send(proxy.address, "/upstream/reset-in-body")
    bag = fresh_mixer.wait_for_report("request.path", "/upstream/reset-in-body")
    assert bag["response.code"] == 200
    assert bag["context.proxy_error_code"] != "-"


def test_the_uid_of_the_chosen_endpoint_is_the_destination(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/upstream/ok").status == 200
    bag = fresh_mixer.wait_for_report("request.path", "/upstream/ok")
    assert bag["destination.uid"] == "kubernetes://backend-7.demo"
    assert fresh_mixer.checks[0].attributes["destination.uid"] == "kubernetes://echo-1.demo"


def test_what_other_filters_noted_is_reported(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/upstream/noted").status == 200
    bag = fresh_mixer.wait_for_report("request.path", "/upstream/noted")
    assert bag["demo.filter"] == {"plan": "gold", "groups": "a,b"}
    assert bag["rbac.permissive.response_code"] == "denied"
    assert bag["rbac.permissive.effective_policy_id"] == "nobody"
