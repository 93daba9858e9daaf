"""Child processes of the command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mizzen.agent.child import Child, ChildError
from mizzen.readiness import MixerAddresses


def test_its_output_is_read_and_its_status_returned(tmp_path: Path) -> None:
    seen: list[str] = []
    with Child(["--version"], tmp_path / "errors", seen.append) as child:
        assert child.wait_for_line(re.compile(r"mizzen (\d+)").search)[1] == "0"
        assert child.wait() == 0
    assert child.lines == seen
    assert child.log() == ""


def test_a_child_that_ends_without_the_line_is_told_with_its_words(tmp_path: Path) -> None:
    with (
        Child(["proxy", "--no-such-flag"], tmp_path / "errors") as child,
        pytest.raises(ChildError, match=r"(?s)mizzen proxy is not ready:.*Usage: mizzen proxy.*--no-such-flag"),
    ):
        child.wait_for_line(re.compile("never").search)
    assert child.wait() == 2


def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    arguments = ["mixer", "--config-dir", str(tmp_path / "policies"), "--port", "0", "--monitoring-port", "0"]
    with Child(arguments, tmp_path / "errors") as child:
        child.wait_for_line(MixerAddresses.from_line)
        with pytest.raises(ChildError, match=r"did not end within 0\.1 s"):
            child.wait(0.1)
        assert child.process.poll() == -9
