"""`mizzen demo`, as a newcomer runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from mizzen.agent.address import HostPort
from mizzen.testing import send

DEMO = [sys.executable, "-m", "mizzen", "demo"]
WIDE = {**os.environ, "COLUMNS": "200"}


def test_the_demonstration_succeeds_and_shows_what_happened() -> None:
    result = subprocess.run(DEMO, capture_output=True, text=True, timeout=120, check=False, env=WIDE)
    assert (result.returncode, result.stderr) == (0, "")
    for part in ("mallory is not welcome", "403", "301", "checked by mizzen", "/metrics", "demo_requests_total"):
        assert part in result.stdout
    counts = re.search(r"(\d+) requests checked, (\d+) of them decided by the proxy's memory", result.stdout)
    assert counts is not None
    assert int(counts[1]) == 11
    assert int(counts[2]) >= 3


def test_an_expectation_that_fails_is_told_by_exit_status_and_text(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "requests.yaml").write_text("steps:\n- name: never\n  expect: {status: 418}\nreports: []\n")
    result = subprocess.run([*DEMO, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert "never: status 200, expected 418" in result.stderr


def test_it_stays_up_when_asked_and_takes_everything_down_at_the_end() -> None:
    with subprocess.Popen([*DEMO, "--keep"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            found = found or re.search(r"curl -i http://127\.0\.0\.1:(\d+)", line)
            if "Ctrl-C" in line:
                break
        assert found is not None
        address = HostPort("127.0.0.1", int(found[1]))
        assert send(address, "/echo", headers=[("x-user", "mallory")]).status == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            send(address)
        except ConnectionRefusedError:
            return
    raise AssertionError("the proxy still listens")
