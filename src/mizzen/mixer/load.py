"""When a Mixer sheds load: settings of `mizzen.mixer.shedding`."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class SheddingMode(enum.Enum):
    DISABLED = "disabled"
    LOGONLY = "logonly"
    ENFORCE = "enforce"


@dataclass(frozen=True)
class SheddingSettings:
    """0 for `average_latency_seconds` or `requests_per_second` leaves that evaluator out; rates are per second."""

    mode: SheddingMode = SheddingMode.DISABLED
    average_latency_seconds: float = 0.0
    latency_samples_per_second: float = math.inf
    latency_half_life_seconds: float = 1.0
    latency_guaranteed_per_second: float = 100.0
    requests_per_second: float = 0.0
    burst: int = 0
