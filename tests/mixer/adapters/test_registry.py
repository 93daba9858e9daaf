from __future__ import annotations

import subprocess
import sys

import pytest

from mizzen.mixer.adapters import ADAPTERS, Adapter, AdapterError, Environment
from mizzen.mixer.templates import TEMPLATES, Variety

METHODS = {
    Variety.CHECK: "check",
    Variety.QUOTA: "quota",
    Variety.REPORT: "report",
    Variety.ATTRIBUTE_GENERATOR: "generate",
}


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_an_adapter_implements_the_method_of_each_of_its_templates(adapter: type[Adapter]) -> None:
    assert adapter.templates
    for template in adapter.templates:
        method = METHODS[TEMPLATES[template].variety]
        assert getattr(adapter, method) is not getattr(Adapter, method)


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_params_have_a_schema_for_editors(adapter: type[Adapter]) -> None:
    assert adapter.Params.model_json_schema()["type"] == "object"


def test_list_is_short_for_listchecker() -> None:
    assert ADAPTERS["list"] is ADAPTERS["listchecker"]
    assert {name for name, adapter in ADAPTERS.items() if adapter.name != name} == {"list"}


def test_the_packages_of_extras_are_imported_only_where_they_are_used() -> None:
    extras = ["redis", "opentelemetry", "kubernetes_asyncio", "celpy"]
    program = f"import mizzen.mixer.adapters, sys; sys.exit(any(name in sys.modules for name in {extras}))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("method", ["check", "quota", "report", "report_groups", "generate"])
def test_an_adapter_refuses_what_it_is_not_for(method: str) -> None:
    class Silent(Adapter):
        name = "silent"

    arguments = [None, None] if method == "quota" else [None]
    with pytest.raises(AdapterError, match=r"^adapter silent "):
        getattr(Silent(None, Environment("silent")), method)(*arguments)
