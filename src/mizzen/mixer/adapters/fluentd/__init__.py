"""fluentd: log entries by the Fluentd forward protocol."""

from mizzen.mixer.adapters.fluentd.adapter import FluentdAdapter
from mizzen.mixer.adapters.fluentd.params import FluentdParams

__all__ = ["FluentdAdapter", "FluentdParams"]
