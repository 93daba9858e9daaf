from __future__ import annotations

import pytest

from mizzen.mixer.runtime.names import candidates, first_known, handler_name, short_name


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("a", ("a.handler.ns",)),
        ("a.denier", ("a.denier.ns", "a.handler.denier")),
        ("a.denier.other", ("a.denier.other",)),
        ("a.b.c.d", ("a.b.c.d",)),
    ],
)
def test_a_reference_has_its_candidates_in_order(reference: str, found: tuple[str, ...]) -> None:
    assert candidates(reference, "handler", "ns") == found


def test_the_legacy_kind_is_found_before_the_namespace() -> None:
    names = candidates("a.b", "handler", "ns")
    assert first_known(names, {"a.b.ns", "a.handler.b"}) == "a.b.ns"
    assert first_known(names, {"a.handler.b"}) == "a.handler.b"
    assert first_known(names, {"a.handler.ns"}) is None


def test_run_time_names_are_those_of_istio() -> None:
    assert handler_name("h", "handler", "ns") == "h.ns"
    assert handler_name("h", "denier", "ns") == "h.denier.ns"
    assert short_name("requestcount.quota.ns") == "requestcount"
