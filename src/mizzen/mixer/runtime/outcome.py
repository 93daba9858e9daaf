"""What became of each resource, kept from snapshot to snapshot so that what did not change is not compiled again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from mizzen.config.errors import ConfigError
from mizzen.config.resource import Resource
from mizzen.mixer.expr import BUILTIN, Vocabulary
from mizzen.mixer.runtime.inventory import Inventory

Output = TypeVar("Output")
Attempt: TypeAlias = tuple[Output | None, Sequence[ConfigError]]
"""What compiling one version of a resource gives: as much as is in order, and every fault."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Output]):
    """What became of one resource.

    `good` is its last version that compiled without a fault; `is_kept` says that it is in force in place of the newest
    one. `is_left_out` says that the newest one is not in force, or only in part, and nothing is in its place.
    """

    resource: Resource
    output: Output | None
    faults: tuple[ConfigError, ...] = ()
    good: Resource | None = None
    is_kept: bool = False
    is_left_out: bool = False

    def at(self, resource: Resource) -> Outcome[Output]:
        """The outcome of an equal resource that may stand elsewhere. The output may still know the earlier place."""
        if resource is self.resource:
            return self
        good = self.good if self.faults else resource
        return Outcome(resource, self.output, self.faults, good, self.is_kept, self.is_left_out)


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of one compilation by key of resource, for each role, and what all of them depended on."""

    manifests: Mapping[str, Outcome[Any]] = field(default_factory=dict)
    handlers: Mapping[str, Outcome[Any]] = field(default_factory=dict)
    instances: Mapping[str, Outcome[Any]] = field(default_factory=dict)
    rules: Mapping[str, Outcome[Any]] = field(default_factory=dict)
    inventory: Inventory = field(default_factory=Inventory)
    vocabulary: Vocabulary = BUILTIN
