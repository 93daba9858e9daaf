"""redisquota: quotas counted in Redis, shared by every Mixer that uses the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.quotas import cell_of, first_override, problems_of_quotas
from mizzen.mixer.adapters.redisquota.address import parse_address
from mizzen.mixer.adapters.redisquota.params import Algorithm, QuotaParams, RedisQuotaParams
from mizzen.mixer.adapters.results import AdapterError, Code, QuotaArguments, QuotaResult, Status
from mizzen.mixer.templates import Instance, InstanceTypes, Problem, Quota

if TYPE_CHECKING:
    from mizzen.mixer.adapters.redisquota import client

_LONGEST_CELL = 200
_NOTHING = QuotaResult()
_EXHAUSTED = QuotaResult(Status(Code.RESOURCE_EXHAUSTED, "redisquota: Resource exhausted"))
_UNAVAILABLE = QuotaResult(Status(Code.UNAVAILABLE, "redisquota: Service Unavailable"))
_MALFORMED = QuotaResult(Status(Code.INTERNAL, "redisquota: Internal Error"))


class RedisQuotaAdapter(Adapter):
    """One script per request, which Redis runs as a whole. The clock is that of Redis.

    Needs the package `redis` (`pip install mizzen[redis]`). Redis need not be there when the handler is built: until it
    is, requests are answered as `fail_open` says.
    """

    name = "redisquota"
    templates = frozenset(["quota"])
    Params = RedisQuotaParams
    blocking = True

    def __init__(
        self, params: RedisQuotaParams, environment: Environment, now_us: Callable[[], int] | None = None
    ) -> None:
        """`now_us` replaces the clock of Redis; microseconds since 1970."""
        super().__init__(params, environment)
        try:
            from mizzen.mixer.adapters.redisquota import client
        except ImportError:
            raise AdapterError("redisquota needs the package redis: pip install 'mizzen[redis]'") from None
        self._params = params
        self._quotas = {quota.name: quota for quota in params.quotas}
        self._now_us = now_us
        self._error = client.RedisError
        self._scripts = {
            Algorithm.FIXED_WINDOW: client.Script("fixed_window"),
            Algorithm.ROLLING_WINDOW: client.Script("rolling_window"),
        }
        self._connect: Callable[[], client.Connections] = lambda: client.Connections(
            parse_address(params.redis_server_url.get_secret_value()),
            params.connection_pool_size,
            params.timeout / 1e9,
        )
        self._connections: client.Connections | None = None
        self.registry = CollectorRegistry()
        self._failures = Counter(
            "mizzen_redisquota_failures",
            "Quota requests that Redis did not answer, by what was answered instead",
            ["handler", "answer"],
            registry=self.registry,
        ).labels(environment.handler, "granted" if params.fail_open else "refused")
        self._greet()

    @classmethod
    def validate(cls, params: RedisQuotaParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(problems_of_quotas(params.quotas, instances))

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        quota = self._quotas.get(instance.name)
        if quota is None:
            raise AdapterError(f"did not find limit defined for quota {instance.name}")
        if arguments.amount == 0:
            return _NOTHING
        try:
            answer = self._ask(quota, cast(Quota, instance), arguments)
        except self._error as error:
            self._failures.inc()
            self.environment.logger.warning("redis did not answer", handler=self.environment.handler, error=str(error))
            return self._instead(quota, arguments)
        return _result_of(answer)

    def close(self) -> None:
        if self._connections is not None:
            self._connections.close()

    def _greet(self) -> None:
        """Tells the operator early when Redis cannot be reached."""
        try:
            self._connected().ping()
        except self._error as error:
            self.environment.logger.warning(
                "redis cannot be reached yet", handler=self.environment.handler, error=str(error)
            )

    def _connected(self) -> client.Connections:
        """The connections; made late because a cluster is asked for its nodes at once."""
        if self._connections is None:
            self._connections = self._connect()
        return self._connections

    def _ask(self, quota: QuotaParams, instance: Quota, arguments: QuotaArguments) -> Any:
        override = first_override(quota.overrides, instance.dimensions)
        limit = override.max_amount if override else quota.max_amount
        cell = _short(cell_of(quota.name, instance.dimensions))
        start = f"{self._params.key_prefix}:{{{cell}}}:{quota.rate_limit_algorithm.name[0].lower()}"
        keys = [f"{start}:used", f"{start}:buckets", f"{start}:id:{_short(arguments.deduplication_id)}"]
        values = [
            limit,
            quota.valid_duration // 1000,
            quota.bucket_duration // 1000,
            arguments.amount,
            int(arguments.best_effort),
            int(bool(arguments.deduplication_id)),
            self._now_us() if self._now_us else 0,
        ]
        return self._connected().run(self._scripts[quota.rate_limit_algorithm], keys, values)

    def _instead(self, quota: QuotaParams, arguments: QuotaArguments) -> QuotaResult:
        if not self._params.fail_open:
            return _UNAVAILABLE
        return QuotaResult(amount=abs(arguments.amount), valid_for=min(quota.valid_duration / 1e9, 1.0))


def _result_of(answer: object) -> QuotaResult:
    if not (isinstance(answer, list) and len(answer) == 2 and all(isinstance(part, int) for part in answer)):
        return _MALFORMED
    amount, valid_us = answer
    return QuotaResult(amount=amount, valid_for=valid_us / 1e6) if amount > 0 else _EXHAUSTED


def _short(text: str) -> str:
    """A text that fits into a key; long ones by their hash."""
    if len(text) <= _LONGEST_CELL:
        return text
    return f"{text[: _LONGEST_CELL // 4]}…{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"
