from __future__ import annotations

from mizzen.mixer.adapters.memquota.cells import RollingWindow, UseCounter, make_cell


def test_units_in_use_do_not_come_back_by_themselves() -> None:
    cell = make_cell(5, 0.0)
    assert isinstance(cell, UseCounter)
    assert cell.take(5, False, 0.0) == 5
    assert cell.take(1, False, 1e9) == 0
    assert cell.give_back(2, 1e9) == 2
    assert not cell.is_empty(1e9)
    assert cell.give_back(9, 1e9) == 3
    assert cell.is_empty(1e9)


def test_a_window_rolls() -> None:
    cell = RollingWindow(10, 1.0)
    assert [cell.take(3, False, now) for now in (0.0, 0.3, 0.6, 0.9)] == [3, 3, 3, 0]
    assert cell.take(4, False, 1.0) == 4
    assert cell.take(1, False, 1.25) == 0
    assert cell.take(3, False, 1.3) == 3


def test_units_of_one_tick_leave_together_and_never_too_early() -> None:
    cell = RollingWindow(2, 1.0)
    assert [cell.take(1, False, now) for now in (0.0, 0.09)] == [1, 1]
    assert cell.take(1, False, 1.05) == 0
    assert cell.take(2, False, 1.09) == 2


def test_records_stay_few_however_often_units_are_taken() -> None:
    cell = RollingWindow(10**9, 1.0)
    for number in range(10_000):
        cell.take(1, False, number / 5000)
    assert len(cell._records) <= 11


def test_an_idle_window_is_empty() -> None:
    cell = RollingWindow(10, 1.0)
    cell.take(1, False, 0.0)
    assert not cell.is_empty(0.99)
    assert cell.is_empty(1.0)
