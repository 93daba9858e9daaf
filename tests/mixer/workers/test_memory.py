from __future__ import annotations

from mizzen.config import parse_documents, read_resources
from mizzen.mixer.adapters import ADAPTERS
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.runtime import Inventory, RuntimeMetrics, Snapshot
from mizzen.mixer.workers.memory import refusals, without_local_counts

QUOTA = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.memquota, instances: [q.quota]}]}}
---
{kind: memquota, metadata: {name: h}, spec: {quotas: [{name: q.quota.istio-system, max_amount: 5, valid_duration: 1s}]}}
---
{kind: quota, metadata: {name: q}}
"""


def test_memquota_is_refused_and_nothing_else() -> None:
    inventory = without_local_counts(Inventory())
    changed = {name for name, adapter in inventory.adapters.items() if adapter is not ADAPTERS[name]}
    assert changed == {"memquota"}
    assert inventory == without_local_counts(Inventory())
    assert issubclass(inventory.adapters["memquota"], MemQuotaAdapter)


def test_the_refusal_is_a_fault_of_the_handler_with_its_place() -> None:
    documents, _ = parse_documents(QUOTA, "f.yaml")
    resources = {one.key: one for one in read_resources(documents)[0]}
    inventory = without_local_counts(Inventory())
    snapshot = Snapshot.build(resources, metrics=RuntimeMetrics(), inventory=inventory)
    (found,) = refusals(snapshot.errors)
    assert str(found).startswith("f.yaml:3:")
    assert found.resource == "h.memquota.istio-system"
    assert snapshot.handlers == {}
