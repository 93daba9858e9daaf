"""memquota: quotas in memory, of one process or of several together."""

from mizzen.mixer.adapters.memquota.adapter import MemQuotaAdapter
from mizzen.mixer.adapters.memquota.params import MemQuotaParams

__all__ = ["MemQuotaAdapter", "MemQuotaParams"]
