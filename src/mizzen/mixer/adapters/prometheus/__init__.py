"""prometheus: metrics for scraping."""

from mizzen.mixer.adapters.prometheus.adapter import PrometheusAdapter
from mizzen.mixer.adapters.prometheus.params import PrometheusParams

__all__ = ["PrometheusAdapter", "PrometheusParams"]
