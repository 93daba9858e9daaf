"""statsd: metrics as StatsD datagrams."""

from mizzen.mixer.adapters.statsd.adapter import StatsdAdapter
from mizzen.mixer.adapters.statsd.params import StatsdParams

__all__ = ["StatsdAdapter", "StatsdParams"]
