"""The base of every adapter: what one must say about itself and which methods it offers."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry

from mizzen.config import SpecModel
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.groups import InstanceGroup
from mizzen.mixer.adapters.results import AdapterError, CheckResult, QuotaArguments, QuotaResult
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import InstanceTypes, Problem

Answered = TypeVar("Answered")
Answer: TypeAlias = Answered | Awaitable[Answered]
"""A method of an adapter may be plain or `async`."""


class NoParams(SpecModel):
    """The parameters of an adapter that has none."""


class Adapter:
    """Code that implements one or more templates. An object of it, built from parameters, is a *handler*.

    Methods are called from several threads at the same time and must be quick; one that waits for a network belongs to
    an adapter with `blocking = True` (called on a pool of threads) or is written with `async def`. An exception fails
    the call it was raised in and is counted; the handler stays. Methods annotate the instances of their own templates,
    therefore they are `Any` here.

    Of `check`, `quota`, `report` and `generate` an adapter has those that the varieties of its templates need: one that
    is missing is found when the adapter is loaded. The ones here refuse.
    """

    name: ClassVar[str]
    templates: ClassVar[frozenset[str]]
    Params: ClassVar[type[SpecModel]] = NoParams
    blocking: ClassVar[bool] = False
    """Whether the plain methods may wait for a network or a disk."""
    deterministic: ClassVar[bool] = False
    """Whether `generate` gives the same outputs for equal instances, as long as nothing outside has changed: records of
    one Report that have equal instances then share one call."""

    registry: CollectorRegistry | None = None
    """Set in `__init__` by an adapter that has metrics for the Mixer's `/metrics`; shown while the handler lives."""

    def __init__(self, params: Any, environment: Environment) -> None:
        """Builds the handler; an exception means that it cannot be built and its predecessor stays."""
        self.environment = environment

    @classmethod
    def validate(cls, params: Any, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        """What is wrong with `params` beyond their own types, given the instances that rules send here.

        Touches nothing outside the process. A handler with problems is not built.
        """
        return ()

    def check(self, instance: Any) -> Answer[CheckResult]:
        """Decides on an instance of a CHECK template."""
        raise AdapterError(f"adapter {self.name} does not check")

    def quota(self, instance: Any, arguments: QuotaArguments) -> Answer[QuotaResult]:
        """Takes from (or gives back to) the quota of an instance of a QUOTA template."""
        raise AdapterError(f"adapter {self.name} has no quotas")

    def report(self, instances: Sequence[Any]) -> Answer[None]:
        """Takes all instances of one REPORT template that one call produced.

        One bad instance does not keep the others from being taken: `PartialReportError` is raised at the end.
        """
        raise AdapterError(f"adapter {self.name} takes no reports")

    def takes_groups(self, instance: str) -> bool:
        """Whether instances of this name may come in groups, where neither their order nor each one by itself matters.

        All instances of the template then go to `report_groups` instead of `report`, the others in groups of one.
        """
        return False

    def report_groups(self, groups: Sequence[InstanceGroup]) -> Answer[None]:
        """As `report`, with equal instances taken together: must come to the same as each of them alone."""
        raise AdapterError(f"adapter {self.name} takes no groups")

    def generate(self, instance: Any) -> Answer[Mapping[str, Value]]:
        """The outputs of an instance of an ATTRIBUTE_GENERATOR template; names that are left out stay unset."""
        raise AdapterError(f"adapter {self.name} generates no attributes")

    def close(self) -> Answer[None]:
        """Flushes and releases what the handler holds. No call is under way and none follows."""
