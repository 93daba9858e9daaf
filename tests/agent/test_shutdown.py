"""The order drain, terminate, kill."""

from __future__ import annotations

from mizzen.agent.shutdown import Action, Phase, Shutdown
from mizzen.testing.clock import FakeClock


def test_the_first_signal_drains_and_the_end_of_the_last_request_terminates() -> None:
    clock = FakeClock()
    shutdown = Shutdown(drain_seconds=5.0)
    assert shutdown.on_signal(clock.now()) is Action.DRAIN
    assert shutdown.on_in_flight(2, clock.advance(1)) is Action.NOTHING
    assert shutdown.on_in_flight(0, clock.advance(1)) is Action.TERMINATE
    assert shutdown.phase is Phase.TERMINATING


def test_requests_that_never_end_are_waited_for_only_so_long() -> None:
    clock = FakeClock()
    shutdown = Shutdown(drain_seconds=5.0)
    shutdown.on_signal(clock.now())
    assert shutdown.on_in_flight(1, clock.advance(4.9)) is Action.NOTHING
    assert shutdown.on_in_flight(1, clock.advance(0.1)) is Action.TERMINATE


def test_an_envoy_that_cannot_tell_is_terminated() -> None:
    shutdown = Shutdown()
    shutdown.on_signal(0.0)
    assert shutdown.on_in_flight(None, 0.0) is Action.TERMINATE


def test_a_second_signal_ends_the_draining_and_a_third_kills() -> None:
    shutdown = Shutdown()
    actions = [shutdown.on_signal(0.0) for _ in range(4)]
    assert actions == [Action.DRAIN, Action.TERMINATE, Action.KILL, Action.KILL]


def test_a_signal_while_the_reports_are_flushed_kills() -> None:
    shutdown = Shutdown()
    shutdown.on_signal(0.0)
    shutdown.on_in_flight(0, 0.0)
    assert shutdown.on_signal(1.0) is Action.KILL


def test_request_counts_mean_nothing_while_it_runs() -> None:
    assert Shutdown().on_in_flight(0, 0.0) is Action.NOTHING
