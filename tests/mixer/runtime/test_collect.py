from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.mixer.adapters import Adapter, InstanceGroup
from mizzen.mixer.adapters.prometheus import PrometheusAdapter
from mizzen.mixer.expr import Value
from mizzen.mixer.runtime.routing import NamespaceRoutes
from mizzen.mixer.templates import Instance
from mizzen.wire import Duration

from .stage import ScriptedAdapter, Stage

CONFIG = """
kind: handler
metadata: {name: p}
spec:
  compiledAdapter: prometheus
  params:
    metrics:
    - {instance_name: requests.instance.istio-system, kind: COUNTER, label_names: [app, code]}
    - {instance_name: bytes.instance.istio-system, kind: COUNTER, label_names: [code]}
    - {instance_name: last.instance.istio-system, kind: GAUGE, label_names: [app]}
    - instance_name: duration.instance.istio-system
      kind: DISTRIBUTION
      label_names: [app, code]
      buckets: {explicit_buckets: {bounds: [0.001, 1, 1000]}}
    - instance_name: size.instance.istio-system
      kind: DISTRIBUTION
      label_names: [user]
      buckets: {explicit_buckets: {bounds: [10, 100]}}
    - {instance_name: total.instance.istio-system, kind: COUNTER, label_names: []}
    - {instance_name: own.instance.shop, kind: COUNTER, label_names: [app]}
---
kind: scripted
metadata: {name: log}
---
kind: instance
metadata: {name: requests}
spec:
  compiledTemplate: metric
  params: {value: "1", dimensions: {app: 'destination.labels["app"] | "none"', code: response.code}}
---
kind: instance
metadata: {name: bytes}
spec: {compiledTemplate: metric, params: {value: request.size | 0, dimensions: {code: response.code | 0}}}
---
kind: instance
metadata: {name: last}
spec: {compiledTemplate: metric, params: {value: request.size | 0, dimensions: {app: 'destination.labels["app"]'}}}
---
kind: instance
metadata: {name: duration}
spec:
  compiledTemplate: metric
  params:
    value: response.duration | "0ms"
    dimensions: {app: 'destination.labels["app"] | "none"', code: response.code | 200}
---
kind: instance
metadata: {name: size}
spec: {compiledTemplate: metric, params: {value: response.size, dimensions: {user: source.user | "?"}}}
---
kind: instance
metadata: {name: total}
spec: {compiledTemplate: metric, params: {value: response.size + request.size}}
---
kind: instance
metadata: {name: own, namespace: shop}
spec: {compiledTemplate: metric, params: {value: response.code, dimensions: {app: source.user | "-"}}}
---
kind: metric
metadata: {name: entry}
spec: {value: request.size | 7, dimensions: {user: source.user}}
---
kind: rule
metadata: {name: all}
spec:
  actions:
  - {handler: p, instances: [requests, bytes, last, duration, total]}
  - {handler: log.scripted, instances: [entry.metric]}
---
kind: rule
metadata: {name: some}
spec:
  match: destination.labels["app"] == "a" || source.user == "alice"
  actions:
  - {handler: p, instances: [size]}
  - {handler: log.scripted, instances: [entry.metric]}
---
kind: rule
metadata: {name: shop, namespace: shop}
spec: {match: response.code != 500, actions: [{handler: p.istio-system, instances: [own]}]}
"""

numbers = st.one_of(
    st.integers(-3, 2000),
    st.just(2**53 + 1),
    st.sampled_from([0.5, -1.5, math.inf, math.nan]),
    st.just("text"),
    st.just(b"bytes"),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "destination.namespace": st.sampled_from(["shop", "other", "istio-system"]),
        "context.reporter.kind": st.sampled_from(["inbound", "outbound", 7]),
        "source.namespace": st.sampled_from(["shop", ""]),
        "destination.labels": st.sampled_from(
            [{"app": "a"}, {"app": "b"}, {"version": "1"}, {"app": "a", "version": "1"}, "no map"]
        ),
        "source.user": st.sampled_from(["alice", "bob", 5]),
        "response.code": st.sampled_from([200, 404, 500, "200"]),
        "request.size": numbers,
        "response.size": numbers,
        "response.duration": st.one_of(st.integers(-(10**9), 10**12).map(Duration), st.just(5)),
    },
)


def staged(*, grouped: bool, config: str = CONFIG) -> Stage:
    stage = Stage()
    assert stage.configure(config) == []
    if not grouped:
        for namespace in ("", "shop"):
            vars(stage.snapshot.routes.of(namespace))["grouping"] = None
    return stage


def samples(stage: Stage) -> Mapping[tuple[Any, ...], float]:
    adapter = stage.snapshot.handlers["p.handler.istio-system"].adapter
    assert isinstance(adapter, PrometheusAdapter)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in adapter.collect()
        for sample in family.samples
    }


def logged(stage: Stage) -> list[list[Instance]]:
    return stage.handler("log.scripted.istio-system").reports


@settings(deadline=None, max_examples=150)
@given(st.lists(records, max_size=12), st.integers(1, 3))
def test_groups_come_to_the_same_as_each_record_by_itself(sent: list[dict[str, Value]], times: int) -> None:
    apart, together = staged(grouped=False), staged(grouped=True)
    report = [record for record in sent for _ in range(times)]
    assert together.report(*report) == apart.report(*report)
    assert logged(together) == logged(apart)
    found, expected = samples(together), samples(apart)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name
    for counter in ("condition_failures_total", "report_bags_total", "report_bag_failures_total"):
        assert together.count(counter) == apart.count(counter)
    dropped = {"handler": "p.handler.istio-system", "reason": "failed"}
    assert together.count("instance_failures_total", variety="report") == apart.count(
        "instance_failures_total", variety="report"
    )
    assert together.count("report_instances_dropped_total", **dropped) == apart.count(
        "report_instances_dropped_total", **dropped
    )


CEL = """
kind: handler
metadata: {name: p}
spec:
  compiledAdapter: prometheus
  params:
    metrics:
    - {instance_name: requests.instance.istio-system, kind: COUNTER, label_names: [app, code]}
    - {instance_name: bytes.instance.istio-system, kind: COUNTER, label_names: [large]}
---
kind: scripted
metadata: {name: log}
---
kind: instance
metadata: {name: requests}
spec:
  language: cel
  compiledTemplate: metric
  params:
    value: "1"
    dimensions:
      app: '"app" in destination.labels ? destination.labels["app"] : "none"'
      code: 'has(response.code) ? response.code : 0'
---
kind: instance
metadata: {name: bytes}
spec:
  language: cel
  compiledTemplate: metric
  params: {value: request.size, dimensions: {large: 'has(response.size) && response.size > 1000'}}
---
kind: metric
metadata: {name: entry}
spec: {value: request.size | 7, dimensions: {user: source.user}}
---
kind: rule
metadata: {name: all}
spec: {actions: [{handler: p, instances: [requests, bytes]}]}
---
kind: rule
metadata: {name: some}
spec:
  language: cel
  match: 'has(source.user) ? source.user == "alice" : request.size > 3'
  actions: [{handler: log.scripted, instances: [entry.metric]}]
"""


@settings(deadline=None, max_examples=100)
@given(st.lists(records, max_size=12), st.integers(1, 3))
def test_groups_by_expressions_in_cel_come_to_the_same_too(sent: list[dict[str, Value]], times: int) -> None:
    apart, together = staged(grouped=False, config=CEL), staged(grouped=True, config=CEL)
    report = [record for record in sent for _ in range(times)]
    assert together.report(*report) == apart.report(*report)
    assert logged(together) == logged(apart)
    assert samples(together) == pytest.approx(samples(apart), nan_ok=True)
    assert together.count("condition_failures_total") == apart.count("condition_failures_total")


def test_metrics_of_a_group_are_built_once() -> None:
    stage = staged(grouped=True)
    routes: NamespaceRoutes = stage.snapshot.routes.of("")
    assert routes.grouping is not None
    assert routes.grouping.plan.values == ["request.size", "response.duration", "response.size"]
    assert ("request.size", None) not in routes.grouping.plan.keys
    grouped = {
        step.instance.key.partition(".")[0]
        for route in routes.report.rules
        for step in route.steps
        if id(step) in routes.grouping.columns
    }
    assert grouped == {"requests", "bytes", "duration", "size"}


def test_a_number_that_a_condition_reads_is_the_same_in_the_whole_group() -> None:
    stage = Stage()
    assert stage.configure(CONFIG.replace('source.user == "alice"', "request.size == 3")) == []
    routes = stage.snapshot.routes.of("")
    assert routes.grouping is not None
    assert ("request.size", None) in routes.grouping.plan.keys
    assert "request.size" not in routes.grouping.plan.values


SAMPLED = """
kind: scripted
metadata: {name: log}
---
kind: metric
metadata: {name: entry}
spec: {value: request.size}
---
kind: rule
metadata: {name: sampled}
spec:
  sampling: {rateLimit: {samplingDuration: 1h, maxUnsampledEntries: 2, samplingRate: 3}}
  actions: [{handler: log.scripted, instances: [entry.metric]}]
"""


def test_a_sample_is_chosen_among_records_not_groups() -> None:
    stage = Stage()
    assert stage.configure(SAMPLED) == []
    assert stage.report(*[{"request.size": size} for size in range(9)]) == ""
    ((*taken,),) = logged(stage)
    assert [instance.value for instance in taken] == [0, 1, 4, 7]  # type: ignore[attr-defined]


GROUPED = """
kind: scripted
metadata: {name: sums}
---
kind: metric
metadata: {name: grouped}
spec: {value: request.size | 0, dimensions: {code: response.code}}
---
kind: metric
metadata: {name: single}
spec: {value: request.size}
---
kind: rule
metadata: {name: all}
spec: {actions: [{handler: sums.scripted, instances: [grouped.metric, single.metric]}]}
"""


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> list[list[InstanceGroup]]:
    """What an adapter that takes groups of one of its two instances gets."""
    taken: list[list[InstanceGroup]] = []

    def takes_groups(adapter: Adapter, instance: str) -> bool:
        if instance.startswith("single"):
            raise RuntimeError("cannot tell")
        return True

    def report_groups(adapter: ScriptedAdapter, groups: list[InstanceGroup]) -> None:
        taken.append(groups)
        if adapter.params.fails:
            raise RuntimeError(adapter.params.fails)

    monkeypatch.setattr(ScriptedAdapter, "takes_groups", takes_groups)
    monkeypatch.setattr(ScriptedAdapter, "report_groups", report_groups)
    return taken


RECORDS = [{"response.code": code, "request.size": size} for code, size in ((200, 1), (404, 2), (200, 3))]


def test_a_handler_gets_groups_and_single_instances_in_one_call(sums: list[list[InstanceGroup]]) -> None:
    stage = Stage()
    assert stage.configure(GROUPED) == []
    assert stage.report(*RECORDS) == ""
    ((*groups,),) = sums
    shown = [(group.instance.name.partition(".")[0], group.count, group.numbers) for group in groups]
    assert shown == [
        ("grouped", 2, [1.0, 3.0]),
        ("single", 1, None),
        ("grouped", 1, [2.0]),
        ("single", 1, None),
        ("single", 1, None),
    ]
    assert stage.handler("sums.scripted.istio-system").reports == []


def test_groups_that_a_handler_does_not_take_count_with_all_their_instances(sums: list[list[InstanceGroup]]) -> None:
    stage = Stage()
    assert stage.configure(GROUPED.replace("{name: sums}", "{name: sums}\nspec: {fails: full}")) == []
    assert stage.report(*RECORDS) == "UNKNOWN: sums.scripted.istio-system: full"
    assert len(sums) == 1
    labels = {"handler": "sums.scripted.istio-system", "reason": "failed"}
    assert stage.count("report_instances_dropped_total", **labels) == 6
