"""The same call again and again: repeated, by several clients at once, at a rate."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Clock = Callable[[], float]
Sleep = Callable[[float], None]
Call = Callable[[int, int], str]
"""Makes the call with the number given (second) of a client (first) and returns the name of its outcome."""


class Pace:
    """Spreads calls evenly: `wait` returns when the next one is due. Shared by all clients; rate 0: at once."""

    def __init__(self, per_second: float, clock: Clock = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._interval = 1 / per_second if per_second > 0 else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._interval:
            return
        with self._lock:
            due = max(self._next, self._clock())
            self._next = due + self._interval
        delay = due - self._clock()
        if delay > 0:
            self._sleep(delay)


@dataclass
class Summary:
    """What became of many calls. Latencies are in seconds, in the order in which calls ended."""

    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def percentile(self, percent: float) -> float:
        """The latency that `percent` of the calls did not exceed; 0 without calls."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0

    def to_dict(self) -> Mapping[str, Any]:
        """The form for JSON: times in seconds."""
        return {
            "calls": len(self.latencies),
            "seconds": round(self.seconds, 6),
            "outcomes": dict(sorted(self.outcomes.items())),
            "latency": {f"p{percent}": round(self.percentile(percent), 6) for percent in (50, 90, 99)},
        }

    def to_text(self) -> str:
        """Two lines for people."""
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(self.outcomes.items()))
        rate = len(self.latencies) / self.seconds if self.seconds else 0.0
        times = ", ".join(f"p{percent} {self.percentile(percent) * 1000:.2f} ms" for percent in (50, 90, 99))
        return f"{len(self.latencies)} calls in {self.seconds:.2f} s ({rate:.0f}/s): {outcomes}\nlatency {times}"


def run(call: Call, repeat: int, concurrency: int, pace: Pace, clock: Clock = time.perf_counter) -> Summary:
    """Makes `repeat` calls for each of `concurrency` clients, each client on a thread of its own.

    An exception of a call ends its client, and is raised when all have ended.
    """
    summary = Summary()
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work(client: int) -> None:
        try:
            for number in range(repeat):
                pace.wait()
                start = clock()
                outcome = call(client, number)
                spent = clock() - start
                with lock:
                    summary.outcomes[outcome] += 1
                    summary.latencies.append(spent)
        except BaseException as error:
            failures.append(error)

    start = clock()
    if concurrency == 1:
        work(0)
    else:
        threads = [
            threading.Thread(target=work, args=(client,), name=f"client-{client}") for client in range(concurrency)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    summary.seconds = clock() - start
    if failures:
        raise failures[0]
    return summary
