"""The Rego modules of a handler on an OPA server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mizzen.mixer.adapters.opa.client import Client, PolicyError
from mizzen.mixer.adapters.opa.decider import OpaError

_PACKAGE = re.compile(r'^[ \t]*package[ \t]+((?:[^\s#"]|"(?:[^"\\\n]|\\.)*")+)', re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """How a server comes to have the wanted modules: those to put, by identity, and those to delete."""

    puts: Mapping[str, str]
    deletes: Sequence[str]


def identities(prefix: str, modules: Sequence[str]) -> dict[str, str]:
    """Modules by identity: `<prefix><package>`, and `<prefix><package>#2` for the second one of a package.

    Identities by package and not by place: a module that moves up, because one before it is gone, would for a moment be
    on the server twice, and OPA refuses two defaults for a rule.
    """
    named: dict[str, str] = {}
    for module in modules:
        found = _PACKAGE.search(module)
        package = found[1] if found else "?"
        name, number = prefix + package, 1
        while name in named:
            number += 1
            name = f"{prefix}{package}#{number}"
        named[name] = module
    return named


def plan(present: Mapping[str, str], prefix: str, modules: Sequence[str]) -> Plan:
    """What is there under another handler's name, text by text, need not be put again: a handler may be renamed."""
    others = {text for name, text in present.items() if not name.startswith(prefix)}
    wanted = {name: text for name, text in identities(prefix, modules).items() if text not in others}
    return Plan(
        {name: text for name, text in wanted.items() if present.get(name) != text},
        [name for name in present if name.startswith(prefix) and name not in wanted],
    )


def put_modules(client: Client, prefix: str, modules: Sequence[str]) -> bool:
    """Brings the server's modules under `prefix` to `modules`; whether that changed anything.

    Raises `PolicyError` when OPA finds fault with them, and leaves all as they were. Raises `OpaError` when it could
    not be asked; then the server may have some of the new ones, and the next try goes on from there.
    """
    present = client.policies()
    steps = plan(present, prefix, modules)
    try:
        _carry_out(client, steps)
    except PolicyError as error:
        _restore(client, present, steps)
        places = list(identities(prefix, modules))
        place = f"policy[{places.index(error.module)}]" if error.module in places else error.module
        raise PolicyError(f"{place}: {error}", error.module) from None
    return bool(steps.puts or steps.deletes)


def _carry_out(client: Client, steps: Plan) -> None:
    """Deletes last, since what is defined twice for a moment is safer than what is not; but modules that are to go may
    keep new ones from being taken."""
    puts = {name: partial(client.put_policy, name, text) for name, text in steps.puts.items()}
    deletes = {name: partial(client.delete_policy, name) for name in steps.deletes}
    refused = _each(puts)
    refused_deletes = _each(deletes)
    refused = _each({name: puts[name] for name in refused}) | refused_deletes
    for error in refused.values():
        raise error


def _each(steps: Mapping[str, Callable[[], None]]) -> dict[str, PolicyError]:
    """Does the steps in any order that OPA takes, as one module may call functions of another; returns the refused."""
    left = dict(steps)
    while left:
        refused: dict[str, PolicyError] = {}
        for name, step in left.items():
            try:
                step()
            except PolicyError as error:
                refused[name] = PolicyError(str(error), name)
        if len(refused) == len(left):
            return refused
        left = {name: left[name] for name in refused}
    return {}


def _restore(client: Client, present: Mapping[str, str], steps: Plan) -> None:
    touched = [*steps.puts, *steps.deletes]
    before = Plan(
        {name: present[name] for name in touched if name in present}, [name for name in touched if name not in present]
    )
    try:
        _carry_out(client, before)
    except OpaError:  # the error that made this necessary says more
        return
