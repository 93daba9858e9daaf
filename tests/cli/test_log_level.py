"""`mizzen log-level` against the monitoring port of a real Mixer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from mizzen.loglevel import LOG_LEVEL
from mizzen.mixer.monitoring import Monitoring, text_page
from mizzen.mixer.server import MixerServer, MixerSettings

from .command import mizzen


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The level is that of this process."""
    before = LOG_LEVEL.name
    server = MixerServer(MixerSettings(tmp_path, port=0, monitoring_port=0, installed_adapters=False))
    server.start()
    yield f"http://127.0.0.1:{server.monitoring_port}"
    server.stop()
    LOG_LEVEL.change(before)
    structlog.reset_defaults()


def test_the_level_is_shown_and_set(url: str) -> None:
    changed = mizzen("log-level", "warning", "--server", url)
    assert (changed.returncode, changed.stdout.splitlines()[-1]) == (0, "warning")
    assert mizzen("log-level", "-s", url).stdout == "warning\n"
    assert LOG_LEVEL.name == "warning"


def test_a_level_that_is_none_is_a_usage_error_that_names_all(url: str) -> None:
    found = mizzen("log-level", "loud", "--server", url)
    assert found.returncode == 2
    assert all(level in found.stderr for level in ("'loud'", "debug", "info", "warning", "error"))


def test_a_mixer_that_is_not_there_is_told() -> None:
    other = Monitoring({"/logging": lambda _: text_page("<html>")})
    url = f"http://127.0.0.1:{other.port}"
    other.start()
    try:
        found = mizzen("log-level", "--server", url)
        assert (found.returncode, "is not a Mixer's monitoring port" in found.stderr) == (1, True)
    finally:
        other.stop()
    assert mizzen("log-level", "--server", url).returncode == 1
    assert mizzen("log-level", "--server", "nowhere").returncode == 2
