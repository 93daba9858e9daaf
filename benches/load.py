"""Load and CPU: wrk drives one proxy, the kernel's accounting says what the proxy spent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# A browser-like request: 14 headers reach the proxy, counting the four pseudo headers.
HEADERS = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate",
    "cache-control": "max-age=0",
    "cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
    "referer": "http://example.test/catalogue",
    "x-team": "blue",
}


@dataclass(frozen=True)
class Measurement:
    """What one run of one variant cost."""

    requests: int
    failures: int
    seconds: float
    cpu_seconds: float

    @property
    def cpu_us_per_request(self) -> float:
        return self.cpu_seconds / self.requests * 1e6

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds


def install(command: str, package: str) -> str:
    """The path of a command; installs Debian's package of it where this process may."""
    found = shutil.which(command)
    apt = shutil.which("apt-get")
    if found is None and apt is not None and os.geteuid() == 0:
        subprocess.run([apt, "install", "-y", "-qq", package], check=False, stdout=subprocess.DEVNULL)
        found = shutil.which(command)
    if found is None:
        raise SystemExit(f"make bench needs {command} (Debian: apt-get install {package})")
    return found


def require_wrk() -> str:
    """The path of wrk."""
    return install("wrk", "wrk")


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def measure(port: int, pid: int, seconds: float, connections: int = 16) -> Measurement:
    """Drive the proxy at `port` (process `pid`) with one wrk thread for `seconds` (wrk takes whole ones)."""
    headers = [argument for name, value in HEADERS.items() for argument in ("-H", f"{name}: {value}")]
    command = [
        require_wrk(),
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        *headers,
        f"http://127.0.0.1:{port}/products?id=7",
    ]
    before = cpu_seconds(pid)
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent = cpu_seconds(pid) - before
    done = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", output)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if done is None:
        raise RuntimeError(f"wrk answered: {output}")
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[done[3]]
    return Measurement(int(done[1]), int(bad[1]) if bad else 0, float(done[2]) * unit, spent)
