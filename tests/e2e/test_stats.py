"""The counters in Envoy's /stats."""

from __future__ import annotations

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, send

PREFIX = "mizzen.http_mixer_filter."
NAMES = [
    "total_check_calls",
    "total_check_cache_hits",
    "total_check_cache_misses",
    "total_check_cache_hit_accepts",
    "total_check_cache_hit_denies",
    "total_check_cache_expirations",
    "total_check_cache_outdated",
    "total_check_cache_evictions",
    "total_check_joins",
    "total_check_join_misses",
    "total_check_fail_open",
    "total_check_fail_close",
    "total_quota_fail_open",
    "total_dictionary_shrinks",
    "total_hook_failures",
    "total_remote_check_calls",
    "total_remote_check_accepts",
    "total_remote_check_denies",
    "total_quota_calls",
    "total_quota_cache_hits",
    "total_quota_cache_misses",
    "total_quota_cache_hit_accepts",
    "total_quota_cache_hit_denies",
    "total_remote_quota_calls",
    "total_remote_quota_accepts",
    "total_remote_quota_denies",
    "total_remote_quota_prefetch_calls",
    "total_remote_calls",
    "total_remote_call_successes",
    "total_remote_call_timeouts",
    "total_remote_call_send_errors",
    "total_remote_call_other_errors",
    "total_remote_call_retries",
    "total_remote_call_cancellations",
    "total_report_calls",
    "total_remote_report_calls",
    "total_remote_report_successes",
    "total_remote_report_timeouts",
    "total_remote_report_send_errors",
    "total_remote_report_other_errors",
    "total_remote_report_retries",
]


def counters(proxy: ProxyProcess) -> dict[str, int]:
    return {name.removeprefix(PREFIX): value for name, value in proxy.stats(PREFIX).items()}


def test_every_counter_exists_from_the_start(proxy: ProxyProcess) -> None:
    assert set(NAMES) <= set(counters(proxy))
    account = {"mizzen.report.entries_" + name for name in ("made", "acknowledged", "dropped", "pending")}
    assert account <= set(proxy.stats("mizzen.report."))


def test_the_counters_tell_what_happened(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    before = proxy.stats(PREFIX)
    send(proxy.address, "/1")
    fresh_mixer.on_check = CheckAnswer(7, "no")
    send(proxy.address, "/2")
    send(proxy.address, "/3")
    fresh_mixer.wait_for_report("request.path", "/3")
    expected = {
        "total_check_calls": 3,
        "total_check_cache_misses": 3,
        "total_remote_check_calls": 3,
        "total_remote_check_accepts": 1,
        "total_remote_check_denies": 2,
        "total_remote_calls": 3,
        "total_remote_call_successes": 3,
        "total_report_calls": 3,
    }
    reports = ("total_remote_report_calls", "total_remote_report_successes")
    others = {name: 0 for name in NAMES if name not in expected and name not in reports}
    proxy.wait_for_stats({PREFIX + name: value for name, value in (expected | others).items()}, before)
    after = proxy.stats(PREFIX)
    calls, successes = (after[PREFIX + name] - before[PREFIX + name] for name in reports)
    assert calls == successes >= 1


def test_prometheus_finds_them_by_name(proxy: ProxyProcess) -> None:
    assert "envoy_mizzen_http_mixer_filter_total_check_calls{" in proxy.admin.get("/stats/prometheus")
