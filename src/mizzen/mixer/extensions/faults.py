"""What is wrong with adapters and templates, before a configuration uses them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from pydantic import BaseModel

from mizzen.config.errors import ConfigError
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.extensions.objects import Defined
from mizzen.mixer.runtime.inventory import GENERIC_KINDS, PROXY_KINDS
from mizzen.mixer.templates import Template, Variety

_NAME = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
_METHODS: Mapping[Variety, str] = {
    Variety.CHECK: "check",
    Variety.CHECK_WITH_OUTPUT: "check",
    Variety.QUOTA: "quota",
    Variety.REPORT: "report",
    Variety.ATTRIBUTE_GENERATOR: "generate",
}


def faults_of(defined: Defined, templates: Mapping[str, Template], taken: Collection[str]) -> list[ConfigError]:
    """Every fault of one object. `templates` are all that are known, `taken` the names it cannot have."""
    name = defined.name
    if not _NAME.fullmatch(name):
        accepted = "a name such as badge-check: small letters, digits, '-' and '_'"
        return [defined.fault(f"has the name {name!r}" if name else "has no name", accepted)]
    if name in taken or name in GENERIC_KINDS or name.lower() in {kind.lower() for kind in PROXY_KINDS}:
        return [defined.fault(f"has the name {name!r}, which is taken", "a name of its own")]
    extension = defined.extension
    return [] if isinstance(extension, Template) else _faults_of_adapter(defined, extension, templates)


def _faults_of_adapter(
    defined: Defined, adapter: type[Adapter], templates: Mapping[str, Template]
) -> list[ConfigError]:
    faults = []
    given: object = getattr(adapter, "templates", frozenset())
    known = ", ".join(sorted(templates))
    if isinstance(given, str) or not isinstance(given, Collection) or not given:
        return [defined.fault("has no templates", f"templates = frozenset([…]) of {known}")]
    for name in sorted(map(str, given)):
        if name not in templates:
            faults.append(defined.fault(f"is for template {name!r}, which is not known", known))
            continue
        method = _METHODS[templates[name].variety]
        if getattr(adapter, method) is getattr(Adapter, method):
            faults.append(
                defined.fault(f"is for template {name!r} but has no method {method}", f"def {method}(self, …)")
            )
    params: object = adapter.Params
    if not (isinstance(params, type) and issubclass(params, BaseModel)):
        faults.append(defined.fault("has Params that are no pydantic model", "class Params(mizzen.sdk.Params)"))
    return faults
