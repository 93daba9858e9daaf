from __future__ import annotations

import gc
import sys

import pytest

from mizzen.mixer.runtime.interpreter import MANY, SWITCH_SECONDS, Settlement, switch_often, uncollected


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the collector is told, instead of doing it to the tests' own process."""
    calls: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    return calls


def test_the_first_load_is_frozen_and_later_ones_when_much_was_compiled(told: list[str]) -> None:
    settlement = Settlement()
    assert settlement.loaded(3)
    assert told == ["collect", "freeze"]
    assert not settlement.loaded(MANY - 1)
    assert settlement.loaded(1)
    assert not settlement.loaded(1)
    assert told == ["collect", "freeze", "freeze"]


def test_nothing_is_collected_while_a_configuration_is_built() -> None:
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_collected_again_after_a_failure() -> None:
    with pytest.raises(KeyError), uncollected():
        raise KeyError
    assert gc.isenabled()


def test_threads_take_turns_often(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", chosen.append)
    switch_often()
    assert chosen == [SWITCH_SECONDS]
