"""zipkin: trace spans to a Zipkin collector."""

from mizzen.mixer.adapters.zipkin.adapter import ZipkinAdapter
from mizzen.mixer.adapters.zipkin.params import ZipkinParams

__all__ = ["ZipkinAdapter", "ZipkinParams"]
