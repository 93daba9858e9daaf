"""From parameters to metric definitions: names, defaults, bounds; and everything that can be wrong about them."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Mapping

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.adapters.prometheus.family import Definition
from mizzen.mixer.adapters.prometheus.params import DEFAULT_BOUNDS, Kind, MetricParams, PrometheusParams
from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import InstanceTypes, Problem

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_REPLACED = str.maketrans({"/": "_", ".": "_", " ": "_", "-": None})
_NUMERIC = frozenset([ValueType.INT64, ValueType.DOUBLE, ValueType.DURATION, ValueType.STRING])


def sanitise(name: str) -> str:
    """One leading `/` is dropped, `-` is dropped, and `/`, `.` and blanks become `_`."""
    return name.removeprefix("/").translate(_REPLACED)


def definition_of(metric: MetricParams) -> Definition:
    """The definition with all defaults filled in."""
    name = metric.name or metric.instance_name
    namespace = metric.namespace or "istio"
    bounds: tuple[float, ...] = ()
    if metric.kind is Kind.DISTRIBUTION:
        bounds = tuple(map(float, metric.buckets.upper_bounds())) if metric.buckets else DEFAULT_BOUNDS
        if bounds[-1] == math.inf:  # the bucket of +Inf is always there
            bounds = bounds[:-1]
    return Definition(
        name=f"{sanitise(namespace)}_{sanitise(name)}",
        kind=metric.kind,
        description=metric.description or name,
        label_names=tuple(sorted(sanitise(label) for label in metric.label_names)),
        bounds=bounds,
    )


def problems_of(params: PrometheusParams, instances: Mapping[str, InstanceTypes]) -> Iterator[Problem]:
    """All problems of the parameters, alone and together with the instances that are sent to the handler."""
    seen: dict[str, Definition] = {}
    fed: set[str] = set()
    for index, metric in enumerate(params.metrics):
        place = ("metrics", index)
        if metric.instance_name in fed:
            yield Problem((*place, "instance_name"), metric.instance_name, "has a metric already", "one per instance")
        fed.add(metric.instance_name)
        yield from _problems_of_metric(metric, place)
        definition = definition_of(metric)
        other = seen.setdefault(definition.name, definition)
        if other != definition:
            reason = "is defined before with another kind, description, labels or buckets"
            yield Problem((*place, "name"), definition.name, reason, "equal definitions, or another name")
        if metric.instance_name in instances:
            yield from _problems_of_instance(metric, definition, instances[metric.instance_name], place)
    for name in sorted(set(instances) - fed):
        close = difflib.get_close_matches(name, fed, 1)
        hint = f"; is the entry for {close[0]} meant for it?" if close else ""
        reason = f"has no entry for the instance {name}, which a rule sends here{hint}"
        yield Problem(("metrics",), NO_VALUE, reason, f"an entry with instance_name {name}")


def _problems_of_metric(metric: MetricParams, place: tuple[str, int]) -> Iterator[Problem]:
    definition = definition_of(metric)
    if metric.kind is Kind.UNSPECIFIED:
        yield Problem((*place, "kind"), NO_VALUE, "is not given", "GAUGE, COUNTER or DISTRIBUTION")
    if not _METRIC_NAME.fullmatch(definition.name):
        field = "name" if metric.name else "instance_name"
        yield Problem((*place, field), definition.name, "is not a metric name", "letters, digits, _ and :")
    if metric.buckets and metric.kind is not Kind.DISTRIBUTION:
        yield Problem((*place, "buckets"), NO_VALUE, "is only for a DISTRIBUTION", "no buckets, or kind DISTRIBUTION")
    if not _rising(definition.bounds):
        yield Problem((*place, "buckets"), list(definition.bounds), "do not rise", "finite bounds, each above the last")
    yield from _problems_of_exemplars(metric, definition, place)
    names: set[str] = set()
    for index, label in enumerate(metric.label_names):
        name = sanitise(label)
        path = (*place, "label_names", index)
        reserved = name == "le" and metric.kind is Kind.DISTRIBUTION
        if reserved or not _LABEL_NAME.fullmatch(name):
            yield Problem(path, label, "is not a label name", "letters, digits and _; not le for a DISTRIBUTION")
        if name in names:
            yield Problem(path, label, "is given twice", "each label once")
        names.add(name)


def _problems_of_exemplars(metric: MetricParams, definition: Definition, place: tuple[str, int]) -> Iterator[Problem]:
    counts = metric.kind is Kind.COUNTER and definition.name.endswith("_total")
    if metric.exemplar_labels and not counts and metric.kind is not Kind.DISTRIBUTION:
        reason = "are not for this metric"
        accepted = "a DISTRIBUTION, or a COUNTER whose name ends in _total"
        yield Problem((*place, "exemplar_labels"), dict(metric.exemplar_labels), reason, accepted)
    for label in metric.exemplar_labels:
        if not _LABEL_NAME.fullmatch(label):
            yield Problem((*place, "exemplar_labels"), label, "is not a label name", "letters, digits and _")


def _rising(bounds: tuple[float, ...]) -> bool:
    finite = all(math.isfinite(bound) for bound in bounds)
    return finite and all(low < high for low, high in itertools.pairwise(bounds))


def _problems_of_instance(
    metric: MetricParams, definition: Definition, types: InstanceTypes, place: tuple[str, int]
) -> Iterator[Problem]:
    known = types.maps.get("dimensions", {})
    for label, dimension in metric.exemplar_labels.items():
        if dimension not in known:
            reason = f"is no dimension of {metric.instance_name}"
            accepted = ", ".join(sorted(known)) or "no dimensions"
            yield Problem((*place, "exemplar_labels", label), dimension, reason, accepted)
    others = set(known) - set(metric.exemplar_labels.values())
    dimensions = {sanitise(name) for name in others}
    mismatch = label_mismatch(definition, dimensions)
    if mismatch:
        reason = f"do not match the dimensions of {metric.instance_name}: {mismatch}"
        yield Problem((*place, "label_names"), list(metric.label_names), reason, "exactly the names of the dimensions")
    value_type = types.values.get("value", ValueType.UNSPECIFIED)
    if value_type not in _NUMERIC:
        reason = f"has a value of type {value_type}, which is no number"
        accepted = "a value of type INT64, DOUBLE, DURATION or a numeric STRING"
        yield Problem((*place, "instance_name"), metric.instance_name, reason, accepted)


def label_mismatch(definition: Definition, dimensions: set[str]) -> str:
    """How the names differ, for messages; empty if they are the same."""
    missing = sorted(set(definition.label_names) - dimensions)
    surplus = sorted(dimensions - set(definition.label_names))
    parts = [f"no dimension {', '.join(missing)}"] if missing else []
    parts += [f"no label {', '.join(surplus)}"] if surplus else []
    return "; ".join(parts)
