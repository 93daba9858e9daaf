from __future__ import annotations

import asyncio
import signal

import pytest

from mizzen.mixer.process import Signals


async def test_a_hang_up_looks_anew_and_drains_nothing() -> None:
    signals = Signals(lambda status: pytest.fail(str(status)))
    signals.listen()
    for number in range(2):
        signal.raise_signal(signal.SIGHUP)
        await asyncio.wait_for(signals.again.wait(), 5)
        signals.again.clear()
        assert not signals.stop.is_set(), number


async def test_the_first_signal_drains_and_the_second_quits_at_once() -> None:
    statuses: list[int] = []
    signals = Signals(statuses.append)
    signals.take(signal.SIGTERM)
    assert (signals.stop.is_set(), statuses) == (True, [])
    signals.take(signal.SIGINT)
    assert statuses == [130]
