"""Clients that leave, retries that wait, quotas without an answer, and Mixers that know fewer words."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import grpc
import pytest

from mizzen.testing import (
    CheckAnswer,
    EchoBackend,
    FakeMixer,
    ProxyProcess,
    QuotaAnswer,
    Reference,
    ScriptedHttp2,
    SendData,
    SendHeaders,
    send,
    wait_until,
)
from mizzen.testing.http2 import Step
from mizzen.testing.mixer import ReceivedCheck
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb

COUNTERS = "mizzen.http_mixer_filter."
CLAUSE = {"clause": {"request.path": {"prefix": "/quota"}}}
QUOTA = [{"rules": [{"match": [CLAUSE], "quotas": [{"quota": "q", "charge": 1}]}]}]
INVALID_DICTIONARY = "Request could not be processed due to invalid dictionary"


def config(**policy: Any) -> Mapping[str, Any]:
    fail = {"policy": "FAIL_CLOSE", **policy}
    service: Mapping[str, Any] = {"quota_spec": QUOTA}
    transport = {"network_fail_policy": fail, "report_batch_max_time": "0.02s", "stats_update_interval": "1s"}
    return {"default_destination_service": "d", "service_configs": {"d": service}, "transport": transport}


@pytest.fixture(scope="module")
def filter_config() -> Mapping[str, Any]:
    return config()


@pytest.fixture(scope="module")
def patient_proxy(backend: EchoBackend, mixer: FakeMixer) -> Iterator[ProxyProcess]:
    """Waits for longer than any test takes before it tries again."""
    patient = config(max_retry=1, base_retry_wait="60s", max_retry_wait="60s")
    with ProxyProcess(backend.address, mixer.address, filter_config=patient) as process:
        yield process


@contextmanager
def open_request(proxy: ProxyProcess, path: str, user: str = "u") -> Iterator[socket.socket]:
    """A request whose answer nobody reads; the connection is reset at the end, if not before."""
    with socket.create_connection((proxy.address.host, proxy.address.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: h\r\nx-user: {user}\r\n\r\n".encode())
        yield client


def leave(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def expect(proxy: ProxyProcess, before: Mapping[str, int], **counts: int) -> None:
    proxy.wait_for_stats({COUNTERS + name: count for name, count in counts.items()}, before)


def test_a_client_that_leaves_during_the_call_cancels_it(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(delay=20.0)
    before = proxy.stats(COUNTERS)
    with open_request(proxy, "/left") as client:
        fresh_mixer.wait_for_checks(1)
        leave(client)
        expect(proxy, before, total_remote_call_cancellations=1, total_remote_calls=1, total_remote_call_successes=0)
    report = fresh_mixer.wait_for_report("request.path", "/left")
    assert (report["response.code"], report["context.proxy_error_code"]) == (500, "DC")
    assert not {"check.cache_hit", "quota.cache_hit", "check.error_code"} & set(report)
    assert proxy.stats(COUNTERS)[COUNTERS + "remote_calls_active"] == 0


def test_a_client_that_leaves_during_the_wait_ends_the_retries(
    patient_proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = CheckAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE)
    before = patient_proxy.stats(COUNTERS)
    with open_request(patient_proxy, "/waited") as client:
        expect(patient_proxy, before, total_remote_call_retries=1, remote_calls_active=1)
        leave(client)
        report = fresh_mixer.wait_for_report("request.path", "/waited")
    assert (report["response.code"], report["context.proxy_error_code"]) == (500, "DC")
    assert "check.cache_hit" not in report
    expect(patient_proxy, before, total_remote_call_cancellations=0, remote_calls_active=0, total_report_calls=1)
    assert len(fresh_mixer.checks) == 1


def test_a_client_that_leaves_does_not_take_others_with_it(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    release = threading.Event()
    references = [Reference("request.headers", "x-user"), Reference("request.path")]

    def decide(check: ReceivedCheck) -> CheckAnswer:
        if len(fresh_mixer.checks) == 2:
            release.wait(20)
        return CheckAnswer(uses=100, references=references)

    fresh_mixer.on_check = decide
    assert send(proxy.address, "/lead", headers=[("x-user", "known")]).status == 200
    before = proxy.stats(COUNTERS)
    with ThreadPoolExecutor(3) as pool, open_request(proxy, "/lead", "lead") as leader:
        fresh_mixer.wait_for_checks(2)
        others = [pool.submit(send, proxy.address, "/lead", headers=[("x-user", "lead")]) for _ in range(3)]
        expect(proxy, before, total_check_joins=3, check_joins_active=3)
        leave(leader)
        assert [other.result().status for other in others] == [200] * 3
        release.set()
    assert len(fresh_mixer.checks) == 3
    expect(proxy, before, total_remote_call_cancellations=1, total_remote_call_successes=1, check_joins_active=0)


@pytest.mark.parametrize("quotas", [{}, {"q": QuotaAnswer(0, code=14)}], ids=["missing", "unavailable"])
def test_a_quota_without_an_answer_passes(
    quotas: Mapping[str, QuotaAnswer], proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = CheckAnswer(quotas=quotas)
    before = proxy.stats(COUNTERS)
    assert send(proxy.address, "/quota/open").status == 200
    assert fresh_mixer.checks[0].quotas == {"q": (1, False)}
    report = fresh_mixer.wait_for_report("request.path", "/quota/open")
    assert (report["response.code"], report["quota.cache_hit"]) == (200, False)
    expect(proxy, before, total_quota_fail_open=1, total_remote_quota_accepts=1, total_remote_quota_denies=0)


def test_a_quota_that_grants_nothing_refuses(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(quotas={"q": QuotaAnswer(0)})
    before = proxy.stats(COUNTERS)
    response = send(proxy.address, "/quota/none")
    assert (response.status, response.text) == (429, "RESOURCE_EXHAUSTED:Quota is exhausted for: q")
    report = fresh_mixer.wait_for_report("request.path", "/quota/none")
    assert (report["response.code"], report["check.error_code"]) == (429, 8)
    expect(proxy, before, total_quota_fail_open=0, total_remote_quota_denies=1, total_remote_check_accepts=1)


def test_a_decision_with_unreadable_references_is_for_its_request_alone(
    backend: EchoBackend, filter_config: Mapping[str, Any]
) -> None:
    answer = pb.CheckResponse()
    answer.precondition.status.code = 7
    answer.precondition.valid_use_count = 100
    answer.precondition.referenced_attributes.attribute_matches.add(name=-99, condition="EXACT")
    message = answer.SerializeToString()
    script: list[Step] = [
        SendHeaders([(":status", "200"), ("content-type", "application/grpc")]),
        SendData(struct.pack(">BI", 0, len(message)) + message),
        SendHeaders([("grpc-status", "0")], end=True),
    ]
    service = {"d": {"disable_report_calls": True}}
    with (
        ScriptedHttp2(script) as scripted,
        ProxyProcess(
            backend.address, scripted.address, filter_config={**filter_config, "service_configs": service}
        ) as process,
    ):
        assert [send(process.address, "/unreadable").status for _ in range(3)] == [403] * 3
        assert scripted.requests == 3
        assert process.stats(COUNTERS)[COUNTERS + "check_cache_entries"] == 0


def test_a_mixer_with_fewer_words_is_spoken_to_with_fewer(
    backend: EchoBackend, fresh_mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    def decide(check: ReceivedCheck) -> CheckAnswer:
        if check.global_word_count > 111:
            return CheckAnswer(grpc_code=grpc.StatusCode.INVALID_ARGUMENT, grpc_message=INVALID_DICTIONARY)
        return CheckAnswer()

    fresh_mixer.on_check = decide
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=filter_config) as process:
        assert send(process.address, "/words").status == 400
        assert [send(process.address, "/words").status for _ in range(2)] == [200, 200]
        expect(process, {}, total_dictionary_shrinks=1, total_check_fail_close=1)
    assert [check.global_word_count for check in fresh_mixer.checks] == [222, 111, 111]
    assert fresh_mixer.checks[1].attributes["request.path"] == "/words"


def test_retries_wait_between_base_and_maximum(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    times: list[float] = []

    def fail(_: ReceivedCheck) -> CheckAnswer:
        times.append(time.monotonic())
        return CheckAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE)

    fresh_mixer.on_check = fail
    eager = config(max_retry=4, base_retry_wait="0.1s", max_retry_wait="0.2s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=eager) as process:
        assert send(process.address, "/eager").status == 503
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(waits) == 4
    # the upper side has room for a busy machine; whether it doubles is for the unit tests
    assert all(0.09 < wait < 0.7 for wait in waits), waits
    assert len({check.deduplication_id for check in fresh_mixer.checks}) == 1


def test_the_queue_of_requests_empties_when_the_mixer_answers_late(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(delay=0.3)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(send, proxy.address, f"/late/{number}") for number in range(8)]
        wait_until(lambda: proxy.stats(COUNTERS)[COUNTERS + "remote_calls_active"] == 8, "eight calls")
        assert [answer.result().status for answer in answers] == [200] * 8
    wait_until(lambda: proxy.stats(COUNTERS)[COUNTERS + "remote_calls_active"] == 0, "no call")
