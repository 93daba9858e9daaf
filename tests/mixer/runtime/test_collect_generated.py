"""Groups of records for which attributes are generated."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.mixer.adapters import InstanceGroup
from mizzen.mixer.adapters.prometheus import PrometheusAdapter
from mizzen.mixer.expr import Value

from .stage import ScriptedAdapter, Stage
from .test_collect import logged, samples

CONFIG = """
kind: handler
metadata: {name: p}
spec:
  compiledAdapter: prometheus
  params:
    metrics:
    - {instance_name: requests.instance.istio-system, kind: COUNTER, label_names: [from, to, app]}
    - {instance_name: bytes.instance.istio-system, kind: COUNTER, label_names: [to]}
    - {instance_name: ports.instance.istio-system, kind: COUNTER, label_names: [from]}
    - {instance_name: own.instance.shop, kind: COUNTER, label_names: [app]}
---
kind: handler
metadata: {name: pods}
spec: {compiledAdapter: scripted, params: {looks_up: true}, quarantine: {failures: 0}}
---
kind: scripted
metadata: {name: log}
---
kind: kubernetes
metadata: {name: both}
spec:
  source_uid: source.uid | ""
  destination_uid: destination.uid | "none"
  attribute_bindings:
    source.name: $out.source_pod_name | "nobody"
    source.labels: $out.source_labels | source.metadata | emptyStringMap()
    destination.labels: $out.destination_labels | emptyStringMap()
    destination.port: destination.port | 80
---
kind: kubernetes
metadata: {name: workload}
spec:
  source_uid: source.uid
  attribute_bindings: {source.workload.name: "$out.source_workload_name"}
---
kind: instance
metadata: {name: requests}
spec:
  compiledTemplate: metric
  params:
    value: "1"
    dimensions: {from: source.name, to: destination.workload.name | "?", app: 'source.labels["app"] | "none"'}
---
kind: instance
metadata: {name: bytes}
spec: {compiledTemplate: metric, params: {value: request.size | 0, dimensions: {to: 'destination.labels["app"]'}}}
---
kind: instance
metadata: {name: ports}
spec: {compiledTemplate: metric, params: {value: destination.port, dimensions: {from: source.workload.name | "-"}}}
---
kind: instance
metadata: {name: own, namespace: shop}
spec: {compiledTemplate: metric, params: {value: request.size | 1, dimensions: {app: source.user | "-"}}}
---
kind: metric
metadata: {name: entry}
spec: {value: request.size | 7, dimensions: {from: source.name, to: 'destination.labels["app"]'}}
---
kind: rule
metadata: {name: pods}
spec: {actions: [{handler: pods, instances: [both.kubernetes]}]}
---
kind: rule
metadata: {name: workload}
spec:
  failure_policy: FAIL_OPEN
  match: destination.uid != "skip"
  actions: [{handler: pods, instances: [workload.kubernetes]}]
---
kind: rule
metadata: {name: all}
spec: {actions: [{handler: p, instances: [requests, bytes, ports]}]}
---
kind: rule
metadata: {name: entries}
spec:
  match: source.name == "a" || destination.labels["app"] == "b"
  actions: [{handler: log.scripted, instances: [entry.metric]}]
---
kind: rule
metadata: {name: shop, namespace: shop}
spec: {match: 'source.labels["app"] != "a"', actions: [{handler: p.istio-system, instances: [own]}]}
"""
SAMPLED = """---
kind: rule
metadata: {name: sampled}
spec:
  match: source.name != "b"
  sampling: {rateLimit: {samplingDuration: 1h, maxUnsampledEntries: 2, samplingRate: 3}}
  actions: [{handler: log.scripted, instances: [entry.metric]}]
"""
PODS = "pods.handler.istio-system"

_uids = st.sampled_from(["a-1", "a-2", "b-1", "unknown", "bad", "skip", 7])
_records = st.fixed_dictionaries(
    {},
    optional={
        "destination.namespace": st.sampled_from(["shop", "other"]),
        "source.uid": _uids,
        "destination.uid": _uids,
        "source.name": st.sampled_from(["given", 7]),
        "source.labels": st.sampled_from([{"app": "own"}, {}, "no map"]),
        "source.metadata": st.sampled_from([{"app": "m"}, {"app": "a"}]),
        "source.user": st.sampled_from(["alice", "bob"]),
        "source.workload.name": st.sampled_from(["w", 7]),
        "destination.port": st.sampled_from([80, 443, "80"]),
        "destination.workload.name": st.sampled_from(["v1", "v2"]),
        "request.size": st.one_of(st.integers(0, 9), st.just("big")),
    },
)


def staged(config: str, *, grouped: bool) -> Stage:
    stage = Stage()
    assert stage.configure(config) == []
    for namespace in ("", "shop"):
        routes = stage.snapshot.routes.of(namespace)
        assert routes.grouping is not None
        if not grouped:
            vars(routes)["grouping"] = None
    return stage


def pods(stage: Stage) -> ScriptedAdapter:
    return stage.handler(PODS)


@settings(deadline=None, max_examples=150)
@given(st.lists(_records, max_size=12), st.integers(1, 3), st.booleans())
def test_groups_with_generated_attributes_come_to_the_same_as_each_record_by_itself(
    sent: list[dict[str, Value]], times: int, sampled: bool
) -> None:
    config = CONFIG + SAMPLED if sampled else CONFIG
    apart, together = staged(config, grouped=False), staged(config, grouped=True)
    report = [record for record in sent for _ in range(times)]
    assert together.report(*report) == apart.report(*report)
    assert logged(together) == logged(apart)
    found, expected = samples(together), samples(apart)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name
    for counter in ("condition_failures_total", "report_bags_total", "report_bag_failures_total"):
        assert together.count(counter) == apart.count(counter), counter
    policy = {"policy": "FAIL_OPEN"}
    assert together.count("failures_passed_over_total", **policy) == apart.count("failures_passed_over_total", **policy)
    failed = {"variety": "report"}
    assert together.count("instance_failures_total", **failed) == apart.count("instance_failures_total", **failed)
    assert pods(together).generated <= pods(apart).generated


def test_attributes_are_generated_once_for_all_records_that_agree() -> None:
    stage = staged(CONFIG, grouped=True)
    records = [
        {"source.uid": uid, "destination.uid": "b-1", "request.size": size}
        for size, uid in enumerate(["a-1", "a-2", "a-1", "a-1"])
    ]
    assert stage.report(*records) == ""
    assert pods(stage).generated == 4  # two uids, two instances


def test_records_that_get_the_same_attributes_are_one_group_whatever_they_come_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []
    update = PrometheusAdapter.report_groups

    def report_groups(adapter: PrometheusAdapter, groups: Sequence[InstanceGroup]) -> None:
        taken.extend(group.count for group in groups if group.instance.name.startswith("bytes"))
        update(adapter, groups)

    monkeypatch.setattr(PrometheusAdapter, "report_groups", report_groups)
    stage = staged(CONFIG.replace("$out.source_workload_name", "source.user"), grouped=True)
    sources = ["a-1", "a-2", "b-1"] * 2
    records = [{"source.uid": uid, "source.user": "u", "destination.uid": "b-1"} for uid in sources]
    assert stage.report(*records) == ""
    assert sorted(taken) == [2, 4]


def test_a_generator_that_is_not_deterministic_is_asked_for_each_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedAdapter, "deterministic", False)
    stage = Stage()
    assert stage.configure(CONFIG) == []
    assert stage.snapshot.routes.of("").grouping is None
    assert stage.report(*[{"source.uid": "a-1", "destination.uid": "b-1"}] * 5) == ""
    assert pods(stage).generated == 10


def test_a_generator_of_a_sample_of_requests_makes_no_groups() -> None:
    stage = Stage()
    sampling = "failure_policy: FAIL_OPEN\n  sampling: {random: {percentSampled: {numerator: 50}}}"
    assert stage.configure(CONFIG.replace("failure_policy: FAIL_OPEN", sampling)) == []
    assert stage.snapshot.routes.of("").grouping is None
