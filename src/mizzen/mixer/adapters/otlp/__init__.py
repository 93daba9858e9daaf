"""otlp: metrics, logs and traces by the OpenTelemetry protocol."""

from mizzen.mixer.adapters.otlp.adapter import OtlpAdapter
from mizzen.mixer.adapters.otlp.params import OtlpParams

__all__ = ["OtlpAdapter", "OtlpParams"]
