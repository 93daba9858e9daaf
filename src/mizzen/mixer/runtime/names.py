"""Names of resources: how references are resolved, and what handlers are called at run time.

The canonical name of a resource is `<name>.<kind>.<namespace>`. The rules below are those of Istio's Mixer 1.4.
"""

from __future__ import annotations

from collections.abc import Container, Iterable


def candidates(reference: str, kind: str, namespace: str) -> tuple[str, ...]:
    """The canonical names that `reference` may mean, in order, when it stands in a resource of `namespace`.

    `kind` is the generic kind (`handler` or `instance`). `a` is `a.kind.namespace`; `a.b` is a resource of the legacy
    kind `b` in the same namespace or else `a` of the generic kind in namespace `b`; a name with two dots is canonical.
    """
    match reference.count("."):
        case 0:
            return (f"{reference}.{kind}.{namespace}",)
        case 1:
            name, rest = reference.split(".")
            return (f"{reference}.{namespace}", f"{name}.{kind}.{rest}")
        case _:
            return (reference,)


def first_known(names: Iterable[str], known: Container[str]) -> str | None:
    """What a reference with these candidates means; None when nothing of these names is `known`."""
    return next((name for name in names if name in known), None)


def short_name(canonical: str) -> str:
    """The part before the first dot: quotas are asked for by it."""
    return canonical.split(".", 1)[0]


def handler_name(name: str, kind: str, namespace: str) -> str:
    """What a handler is called in messages and metrics: `name.namespace`, with a legacy kind `name.kind.namespace`."""
    return f"{name}.{namespace}" if kind == "handler" else f"{name}.{kind}.{namespace}"
