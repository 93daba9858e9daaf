"""The policies that resources make, with the last good version of each resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mizzen.config import ConfigError, Resource, SpecModel, decode_spec
from mizzen.mixer.adapters.rbac.policies import BoundSubject, Policies, ServiceRole, ServiceRoleBinding

KINDS: Mapping[str, type[SpecModel]] = {"ServiceRole": ServiceRole, "ServiceRoleBinding": ServiceRoleBinding}


@dataclass(frozen=True)
class _Entry:
    """A resource as it is now, its faults, and what is in force of it."""

    resource: Resource
    faults: tuple[ConfigError, ...]
    spec: SpecModel | None


class PolicyState:
    """One thread changes it; `policies` and `errors` may be read by any.

    `tell` gets each fault, when the faults are others than before.
    """

    def __init__(self, tell: Callable[[ConfigError], None]) -> None:
        self._tell = tell
        self._entries: dict[str, _Entry] = {}
        self.policies = Policies()
        self.errors: Sequence[ConfigError] = ()

    def take(self, resources: Mapping[str, Resource], errors: Iterable[ConfigError] = ()) -> None:
        """`resources` by key are all there are, `errors` are the faults already known. A resource that is faulty now
        keeps its last good version; only those that changed are read."""
        self._entries = {key: self._read(self._entries.get(key), resource) for key, resource in resources.items()}
        self.policies = _policies(self._entries.values())
        before = self.errors
        self.errors = (*errors, *(fault for entry in self._entries.values() for fault in entry.faults))
        if self.errors != before:
            for error in self.errors:
                self._tell(error)

    def _read(self, before: _Entry | None, resource: Resource) -> _Entry:
        if before and before.resource == resource and before.resource.position == resource.position:
            return before
        model = KINDS.get(resource.kind)
        if model is None:
            fault = resource.error(("kind",), "is of no use to rbac", value=resource.kind, accepted=" or ".join(KINDS))
            return _Entry(resource, (fault,), None)
        spec, faults = decode_spec(model, resource.spec, resource)
        return _Entry(resource, tuple(faults), spec or (before.spec if before else None))


def _policies(entries: Iterable[_Entry]) -> Policies:
    roles: dict[str, dict[str, ServiceRole]] = {}
    subjects: dict[tuple[str, str], list[BoundSubject]] = {}
    for entry in entries:
        resource, spec = entry.resource, entry.spec
        if isinstance(spec, ServiceRole):
            roles.setdefault(resource.namespace, {})[resource.name] = spec
        elif isinstance(spec, ServiceRoleBinding):
            subjects.setdefault((resource.namespace, spec.role_ref.name), []).extend(spec.subjects)
    return Policies(roles, subjects)
