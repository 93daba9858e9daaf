"""Adapters and templates of installed packages: entry points of the groups `mizzen.adapters` and `mizzen.templates`.

The value of an entry point is an adapter class, a template, or a module with such.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from mizzen.config.errors import ConfigError
from mizzen.mixer.calling import described
from mizzen.mixer.calling.threads import run_within
from mizzen.mixer.extensions.objects import Defined, is_adapter
from mizzen.mixer.templates import Template

GROUPS = ("mizzen.adapters", "mizzen.templates")
_LOAD_SECONDS = 30.0


def installed() -> Sequence[EntryPoint]:
    """The entry points of all installed packages."""
    return [point for group in GROUPS for point in entry_points(group=group)]


def load_entry_points(points: Iterable[EntryPoint]) -> tuple[list[Defined], list[ConfigError]]:
    """What they define. One that cannot be loaded is an error and the others are loaded."""
    found: list[Defined] = []
    errors: list[ConfigError] = []
    for point in points:
        package = point.dist.name if point.dist else "a package"
        origin = f"entry point {point.name} of {package}"
        try:
            value = run_within(_LOAD_SECONDS, point.load, origin)
        except BaseException as error:  # also SystemExit: a package must not end the Mixer
            errors.append(ConfigError(f"cannot be loaded: {type(error).__name__}: {described(error)}", resource=origin))
            continue
        objects = [Defined(value, origin)] if _is_extension(value) else _in_module(value, origin)
        if not objects:
            reason = f"{point.value} is no adapter and no template"
            accepted = "a subclass of mizzen.sdk.Adapter, a mizzen.sdk.Template, or a module with such"
            errors.append(ConfigError(reason, resource=origin, accepted=accepted))
        found += objects
    return list({id(defined.extension): defined for defined in found}.values()), errors


def _is_extension(value: object) -> bool:
    return isinstance(value, Template) or is_adapter(value)


def _in_module(value: object, origin: str) -> list[Defined]:
    if not isinstance(value, types.ModuleType):
        return []
    prefix = value.__name__.split(".")[0]
    own = [item for item in vars(value).values() if _is_extension(item) and _home(item).split(".")[0] == prefix]
    return [Defined(item, origin) for item in own]


def _home(item: object) -> str:
    return str((item.instance_type if isinstance(item, Template) else item).__module__)
