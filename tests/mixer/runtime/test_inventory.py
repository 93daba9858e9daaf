"""Which resources are the Mixer's own."""

from __future__ import annotations

import pytest

from mizzen.config.resource import Resource
from mizzen.mixer.runtime.inventory import Inventory


def resource(kind: str, api_version: str) -> Resource:
    return Resource(kind=kind, name="a", namespace="n", spec={}, api_version=api_version)


@pytest.mark.parametrize("api_version", ["config.istio.io/v1alpha2", "", "v1", "config.istio.op/v1alpha2"])
@pytest.mark.parametrize("kind", ["rule", "handler", "denier", "metric"])
def test_a_kind_of_the_mixer_is_its_own_whatever_the_api_version(kind: str, api_version: str) -> None:
    assert not Inventory().is_for_others(resource(kind, api_version))


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [("VirtualService", "networking.istio.io/v1"), ("Service", "v1"), ("QuotaSpec", "config.istio.io/v1alpha2")],
)
def test_kinds_of_others_are_left_alone(kind: str, api_version: str) -> None:
    assert Inventory().is_for_others(resource(kind, api_version))


def test_an_unknown_kind_of_the_mixers_group_is_a_fault_of_its_author() -> None:
    assert not Inventory().is_for_others(resource("ruel", "config.istio.io/v1alpha2"))
    assert "rule" in Inventory().nearest_kind("ruel")
