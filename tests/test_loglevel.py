from __future__ import annotations

import pytest
import structlog

from mizzen.loglevel import LEVELS, LogLevel


def shown(level: LogLevel) -> list[str]:
    methods = ["debug", "info", "warning", "error", "exception", "critical"]
    passed = []
    for method in methods:
        try:
            level.filter(None, method, {})
            passed.append(method)
        except structlog.DropEvent:
            continue
    return passed


@pytest.mark.parametrize("name", LEVELS)
def test_events_below_the_level_are_dropped(name: str) -> None:
    level = LogLevel()
    level.change(name)
    assert level.name == name
    assert shown(level)[0] == name
    assert shown(level)[-2:] == ["exception", "critical"]


def test_another_level_is_refused_and_changes_nothing() -> None:
    level = LogLevel()
    with pytest.raises(ValueError, match="level 'loud' is not known; accepted: debug, info, warning, error"):
        level.change("loud")
    assert level.name == "info"
