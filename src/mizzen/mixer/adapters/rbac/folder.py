"""Roles and bindings from a folder of YAML, with the last good version of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mizzen.config import ConfigError, FileStore, Resource, SpecModel, decode_spec
from mizzen.mixer.adapters.rbac.policies import BoundSubject, Policies, ServiceRole, ServiceRoleBinding

_KINDS: Mapping[str, type[SpecModel]] = {"ServiceRole": ServiceRole, "ServiceRoleBinding": ServiceRoleBinding}


class PolicyFolder:
    """Follows one folder. Not for use from several threads at once; `policies` may be read by any."""

    def __init__(self, path: Path) -> None:
        self._store = FileStore(path, default_namespace="default")
        self._specs: dict[str, tuple[Resource, SpecModel]] = {}
        self.policies = Policies()
        self.errors: Sequence[ConfigError] = ()

    def load(self) -> bool:
        """Reads the folder; whether the faults changed. Raises OSError when the folder cannot be read."""
        before = self._store.state
        state = self._store.load()
        if state == before:
            return False
        errors = list(state.errors)
        specs = {}
        for key, resource in state.resources.items():
            model = _KINDS.get(resource.kind)
            if model is None:
                errors.append(resource.error(("kind",), "is of no use to rbac", accepted=" or ".join(_KINDS)))
                continue
            spec, faults = decode_spec(model, resource.spec, resource)
            errors += faults
            if spec is not None:
                specs[key] = (resource, spec)
            elif key in self._specs:
                specs[key] = self._specs[key]
        changed = tuple(errors) != self.errors
        self._specs = specs
        self.errors = tuple(errors)
        self.policies = _policies(specs.values())
        return changed


def _policies(specs: Iterable[tuple[Resource, SpecModel]]) -> Policies:
    roles: dict[str, dict[str, ServiceRole]] = {}
    subjects: dict[tuple[str, str], list[BoundSubject]] = {}
    for resource, spec in specs:
        if isinstance(spec, ServiceRole):
            roles.setdefault(resource.namespace, {})[resource.name] = spec
        elif isinstance(spec, ServiceRoleBinding):
            subjects.setdefault((resource.namespace, spec.role_ref.name), []).extend(spec.subjects)
    return Policies(roles, subjects)
