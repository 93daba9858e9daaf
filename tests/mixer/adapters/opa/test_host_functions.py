from __future__ import annotations

from typing import Any

import pytest

from mizzen.mixer.adapters.opa.decider import OpaError
from mizzen.mixer.adapters.opa.host_functions import chosen, host_functions, sprintf


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("%s", [1]),
        ("%d", ["a"]),
        ("%d", [1.5]),
        ("%v", [[1]]),
        ("%v", [None]),
        ("%5d", [1]),
        ("%x", [1]),
        ("%", []),
        ("%s", []),
        ("a", ["b"]),
        (1, []),
        ("a", "b"),
    ],
)
def test_what_go_prints_in_ways_of_its_own_is_not_guessed(template: Any, values: Any) -> None:
    with pytest.raises(OpaError, match=r"^sprintf: "):
        sprintf(template, values)


def test_functions_that_are_missing_are_all_named() -> None:
    functions = host_functions(lambda: 5)
    assert chosen(functions, {"time.now_ns": 3})[3]() == 5
    with pytest.raises(OpaError, match=r"only in an OPA server: http\.send, uuid\.parse$"):
        chosen(functions, {"uuid.parse": 0, "sprintf": 1, "http.send": 2})
