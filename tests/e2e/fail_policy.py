"""What the tests of both fail policies share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def failing_transport(policy: str) -> Mapping[str, Any]:
    """One quick retry, and half a second for each call."""
    fail = {"policy": policy, "max_retry": 1, "base_retry_wait": "0.01s", "max_retry_wait": "0.02s"}
    return {"network_fail_policy": fail, "rpc_timeout": "0.5s", "report_batch_max_time": "0.05s"}


def counts_without_a_mixer(prefix: str, allowed: bool) -> Mapping[str, int]:
    """By how much the counters grow for one Check that no Mixer answers."""
    counts = {
        "total_check_calls": 1,
        "total_remote_calls": 1,
        "total_remote_call_retries": 1,
        "total_remote_call_send_errors": 2,
        "total_remote_check_accepts": int(allowed),
        "total_remote_check_denies": int(not allowed),
        "total_check_fail_open": int(allowed),
        "total_check_fail_close": int(not allowed),
    }
    return {prefix + name: count for name, count in counts.items()}
