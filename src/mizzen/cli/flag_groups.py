"""Flags in groups: a verb takes dataclasses whose fields are flags, so that several verbs share them as a whole."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def takes_flag_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """Typer sees a flag for each field of the dataclasses among the parameters; the verb gets them filled in.

    Fields are declared as parameters are, with `Annotated[..., typer.Option(...)]` and a default.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    def flags() -> Iterator[inspect.Parameter]:
        for parameter in inspect.signature(verb).parameters.values():
            if parameter.name in groups:
                yield from flags_of(groups[parameter.name])
            else:
                yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])

    @functools.wraps(verb)
    def taking_flags(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        verb(**values)

    signature = inspect.Signature(list(flags()))
    taking_flags.__signature__ = signature  # type: ignore[attr-defined]
    taking_flags.__annotations__ = {name: flag.annotation for name, flag in signature.parameters.items()}
    return taking_flags


def flags_of(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        kind = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(field.name, kind, default=default, annotation=hints[field.name])
