"""memquota: quotas in memory."""

from mizzen.mixer.adapters.memquota.adapter import MemQuotaAdapter
from mizzen.mixer.adapters.memquota.params import MemQuotaParams

__all__ = ["MemQuotaAdapter", "MemQuotaParams"]
