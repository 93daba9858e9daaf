from __future__ import annotations

from mizzen.mixer.runtime.throttle import Throttle


def test_one_message_per_key_and_interval_passes() -> None:
    now = 0.0
    throttle = Throttle(10, lambda: now)
    assert throttle.passes("a")
    assert not throttle.passes("a")
    assert throttle.passes("b")
    now = 10.0
    assert throttle.passes("a")


def test_the_memory_for_keys_is_bounded() -> None:
    throttle = Throttle(10, lambda: 0.0)
    for number in range(10_000):
        assert throttle.passes(str(number))
    assert len(throttle._next) <= 4096
