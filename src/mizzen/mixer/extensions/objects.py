"""What a module contributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mizzen.config.errors import ConfigError
from mizzen.config.position import Position
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.templates import Template

Extension: TypeAlias = type[Adapter] | Template


@dataclass(frozen=True)
class Defined:
    """One adapter or template and where it is defined; `origin` is how messages call that place's owner."""

    extension: Extension
    origin: str
    position: Position | None = None

    @property
    def name(self) -> str:
        return str(getattr(self.extension, "name", ""))

    def fault(self, reason: str, accepted: str = "") -> ConfigError:
        extension = self.extension
        what = "template" if isinstance(extension, Template) else f"adapter {extension.__name__}"
        return ConfigError(reason, position=self.position, resource=self.origin, field=what, accepted=accepted)


@dataclass(frozen=True)
class Loaded:
    """The outcome of loading: objects or a fault."""

    objects: tuple[Defined, ...] = ()
    error: ConfigError | None = None


def is_adapter(extension: object) -> bool:
    """Whether it is an adapter class that is meant to be used: one whose name has no underscore in front."""
    if not (isinstance(extension, type) and issubclass(extension, Adapter)):
        return False
    return not extension.__name__.startswith("_")
