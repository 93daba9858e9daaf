from __future__ import annotations

from mizzen.mixer.workers.backoff import LONGEST_SECONDS, OLD_SECONDS, Backoff


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_long_life() -> None:
    backoff = Backoff()
    assert [backoff.after(0) for _ in range(3)] == [0.5, 1.0, 2.0]
    assert max(backoff.after(0) for _ in range(10)) == LONGEST_SECONDS
    assert backoff.after(OLD_SECONDS) == 0.5
