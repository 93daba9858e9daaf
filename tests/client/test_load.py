from __future__ import annotations

import pytest

from mizzen.client.load import Pace, Summary, run
from mizzen.testing.clock import FakeClock


def test_every_client_makes_all_its_calls() -> None:
    made: list[tuple[int, int]] = []

    def call(client: int, number: int) -> str:
        made.append((client, number))
        return "OK" if number else "NO"

    summary = run(call, 3, 2, Pace(0))
    assert sorted(made) == [(client, number) for client in range(2) for number in range(3)]
    assert summary.outcomes == {"NO": 2, "OK": 4}
    assert len(summary.latencies) == 6


@pytest.mark.parametrize("clients", [1, 3])
def test_a_failure_comes_through(clients: int) -> None:
    def call(client: int, number: int) -> str:
        raise KeyError(number)

    with pytest.raises(KeyError):
        run(call, 2, clients, Pace(0))


def test_calls_are_spread_over_time_at_a_rate() -> None:
    clock = FakeClock()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)

    pace = Pace(4.0, clock, sleep)
    times = []
    for _ in range(4):
        pace.wait()
        times.append(clock())
    assert times == [0.0, 0.25, 0.5, 0.75]
    clock.advance(10.0)
    pace.wait()
    pace.wait()
    assert slept == [0.25, 0.25, 0.25, 0.25]


def test_a_summary_tells_counts_rate_and_latencies() -> None:
    summary = Summary(latencies=[index / 1000 for index in range(1, 101)], seconds=2.0)
    summary.outcomes.update({"OK": 99, "NOT_FOUND": 1})
    assert summary.to_text() == (
        "100 calls in 2.00 s (50/s): NOT_FOUND 1, OK 99\nlatency p50 51.00 ms, p90 91.00 ms, p99 100.00 ms"
    )
    assert summary.to_dict()["latency"] == {"p50": 0.051, "p90": 0.091, "p99": 0.1}
    assert Summary().percentile(50) == 0.0
