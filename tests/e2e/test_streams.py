"""Many streams at once, big bodies, clients that leave: the request waits for its decision and nothing is lost."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.testing.mixer import ReceivedCheck

STREAMS = 64
TEN_MEGABYTES = 10 * 1024 * 1024


def test_64_concurrent_streams_get_each_its_own_decision(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    together = threading.Barrier(STREAMS)

    def decide(check: ReceivedCheck) -> CheckAnswer:
        together.wait(20.0)
        number = int(str(check.attributes["request.path"]).rpartition("/")[2])
        return CheckAnswer(7, f"odd {number}") if number % 2 else CheckAnswer()

    fresh_mixer.on_check = decide
    with ThreadPoolExecutor(STREAMS) as pool:
        responses = list(pool.map(lambda number: send(proxy.address, f"/many/{number}"), range(STREAMS)))
    for number, response in enumerate(responses):
        if number % 2:
            assert (response.status, response.text) == (403, f"PERMISSION_DENIED:odd {number}")
        else:
            assert response.status == 200
            assert f'"/many/{number}"' in response.text
    reported = {bag["request.path"]: bag["response.code"] for bag in fresh_mixer.wait_for_reports(STREAMS)}
    assert reported == {f"/many/{number}": 403 if number % 2 else 200 for number in range(STREAMS)}


def test_a_body_of_10_mb_is_held_during_the_check_and_then_passes(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    fresh_mixer.on_check = CheckAnswer(delay=0.5)
    body = bytes(range(256)) * (TEN_MEGABYTES // 256)
    started = time.monotonic()
    response = send(proxy.address, "/big", method="POST", body=body)
    assert time.monotonic() - started >= 0.5
    assert response.status == 200
    assert backend.requests[-1].body == body
    assert fresh_mixer.wait_for_report("request.path", "/big")["request.size"] == TEN_MEGABYTES


def test_a_big_body_of_a_denied_request_does_not_reach_the_backend(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    before = len(backend.requests)
    fresh_mixer.on_check = CheckAnswer(7, "no", delay=0.2)
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(b"POST /big-denied HTTP/1.1\r\nhost: x\r\ncontent-length: 10485760\r\n\r\n" + b"x" * 100_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    fresh_mixer.wait_for_report("request.path", "/big-denied")
    assert len(backend.requests) == before


def test_a_client_that_leaves_during_the_check_is_reported_without_a_decision(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    before = len(backend.requests)
    fresh_mixer.on_check = CheckAnswer(delay=10.0)
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(b"GET /leaving HTTP/1.1\r\nhost: x\r\n\r\n")
        fresh_mixer.wait_for_checks(1)
    bag = fresh_mixer.wait_for_report("request.path", "/leaving")
    assert bag["context.proxy_error_code"] == "DC"
    assert bag["response.code"] == 500
    assert "check.cache_hit" not in bag
    assert len(backend.requests) == before
    proxy.wait_for_stats({"mizzen.http_mixer_filter.total_remote_call_cancellations": 1})
