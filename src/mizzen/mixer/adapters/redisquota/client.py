"""The one place that imports the Redis client: connections and the scripts."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Callable
from typing import Any

from redis import (
    BlockingConnectionPool,
    ConnectionPool,
    Redis,
    RedisError,
    Sentinel,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.retry import Retry

from mizzen.mixer.adapters.redisquota.address import Address, Topology

__all__ = ["Connections", "RedisError", "Script"]


class Script:
    """A script, sent whole only to a server that does not know it yet."""

    def __init__(self, name: str) -> None:
        folder = importlib.resources.files("mizzen.mixer.adapters.redisquota")
        self.text = "\n".join((folder / f"{part}.lua").read_text() for part in ("common", name))
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Connections:
    """A pool of connections to whatever stands at the address. Connects at first use; safe to share."""

    def __init__(self, address: Address, pool_size: int, timeout: float) -> None:
        self._client = _client(address, pool_size, timeout)

    def ping(self) -> None:
        """Raises `RedisError` unless Redis answers."""
        self._client.ping()

    def run(self, script: Script, keys: list[str], arguments: list[int]) -> Any:
        """The answer of the script. Raises `RedisError`."""
        try:
            return self._client.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return self._client.eval(script.text, len(keys), *keys, *arguments)

    def close(self) -> None:
        self._client.close()


def _client(address: Address, pool_size: int, timeout: float) -> Any:
    options = _options(address, timeout)
    if address.topology is Topology.CLUSTER:
        nodes = [_cluster_node(host, port) for host, port in address.nodes]
        if pool_size:
            options["max_connections"] = pool_size
        return RedisCluster(startup_nodes=nodes, ssl=address.tls, **options)
    if address.topology is Topology.SENTINEL:
        shared = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
        tls = {"ssl": True, **dict(address.options)} if address.tls else {}
        sentinel = _sentinel(list(address.nodes), sentinel_kwargs={**shared, **tls}, **options, ssl=address.tls)
        return sentinel.master_for(address.service, db=address.database)
    kind: type[Connection | UnixDomainSocketConnection] = SSLConnection if address.tls else Connection
    if address.topology is Topology.SOCKET:
        kind = UnixDomainSocketConnection
        options["path"] = address.path
    else:
        options["host"], options["port"] = address.nodes[0]
    if pool_size:
        options["max_connections"] = pool_size
    # a client that owns its pool: closing the one closes the connections of the other
    return Redis.from_pool(_pool(connection_class=kind, timeout=timeout, db=address.database, **options))


# The client's types are partial; these are the calls that it leaves untyped.
_cluster_node: Callable[[str, int], ClusterNode] = ClusterNode
_sentinel: Callable[..., Any] = Sentinel
_pool: Callable[..., ConnectionPool] = BlockingConnectionPool


def _options(address: Address, timeout: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),  # a pooled connection may be stale
        "username": address.username,
        "password": address.password,
    }
    for name, value in address.options:
        options[name] = value == "true" if name == "ssl_check_hostname" else value
    return options
