"""Adapters whose packages are an extra say so when it is not installed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mizzen.mixer.adapters import ADAPTERS, AdapterError
from mizzen.mixer.adapters.testing import AdapterBench


@pytest.mark.parametrize(
    ("adapter", "module", "extra", "params"),
    [
        ("kubernetesenv", "mizzen.mixer.adapters.kubernetesenv.clusters", "kubernetes", {}),
        ("opa", "mizzen.mixer.adapters.opa.compiled", "opa", {"check_method": "data.a", "bundle": "b.tar.gz"}),
        ("otlp", "mizzen.mixer.adapters.otlp.pipelines", "otlp", {}),
    ],
)
def test_a_missing_extra_is_named(
    adapter: str, module: str, extra: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AdapterError, match=rf"^{adapter} needs .*: pip install 'mizzen\[{extra}\]'$"):
        AdapterBench().build(ADAPTERS[adapter], params)
