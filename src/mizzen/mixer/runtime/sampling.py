"""A rule's `sampling`: to which of the matching requests it applies.

The random choice follows the header `x-request-id`, so that all rules, all Mixers and all hops of a request choose
alike; an id that begins with hexadecimal digits, as Envoy's do, is read as Envoy reads it for its own sampling. Without
an id, or with independent randomness, it is a draw of its own. The rate limit counts the requests that passed it.
"""

from __future__ import annotations

import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from mizzen.config.kinds import RandomSampling, RateLimitSampling, Sampling
from mizzen.mixer.expr import AttributeSource, Expression, Value, ValueType

NUMERIC = frozenset({ValueType.INT64, ValueType.DOUBLE})
HEADERS, REQUEST_ID = "request.headers", "x-request-id"
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{8}")


class Sampler(Protocol):
    """Chooses among requests that match."""

    @property
    def reads(self) -> frozenset[tuple[str, str | None]]:
        """The attributes, and keys of maps, that the choice looks at."""

    def admits(self, bag: AttributeSource) -> bool:
        """Whether the rule applies to this request. Raises EvaluationError."""


class RandomSampler:
    """Admits a part of the requests: `numerator` gives it per request, else the configured percentage."""

    def __init__(
        self,
        config: RandomSampling,
        numerator: Expression | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._parts = config.percent_sampled.denominator.parts
        self._fixed = config.percent_sampled.numerator
        self._numerator = numerator
        self._by_id = not config.use_independent_randomness
        self._draw = draw

    @property
    def reads(self) -> frozenset[tuple[str, str | None]]:
        own = {(HEADERS, REQUEST_ID)} if self._by_id else set()
        return frozenset(own) | (self._numerator.reads if self._numerator is not None else frozenset())

    def admits(self, bag: AttributeSource) -> bool:
        numerator = self._fixed if self._numerator is None else _number(self._numerator.evaluate(bag))
        if numerator >= self._parts:
            return True
        if numerator <= 0:
            return False
        identity = _request_id(bag) if self._by_id else None
        place = self._draw() * self._parts if identity is None else place_of(identity, self._parts)
        return place < numerator


class RateLimitSampler:
    """Admits the first requests of a window, then one of so many. May be used from any thread."""

    def __init__(self, config: RateLimitSampling, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._window = config.sampling_duration
        self._free = config.max_unsampled_entries
        self._rate = config.sampling_rate
        self._clock = clock
        self._lock = threading.Lock()
        self._start = clock()
        self._seen = 0

    @property
    def reads(self) -> frozenset[tuple[str, str | None]]:
        return frozenset()

    def admits(self, bag: AttributeSource) -> bool:
        with self._lock:
            now = self._clock()
            if now - self._start >= self._window:
                self._start = now
                self._seen = 0
            self._seen += 1
            beyond = self._seen - self._free
        return beyond <= 0 or (self._rate > 0 and beyond % self._rate == 0)


class SampledMatch(Expression):
    """A condition that holds when the rule's own holds and every sampler admits the request, asked in order.

    Its value is not a function of the bag: equal bags may get different ones. `holds` evaluates the rule's own alone.
    """

    __slots__ = ("holds",)

    def __init__(self, match: Expression | None, chosen: Sequence[Sampler]) -> None:
        self.text = match.text if match is not None else ""
        self.type = ValueType.BOOL
        self.attributes = match.attributes if match is not None else frozenset()
        self.attributes |= {name for sampler in chosen for name, _ in sampler.reads}
        self.equalities = match.equalities if match is not None else ()
        self.reads = match.reads if match is not None else frozenset()
        self.reads = self.reads.union(*(sampler.reads for sampler in chosen))
        self.number = None
        holds = match.evaluate if match is not None else _always
        self.holds = holds

        def evaluate(bag: AttributeSource) -> Value:
            return holds(bag) is True and all(sampler.admits(bag) for sampler in chosen)

        self.evaluate = evaluate


def samplers(config: Sampling, numerator: Expression | None) -> list[Sampler]:
    """The samplers of a rule; what the random choice drops is not counted by the rate limit."""
    chosen: list[Sampler] = []
    if config.random is not None:
        chosen.append(RandomSampler(config.random, numerator))
    if config.rate_limit is not None:
        chosen.append(RateLimitSampler(config.rate_limit))
    return chosen


def place_of(identity: str, parts: int) -> int:
    """The place of a request among so many parts; the same everywhere for one id."""
    head = identity[:8]
    number = int(head, 16) if _HEXADECIMAL.fullmatch(head) else zlib.crc32(identity.encode())
    return number % parts


def _always(_: AttributeSource) -> Value:
    return True


def _number(value: Value) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _request_id(bag: AttributeSource) -> str | None:
    try:
        return bag.get_key(HEADERS, REQUEST_ID)
    except TypeError:  # no map: as if there were no headers
        return None
