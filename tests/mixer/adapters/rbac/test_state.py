from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mizzen.config import ConfigError, Resource
from mizzen.mixer.adapters.rbac.state import PolicyState
from mizzen.mixer.templates import Action, Subject

ANN = Subject("ann")
GET = Action(namespace="shop", service="cart", path="/", method="GET")


def role(method: str, **wrong: Any) -> Resource:
    return Resource("ServiceRole", "viewer", "shop", {"rules": [{"services": ["cart"], "methods": [method], **wrong}]})


BINDING = Resource("ServiceRoleBinding", "b", "shop", {"subjects": [{"user": "ann"}], "roleRef": {"name": "viewer"}})


def taken(state: PolicyState, *resources: Resource) -> bool:
    """Takes the resources; whether ann may GET then."""
    state.take({resource.key: resource for resource in resources})
    return state.policies.allow(ANN, GET)


def test_a_faulty_version_leaves_the_last_good_one_until_the_resource_is_gone() -> None:
    told: list[ConfigError] = []
    state = PolicyState(told.append)
    assert taken(state, role("GET"), BINDING)
    assert taken(state, role("POST", paths="*"), BINDING)
    assert [str(error) for error in told] == [
        'viewer.ServiceRole.shop: spec.rules[0].paths: "*" is not a list; accepted: a list'
    ]
    assert taken(state, role("POST", paths="*"), BINDING)
    assert len(told) == len(state.errors) == 1
    assert not taken(state, BINDING)
    assert state.errors == ()


def test_a_resource_that_was_never_good_permits_nothing() -> None:
    state = PolicyState(lambda _: None)
    assert not taken(state, role("GET", verbs=["GET"]), BINDING)
    assert taken(state, role("GET"), BINDING)


def test_a_resource_that_did_not_change_is_not_read_again() -> None:
    state = PolicyState(lambda _: None)
    taken(state, role("GET"), BINDING)
    before = state.policies.roles["shop"]["viewer"]
    assert taken(state, role("GET"), BINDING)
    assert state.policies.roles["shop"]["viewer"] is before


def test_faults_of_the_store_count_too() -> None:
    state = PolicyState(lambda _: None)
    state.take({}, [ConfigError("cannot be read")])
    assert [str(error) for error in state.errors] == ["cannot be read"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
rule = st.fixed_dictionaries({"services": values}, optional=dict.fromkeys(("paths", "methods", "constraints"), values))
specs = st.fixed_dictionaries({"rules": values | st.lists(rule, max_size=2)}) | st.dictionaries(st.text(), values)


@given(specs)
def test_a_spec_of_any_form_is_in_force_or_a_fault(spec: dict[str, Any]) -> None:
    state = PolicyState(lambda _: None)
    state.take({"r": Resource("ServiceRole", "r", "shop", spec)})
    assert bool(state.errors) != ("shop" in state.policies.roles)
