"""redisquota: quotas in Redis."""

from mizzen.mixer.adapters.redisquota.adapter import RedisQuotaAdapter
from mizzen.mixer.adapters.redisquota.params import RedisQuotaParams

__all__ = ["RedisQuotaAdapter", "RedisQuotaParams"]
