from __future__ import annotations

import signal

from mizzen.mixer.process import Signals


async def test_the_first_signal_drains_and_the_second_quits_at_once() -> None:
    statuses: list[int] = []
    signals = Signals(statuses.append)
    signals.take(signal.SIGTERM)
    assert (signals.stop.is_set(), statuses) == (True, [])
    signals.take(signal.SIGINT)
    assert statuses == [130]
