from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from prometheus_client import generate_latest
from pydantic import ValidationError
from redis import Redis
from redis.sentinel import Sentinel

from mizzen.mixer.adapters import AdapterError, Code, QuotaArguments, QuotaResult
from mizzen.mixer.adapters.redisquota import RedisQuotaAdapter, RedisQuotaParams
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import Quota
from mizzen.testing import unused_port, wait_until

FIXED = {"name": "fixed.quota.ns", "max_amount": 5, "valid_duration": "30s"}
ROLLING = {
    "name": "rolling.quota.ns",
    "max_amount": 5,
    "valid_duration": "30s",
    "bucket_duration": "1s",
    "rate_limit_algorithm": "ROLLING_WINDOW",
}
fresh = itertools.count()
run: Callable[..., Any] = Redis.execute_command  # untyped in the client


class Servers(Protocol):
    def start(self, *options: str, config: str = "", client: Redis) -> subprocess.Popen[bytes]: ...
    def stop(self, process: subprocess.Popen[bytes]) -> None: ...


@pytest.fixture
def handlers() -> Iterator[list[RedisQuotaAdapter]]:
    made: list[RedisQuotaAdapter] = []
    yield made
    for handler in made:
        handler.close()


def build(handlers: list[RedisQuotaAdapter], url: str, **params: Any) -> RedisQuotaAdapter:
    settings = {"redis_server_url": url, "quotas": [FIXED, ROLLING], "key_prefix": f"adapter-{next(fresh)}", **params}
    handlers.append(AdapterBench().build(RedisQuotaAdapter, settings))
    return handlers[-1]


def ask(handler: RedisQuotaAdapter, amount: int = 1, name: str = "fixed.quota.ns", id_: str = "") -> QuotaResult:
    return handler.quota(Quota(name), QuotaArguments(amount, deduplication_id=id_))


def failures(handler: RedisQuotaAdapter) -> list[str]:
    assert handler.registry is not None
    lines = generate_latest(handler.registry).decode().splitlines()
    return [line for line in lines if line.startswith("mizzen_redisquota_failures_total")]


@pytest.mark.parametrize("name", ["fixed.quota.ns", "rolling.quota.ns"])
def test_it_counts_with_the_clock_of_redis(redis_socket: str, handlers: list[RedisQuotaAdapter], name: str) -> None:
    handler = build(handlers, f"unix://{redis_socket}")
    first = ask(handler, 5, name)
    assert (first.status.code, first.amount) == (Code.OK, 5)
    assert 29 < first.valid_for <= 30
    second = ask(handler, 1, name)
    assert second.status.code == Code.RESOURCE_EXHAUSTED
    assert (second.status.message, second.amount) == ("redisquota: Resource exhausted", 0)


def test_a_short_window_ends_by_the_clock_of_redis(redis_socket: str, handlers: list[RedisQuotaAdapter]) -> None:
    short = {**FIXED, "valid_duration": "50ms"}
    handler = build(handlers, f"unix://{redis_socket}", quotas=[short])
    assert ask(handler, 5).amount == 5
    wait_until(lambda: ask(handler, 5).amount == 5, "the window ends")


def test_two_mixers_share_the_units(redis_socket: str, handlers: list[RedisQuotaAdapter]) -> None:
    one, other = (build(handlers, f"unix://{redis_socket}", key_prefix="shared") for _ in range(2))
    assert ask(one, 3).amount == 3
    assert ask(other, 3).amount == 0
    assert ask(other, 2).amount == 2


@pytest.mark.parametrize("name", ["fixed.quota.ns", "rolling.quota.ns"])
def test_every_key_expires_and_all_keys_of_a_cell_share_a_slot(
    redis_socket: str, handlers: list[RedisQuotaAdapter], name: str
) -> None:
    handler = build(
        handlers, f"unix://{redis_socket}", key_prefix="expiry", quotas=[FIXED, {**ROLLING, "bucket_duration": "1ms"}]
    )
    for number in range(3):
        assert ask(handler, 1, name, f"r{number}").amount == 1
        time.sleep(0.002)
    with Redis(unix_socket_path=redis_socket, decode_responses=True) as client:
        keys = client.keys(f"expiry:{{{name}*")
        assert len(keys) == (5 if name.startswith("rolling") else 4)
        assert all(0 < client.pttl(key) <= 31_000 for key in keys)
        assert {key[key.index("{") : key.index("}")] for key in keys} == {"{" + name}


def test_scripts_that_redis_forgot_are_sent_again(redis_socket: str, handlers: list[RedisQuotaAdapter]) -> None:
    handler = build(handlers, f"unix://{redis_socket}")
    assert ask(handler).amount == 1
    with Redis(unix_socket_path=redis_socket) as client:
        client.script_flush()
    assert ask(handler).amount == 1
    assert failures(handler) == ['mizzen_redisquota_failures_total{answer="refused",handler="handler.test"} 0.0']


def test_a_key_of_another_kind_is_a_failure_and_not_a_crash(
    redis_socket: str, handlers: list[RedisQuotaAdapter]
) -> None:
    handler = build(handlers, f"unix://{redis_socket}", key_prefix="odd")
    with Redis(unix_socket_path=redis_socket) as client:
        client.set("odd:{fixed.quota.ns}:f:used", "text")
    assert ask(handler).status.code == Code.UNAVAILABLE


def test_without_redis_requests_are_refused_and_counted(tmp_path: Path, handlers: list[RedisQuotaAdapter]) -> None:
    handler = build(handlers, f"unix://{tmp_path}/none.sock")
    result = ask(handler)
    assert (result.status.code, result.status.message) == (Code.UNAVAILABLE, "redisquota: Service Unavailable")
    assert result.amount == 0
    assert failures(handler) == ['mizzen_redisquota_failures_total{answer="refused",handler="handler.test"} 1.0']


def test_without_redis_requests_are_granted_if_it_is_told_to(tmp_path: Path, handlers: list[RedisQuotaAdapter]) -> None:
    handler = build(handlers, f"unix://{tmp_path}/none.sock", fail_open=True)
    assert ask(handler, 3) == QuotaResult(amount=3, valid_for=1.0)
    assert failures(handler) == ['mizzen_redisquota_failures_total{answer="granted",handler="handler.test"} 1.0']


def test_a_redis_that_does_not_answer_is_given_up_in_time(
    redis_servers: Servers, handlers: list[RedisQuotaAdapter]
) -> None:
    port = unused_port()
    redis_servers.start("--port", str(port), client=Redis(port=port))
    handler = build(handlers, f"127.0.0.1:{port}", timeout="100ms")
    with Redis(port=port) as client:
        run(client, "CLIENT", "PAUSE", "1500", "ALL")
    start = time.monotonic()
    assert ask(handler).status.code == Code.UNAVAILABLE
    assert time.monotonic() - start < 1.0


def test_a_redis_that_comes_back_is_used_again(redis_servers: Servers, handlers: list[RedisQuotaAdapter]) -> None:
    port = unused_port()
    process = redis_servers.start("--port", str(port), client=Redis(port=port))
    handler = build(handlers, f"127.0.0.1:{port}")
    assert ask(handler).amount == 1
    redis_servers.stop(process)
    assert ask(handler).status.code == Code.UNAVAILABLE
    redis_servers.start("--port", str(port), client=Redis(port=port))
    assert ask(handler, 5).amount == 5


def test_user_password_database_and_tls_are_part_of_the_url(
    redis_servers: Servers, handlers: list[RedisQuotaAdapter], tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    port = unused_port()
    options = [
        *("--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(tmp_path / "cert.pem"), "--tls-key-file", str(tmp_path / "key.pem")),
        *("--tls-ca-cert-file", str(tmp_path / "ca.pem")),
    ]
    config = "user limiter on >p@ss ~* +@all\nuser default off\n"
    login: dict[str, Any] = {"username": "limiter", "password": "p@ss", "ssl_ca_certs": str(tmp_path / "ca.pem")}
    redis_servers.start(*options, config=config, client=Redis(port=port, ssl=True, **login))
    url = f"rediss://limiter:p%40ss@localhost:{port}/2"
    trusting = build(handlers, f"{url}?ssl_ca_certs={tmp_path / 'ca.pem'}", key_prefix="tls")
    assert ask(trusting).amount == 1
    with Redis(port=port, ssl=True, db=2, **login) as client:
        assert client.keys("tls:*")
    assert ask(build(handlers, url)).status.code == Code.UNAVAILABLE


def is_whole(client: Redis) -> bool:
    state = run(client, "CLUSTER INFO")
    return (state["cluster_state"], state["cluster_slots_assigned"]) == ("ok", "16384")


def test_a_cluster_is_used_through_any_of_its_nodes(redis_servers: Servers, handlers: list[RedisQuotaAdapter]) -> None:
    ports, buses = ([unused_port() for _ in range(2)] for _ in range(2))
    slots = ((0, 8191), (8192, 16383))
    for port, bus, half in zip(ports, buses, slots, strict=True):
        options = ["--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(bus)]
        redis_servers.start(*options, client=Redis(port=port))
        with Redis(port=port) as client:
            run(client, "CLUSTER ADDSLOTSRANGE", *half)
            run(client, "CLUSTER MEET", "127.0.0.1", ports[0], buses[0])
    for port in ports:
        with Redis(port=port) as client:
            wait_until(lambda: is_whole(client), "all slots are known")
    handler = build(handlers, f"redis+cluster://127.0.0.1:{ports[0]}", timeout="2s")
    for user in range(12):
        for name in ("fixed.quota.ns", "rolling.quota.ns"):
            asked = QuotaArguments(5, deduplication_id="r")
            assert [handler.quota(Quota(name, {"u": user}), asked).amount for _ in range(2)] == [5, 5]
            assert handler.quota(Quota(name, {"u": user}), QuotaArguments(1)).amount == 0
    used = []
    for port in ports:
        with Redis(port=port) as client:
            used.append(client.dbsize())
    assert all(used)


def test_the_master_is_found_through_sentinels(redis_servers: Servers, handlers: list[RedisQuotaAdapter]) -> None:
    port, sentinel_port = unused_port(), unused_port()
    redis_servers.start("--port", str(port), client=Redis(port=port))
    config = f"sentinel monitor shop 127.0.0.1 {port} 1\n"
    redis_servers.start(*("--port", str(sentinel_port), "--sentinel"), config=config, client=Redis(port=sentinel_port))
    assert Sentinel([("127.0.0.1", sentinel_port)]).discover_master("shop") == ("127.0.0.1", port)  # type: ignore[no-untyped-call]
    handler = build(handlers, f"redis+sentinel://127.0.0.1:{sentinel_port}/shop/1")
    assert ask(handler).amount == 1
    with Redis(port=port, db=1) as client:
        assert client.dbsize() == 1


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"redis_server_url": ""}, "has no host"),
        ({"redis_server_url": "redis://:secret@"}, "has no host"),
        ({"connection_pool_size": -1}, "greater than or equal to 0"),
        ({"quotas": []}, "at least 1 item"),
        ({"quotas": [{**FIXED, "name": ""}]}, "at least 1 character"),
        ({"quotas": [{**FIXED, "valid_duration": "0s"}]}, "greater than or equal to 1000000"),
        ({"quotas": [{"name": "x", "max_amount": 1}]}, "Field required"),
        ({"quotas": [{**ROLLING, "bucket_duration": "0s"}]}, "has no bucket_duration"),
        ({"quotas": [{**ROLLING, "bucket_duration": "30s"}]}, "not shorter than valid_duration"),
        ({"quotas": [{**FIXED, "overrides": [{"dimensions": {"a": "b"}}]}]}, "Field required"),
        ({"quotas": [{**FIXED, "overrides": [{"dimensions": {"a": "b"}, "max_amount": 0}]}]}, "greater than 0"),
        ({"quotas": [{**FIXED, "overrides": [{"dimensions": {}, "max_amount": 1}]}]}, "at least 1 item"),
        ({"timeout": "0s"}, "greater than 0"),
    ],
)
def test_wrong_params_are_refused_and_no_password_is_shown(
    handlers: list[RedisQuotaAdapter], params: dict[str, Any], reason: str
) -> None:
    settings = {"redis_server_url": "redis://:secret@localhost", "quotas": [FIXED], **params}
    with pytest.raises(ValidationError, match=reason):
        build(handlers, **{"url": settings.pop("redis_server_url"), **settings})


def test_the_url_is_hidden_in_dumps_of_the_params() -> None:
    params = RedisQuotaParams.model_validate_json(
        '{"redis_server_url": "redis://:secret@h", "quotas": [{"name": "q", "valid_duration": "1s"}]}'
    )
    assert "secret" not in repr(params)
    assert "secret" not in params.model_dump_json()


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mizzen.mixer.adapters.redisquota.client", None)
    package = sys.modules["mizzen.mixer.adapters.redisquota"]
    monkeypatch.delattr(package, "client", raising=False)
    with pytest.raises(AdapterError, match=r"needs the package redis: pip install 'mizzen\[redis\]'"):
        AdapterBench().build(RedisQuotaAdapter, {"quotas": [FIXED]})
