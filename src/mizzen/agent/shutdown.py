"""How the agent stops Envoy: a state machine over signals and the number of open requests.

The first signal drains: clients are told to go away, and requests in flight get `DRAIN_SECONDS` to end, so that they
are answered and reported. Then Envoy is terminated, which flushes the reports. A signal while draining terminates
at once; a signal while Envoy terminates kills it, and reports not sent by then are lost.
"""

from __future__ import annotations

from enum import Enum, auto

# Istio's default for the time between the signal and the end (`terminationDrainDuration`).
DRAIN_SECONDS = 5.0


class Action(Enum):
    """What to do to Envoy now."""

    NOTHING = auto()
    DRAIN = auto()
    TERMINATE = auto()
    KILL = auto()


class Phase(Enum):
    RUNNING = auto()
    DRAINING = auto()
    TERMINATING = auto()


class Shutdown:
    """One Envoy's way to its end; `now` is any monotonic clock in seconds."""

    def __init__(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        self.drain_seconds = drain_seconds
        self.phase = Phase.RUNNING
        self.drain_until = 0.0

    def on_signal(self, now: float) -> Action:
        """The user wants it to stop (more)."""
        if self.phase is Phase.RUNNING:
            self.phase = Phase.DRAINING
            self.drain_until = now + self.drain_seconds
            return Action.DRAIN
        if self.phase is Phase.DRAINING:
            return self.terminate()
        return Action.KILL

    def on_in_flight(self, count: int | None, now: float) -> Action:
        """While draining: how many requests and connections are open, or None when Envoy cannot tell."""
        if self.phase is Phase.DRAINING and (not count or now >= self.drain_until):
            return self.terminate()
        return Action.NOTHING

    def terminate(self) -> Action:
        self.phase = Phase.TERMINATING
        return Action.TERMINATE
