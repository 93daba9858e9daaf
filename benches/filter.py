"""What the filter costs: CPU of Envoy per request, bare and with the filter, with Lua and with ext_authz beside it.

All proxies run at once, each with one worker; wrk drives them in turn, so that the machine's mood meets all of them
alike. Every round starts them anew: where a process happens to lie in memory makes it up to 8 % slower or faster for
life. The bare proxy is the product's own configuration without the filter, its access logger and its bootstrap
extension.
"""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import yaml
from load import Measurement, measure
from servers import EXT_AUTHZ_CHECK, envoy, grpc_server, mixer_answers, origin

from mizzen.testing import unused_port

Config = dict[str, Any]
LUA = """
function envoy_on_request(handle)
  local team = handle:headers():get("x-team")
  local agent = handle:headers():get("user-agent")
  if team == "denied" or agent == nil then handle:respond({[":status"] = "403"}, "denied") end
end
"""


def product_config(port: int, backend: int, mixer: int) -> Config:
    """The configuration that `mizzen proxy` runs."""
    command = [
        sys.executable,
        "-m",
        "mizzen",
        "proxy",
        "--print",
        "--port",
        str(port),
        "--admin-port",
        str(unused_port()),
    ]
    command += ["--backend", f"127.0.0.1:{backend}", "--mixer", f"127.0.0.1:{mixer}"]
    return dict(yaml.safe_load(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def connection_manager(config: Config) -> Config:
    return dict(config)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]  # type: ignore[no-any-return]


def without_mixer(config: Config) -> Config:
    """The same proxy, bare."""
    bare = copy.deepcopy(config)
    bare.pop("bootstrap_extensions", None)
    manager = connection_manager(bare)
    manager["http_filters"] = [entry for entry in manager["http_filters"] if entry["name"] != "mixer"]
    manager.pop("access_log", None)
    return bare


def with_filter(config: Config, name: str, typed_config: Config) -> Config:
    changed = without_mixer(config)
    connection_manager(changed)["http_filters"].insert(0, {"name": name, "typed_config": typed_config})
    return changed


def with_lua(config: Config) -> Config:
    kind = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
    return with_filter(config, "lua", {"@type": kind, "default_source_code": {"inline_string": LUA}})


def idle(config: Config) -> Config:
    """The filter and its access logger, with neither Checks nor reports."""
    changed = copy.deepcopy(config)
    manager = connection_manager(changed)
    mixer = next(entry for entry in manager["http_filters"] if entry["name"] == "mixer")
    for settings in (mixer["typed_config"]["filter_config"], manager["access_log"][0]["typed_config"]["logger_config"]):
        settings["value"]["service_configs"] = {
            name: {"disable_check_calls": True, "disable_report_calls": True}
            for name in settings["value"]["service_configs"]
        }
    return changed


def with_ext_authz(config: Config) -> Config:
    kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
    service = {"envoy_grpc": {"cluster_name": "mixer_server"}, "timeout": "5s"}
    return with_filter(config, "ext_authz", {"@type": kind, "transport_api_version": "V3", "grpc_service": service})


def run(rounds: int, seconds: float) -> str:
    """Measure all variants in alternating rounds and give the table of medians."""
    with ExitStack() as stack:
        backend = stack.enter_context(origin())
        cached = stack.enter_context(grpc_server(mixer_answers(cached=True)))
        uncached = stack.enter_context(grpc_server(mixer_answers(cached=False)))
        authz = stack.enter_context(grpc_server({EXT_AUTHZ_CHECK: b""}))
        variants: dict[str, tuple[int, Callable[[Config], Config]]] = {
            "bare Envoy": (cached, without_mixer),
            "filter, neither Check nor report": (cached, idle),
            "filter, cached decision and report": (cached, lambda config: config),
            "Lua, two header reads": (cached, with_lua),
            "filter, Check for every request": (uncached, lambda config: config),
            "ext_authz, Python gRPC server": (authz, with_ext_authz),
        }
        results: dict[str, list[Measurement]] = {name: [] for name in variants}
        for number in range(rounds):
            # every second round goes backwards, so that no variant always follows the same one
            order = list(variants) if number % 2 == 0 else list(reversed(variants))
            for name, measurement in one_round(order, variants, backend, seconds):
                results[name].append(measurement)
    return table(results, rounds, seconds)


def one_round(
    order: list[str], variants: dict[str, tuple[int, Callable[[Config], Config]]], backend: int, seconds: float
) -> Iterator[tuple[str, Measurement]]:
    """Start a proxy of each variant and measure one after the other."""
    with ExitStack() as stack:
        proxies = {}
        for name in order:
            server, change = variants[name]
            port = unused_port()
            config = change(product_config(port, backend, server))
            config.pop("admin", None)
            proxies[name] = (port, stack.enter_context(envoy(config, [port])))
        for port, pid in proxies.values():
            measure(port, pid, 1.0)  # the first seconds after start are slow
        for name in order:
            yield name, measure(*proxies[name], seconds)


def table(results: dict[str, list[Measurement]], rounds: int, seconds: float) -> str:
    """Medians per variant; the ratios are those to bare Envoy in the same round, with the least and the greatest."""
    base = results["bare Envoy"]
    lines = [
        f"filter: medians of {rounds} alternating rounds of {seconds:g} s; one worker, 16 connections, 1 KiB answers",
        f"{'variant':<36} {'CPU µs/request':>15} {'× bare (least–most)':>21} {'requests/s':>11} {'× bare':>7}",
    ]
    for name, measured in results.items():
        cpu = statistics.median(m.cpu_us_per_request for m in measured)
        rate = statistics.median(m.requests_per_second for m in measured)
        ratios = [m.cpu_us_per_request / b.cpu_us_per_request for m, b in zip(measured, base, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        rate_ratio = statistics.median(
            m.requests_per_second / b.requests_per_second for m, b in zip(measured, base, strict=True)
        )
        failures = sum(m.failures for m in measured)
        lines.append(
            f"{name:<36} {cpu:>15.1f} {spread:>21} {rate:>11.0f} {rate_ratio:>7.2f}"
            + (f"   {failures} requests failed" if failures else "")
        )
    return "\n".join(lines)
