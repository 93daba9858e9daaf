"""Roles and bindings, and the decision they make. Pure.

The meaning is that of Istio's RBAC v1alpha1 (ServiceRole, ServiceRoleBinding), except that *everything* a subject names
must fit: there, a user that fitted made the properties irrelevant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from mizzen.config import SpecModel, invalid
from mizzen.mixer.adapters.texts import stringify
from mizzen.mixer.templates import Action, Subject


class Constraint(SpecModel):
    """The action's property `key` must have one of the values."""

    key: str = Field(min_length=1)
    values: tuple[str, ...] = Field(min_length=1)


class AccessRule(SpecModel):
    """What may be done. Texts may be `*`, begin or end with `*`; no paths or methods means any."""

    services: tuple[str, ...] = Field(min_length=1)
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()


class ServiceRole(SpecModel):
    """Kind `ServiceRole`."""

    rules: tuple[AccessRule, ...] = Field(min_length=1)


class BoundSubject(SpecModel):
    """Who: a user (`*` for anyone), a group, properties; all that are given must fit."""

    user: str = ""
    group: str = ""
    properties: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_someone(self) -> BoundSubject:
        if not (self.user or self.group or self.properties):
            raise invalid("names nobody", "user, group or properties; user: '*' for anyone")
        return self


class RoleRef(SpecModel):
    kind: Literal["ServiceRole"] = "ServiceRole"
    name: str = Field(min_length=1)


class ServiceRoleBinding(SpecModel):
    """Kind `ServiceRoleBinding`; the role is one of its own namespace."""

    subjects: tuple[BoundSubject, ...] = Field(min_length=1)
    role_ref: RoleRef


@dataclass(frozen=True)
class Policies:
    """Roles by namespace and name, and the subjects bound to each."""

    roles: Mapping[str, Mapping[str, ServiceRole]] = field(default_factory=dict)
    subjects: Mapping[tuple[str, str], Sequence[BoundSubject]] = field(default_factory=dict)

    def allow(self, subject: Subject, action: Action) -> bool:
        """Whether some role of the action's namespace permits it and is bound to the subject."""
        for name, role in self.roles.get(action.namespace, {}).items():
            bound = self.subjects.get((action.namespace, name), ())
            if any(_permits(rule, action) for rule in role.rules) and any(_fits(one, subject) for one in bound):
                return True
        return False


def _permits(rule: AccessRule, action: Action) -> bool:
    return (
        _any_matches(rule.services, action.service)
        and (not rule.paths or _any_matches(rule.paths, action.path))
        and (not rule.methods or _any_matches(rule.methods, action.method))
        and all(_holds(constraint, action) for constraint in rule.constraints)
    )


def _holds(constraint: Constraint, action: Action) -> bool:
    value = action.properties.get(constraint.key)
    return value is not None and _any_matches(constraint.values, stringify(value))


def _fits(bound: BoundSubject, subject: Subject) -> bool:
    return (
        bound.user in ("", "*", subject.user)
        and bound.group in ("", subject.groups)
        and all(_has(subject, name, text) for name, text in bound.properties.items())
    )


def _has(subject: Subject, name: str, text: str) -> bool:
    value = subject.properties.get(name)
    return value is not None and stringify(value) == text


def _any_matches(patterns: Sequence[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def matches(pattern: str, text: str) -> bool:
    """`*` matches everything, `a*` what begins with a, `*a` what ends with it; anything else itself."""
    if pattern == "*":
        return True
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return pattern == text
