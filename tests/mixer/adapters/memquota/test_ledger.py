from __future__ import annotations

import pytest

from mizzen.mixer.adapters.memquota.ledger import Granted, Ledger, Take

STORE, MEMORY = "store", "memory"


def take(amount: int = 1, identity: str = "", store: str = STORE) -> Take:
    return Take(store, "cell", 5, 2.0, amount, False, MEMORY, "q", identity)


def test_what_two_hold_stays_until_both_let_go() -> None:
    ledger = Ledger()
    first = ledger.hold([STORE], {MEMORY: 1.0}, 0.0)
    assert ledger.take(take(4, "r"), 0.0) == Granted(4, 2.0)
    second = ledger.hold([STORE], {MEMORY: 1.0}, 0.0)
    ledger.release(first)
    ledger.release(first)
    assert ledger.take(take(4, "r"), 0.5) == Granted(4, 1.5)
    assert ledger.take(take(2), 0.5) == Granted(0, 0.0)
    ledger.release(second)
    ledger.hold([STORE], {MEMORY: 1.0}, 0.5)
    assert ledger.take(take(5, "r"), 0.5) == Granted(5, 2.0)


def test_what_nobody_holds_is_an_error() -> None:
    ledger = Ledger()
    with pytest.raises(KeyError):
        ledger.take(take(), 0.0)
    ledger.hold([STORE], {}, 0.0)
    with pytest.raises(KeyError):
        ledger.take(take(1, "r"), 0.0)


def test_a_sweep_removes_cells_that_hold_nothing() -> None:
    ledger = Ledger()
    ledger.hold([STORE], {}, 0.0)
    ledger.take(take(), 0.0)
    ledger.sweep(1.0)
    assert len(ledger) == 1
    ledger.sweep(2.0)
    assert len(ledger) == 0
