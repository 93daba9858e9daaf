"""CEL's macros over list literals: `exists` and `all` are written out, item by item, before types are looked at."""

from __future__ import annotations

from dataclasses import replace

from mizzen.mixer.expr.cel.nodes import Call, Chain, Index, Items, Literal, Node
from mizzen.mixer.expr.errors import UnsupportedSyntaxError

MACROS = frozenset({"exists", "all", "exists_one", "map", "filter"})
UNROLLED = {"exists": True, "all": False}


def unrolled(name: str) -> bool:
    """The outcome of one item that decides: `exists` is an or, `all` an and."""
    return UNROLLED[name]


def expand(text: str, call: Call, items: Items) -> list[Node]:
    """The condition for each item, with the macro's variable replaced by it."""
    if call.name not in UNROLLED:
        raise UnsupportedSyntaxError(f"the macro {call.name}() is not part of the language", text, *call.span)
    if len(call.args) != 2 or not isinstance(call.args[0], Chain) or len(call.args[0].names) != 1:
        raise UnsupportedSyntaxError(f"write {call.name}(variable, condition)", text, *call.span)
    variable = call.args[0].names[0]
    return [replaced(text, call.args[1], variable, item) for item in items.items]


def replaced(text: str, node: Node, variable: str, item: Node) -> Node:
    """`node` with `item` for the variable; an inner macro's variable of that name hides it."""
    if isinstance(node, Literal):
        return node
    if isinstance(node, Chain):
        if node.names[0] != variable:
            return node
        if len(node.names) > 1:
            if isinstance(item, Chain):
                return replace(item, names=(*item.names, *node.names[1:]), span=node.span)
            raise UnsupportedSyntaxError(f"{variable} has no field {node.names[1]}", text, *node.span)
        return item
    if isinstance(node, Index):
        target, key = (replaced(text, one, variable, item) for one in (node.target, node.key))
        return Index(target, key, node.span)
    if isinstance(node, Items):
        return Items(tuple(replaced(text, one, variable, item) for one in node.items), node.span)
    args = node.args
    hidden = node.name in MACROS and node.target is not None and args[:1] == (Chain((variable,), (0, 0)),)
    if not hidden:
        args = tuple(replaced(text, one, variable, item) for one in args)
    on = None if node.target is None else replaced(text, node.target, variable, item)
    return Call(node.name, args, on, node.span)
