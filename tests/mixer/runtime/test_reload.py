"""A reload that takes over what did not change comes to the same as one that compiles everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.config import FileStore, Resource, StoreState
from mizzen.config.pieces import Piece
from mizzen.config.scan import ScannedFile
from mizzen.config.store import advance
from mizzen.mixer.runtime import Controller, Dispatcher, Inventory, RuntimeMetrics, Snapshot
from mizzen.mixer.runtime.outcome import Outcomes
from mizzen.mixer.runtime.routing import NamespaceRoutes, Route, RouteTable
from mizzen.mixer.runtime.snapshot import close_replaced

from .stage import INVENTORY, Stage

NAMESPACES = ("istio-system", "shop")
OTHER = Inventory({key: found for key, found in INVENTORY.adapters.items() if key != "noop"}, INVENTORY.templates)

_names = st.sampled_from(["a", "b"])
_values = st.sampled_from(["source.name", "request.size", "my.own", "source.nam", '"x" +', "1"])
_matches = st.sampled_from(
    ["", "true", 'source.name == "x"', "my.own == 3", "request.size == 3", "nope", "source.name"]
)
_handlers = st.sampled_from(["a", "b.scripted", "a.scripted.istio-system", "a.shop", "gone", "a.denier"])
_instances = st.sampled_from(["a", "b.listentry", "a.listentry.istio-system", "a.quota", "g.kubernetes", "gone"])


def _resource(
    kind: str, spec: st.SearchStrategy[str], names: st.SearchStrategy[str] = _names
) -> st.SearchStrategy[str]:
    namespaces = st.sampled_from(["", ", namespace: shop"])
    template = "kind: {}\nmetadata: {{name: {}{}}}\nspec: {}\n"
    return st.builds(template.format, st.just(kind), names, namespaces, spec)


_operation = st.sampled_from(
    ["", ", requestHeaderOperations: [{name: h, values: [source.name]}]", ", requestHeaderOperations: [{name: h}]"]
)
_DOCUMENTS = st.one_of(
    _resource("scripted", st.sampled_from(["{}", "{uses: 1}", "{uses: true}", "{unbuildable: x}", "{invalid: x}"])),
    _resource(
        "handler",
        st.sampled_from(
            ["{compiledAdapter: scripted}", "{compiledAdapter: noop}", "{compiledAdapter: lost}", "{x: 1}"]
        ),
    ),
    _resource("listentry", st.builds("{{value: '{}'}}".format, _values)),
    _resource("quota", st.builds("{{dimensions: {{a: '{}'}}}}".format, _values)),
    _resource("instance", st.builds("{{compiledTemplate: listentry, params: {{value: '{}'}}}}".format, _values)),
    _resource(
        "kubernetes",
        st.sampled_from(
            [
                "{sourceUid: source.uid, attributeBindings: {source.name: $out.source_pod_name}}",
                "{attributeBindings: {x: y}}",
            ]
        ),
        st.just("g"),
    ),
    _resource(
        "attributemanifest",
        st.sampled_from(
            [
                "{attributes: {my.own: {valueType: INT64}}}",
                "{attributes: {my.own: {valueType: STRING}}}",
                "{attributes: {my.own: {valueType: WHAT}}}",
                "{description: x}",
            ]
        ),
    ),
    _resource(
        "rule",
        st.builds(
            "{{match: '{}', actions: [{{handler: {}, instances: [{}, {}]}}]{}}}".format,
            _matches,
            _handlers,
            _instances,
            _instances,
            _operation,
        ),
        st.sampled_from(["r", "s", "t", "u"]),
    ),
    _resource(
        "rule",
        st.builds("{{match: '{}', requestHeaderOperations: [{{name: h, values: [my.own]}}]}}".format, _matches),
        st.sampled_from(["v", "w"]),
    ),
    st.sampled_from(["# nothing\n", "kind: [rule\n", "kind: nonsense\nmetadata: {name: a}\n", "kind: rule\nmeta: x\n"]),
)
_FILES = st.lists(_DOCUMENTS, min_size=1, max_size=14)


@st.composite
def _edits(draw: st.DrawFn) -> list[tuple[str, bool]]:
    """A series of texts of one file, each an edit of the one before, and whether an adapter is gone."""
    documents = draw(_FILES)
    found = [("---\n".join(documents), False)]
    for _ in range(draw(st.integers(1, 4))):
        documents = list(documents)
        for _ in range(draw(st.integers(0, 3))):
            place = draw(st.integers(0, len(documents)))
            edit = draw(st.sampled_from(["insert", "delete", "replace", "move", "comment"]))
            if edit == "insert" or not documents[place:]:
                documents.insert(place, draw(_DOCUMENTS))
            elif edit == "replace":
                documents[place] = draw(_DOCUMENTS)
            elif edit == "comment":
                documents[place] = "# a line\n" + documents[place]
            else:
                gone = documents.pop(place)
                if edit == "move":
                    documents.append(gone)
        found.append(("---\n".join(documents), draw(st.booleans()) if draw(st.booleans()) else found[-1][1]))
    return found


class Chain:
    """A runtime that goes through a series of texts; with `fresh`, nothing is taken over but what has to be: last good
    versions and handlers."""

    def __init__(self, *, fresh: bool) -> None:
        self.fresh = fresh
        self.metrics = RuntimeMetrics()
        self.state = StoreState()
        self.snapshot = Snapshot()

    def take(self, text: str, inventory: Inventory) -> None:
        before = self.snapshot
        if self.fresh:
            files = {name: replace(file, pieces=()) for name, file in self.state.files.items()}
            self.state = replace(self.state, files=files)
            before = replace(before, compiled=replace(before.compiled, outcomes=Outcomes()), routes=RouteTable())
        self.state = advance(self.state, {"f": ScannedFile(text)})
        self.snapshot = Snapshot.build(self.state.resources, before, metrics=self.metrics, inventory=inventory)
        assert close_replaced(before, self.snapshot)

    def summary(self) -> dict[str, Any]:
        compiled, state = self.snapshot.compiled, self.state
        return {
            "resources": [(key, resource.position) for key, resource in state.resources.items()],
            "store": [str(error) for error in state.errors],
            "store kept": state.kept,
            "errors": [str(error) for error in self.snapshot.errors],
            "vocabulary": dict(compiled.vocabulary),
            "good": {key: (resource.spec, resource.position) for key, resource in compiled.good.items()},
            "kept": compiled.kept,
            "left out": compiled.left_out,
            "handlers": {key: (one.params, one.adapter, one.name) for key, one in compiled.handlers.items()},
            "instances": {key: (one.builder.types, one.template.name) for key, one in compiled.instances.items()},
            "rules": list(compiled.rules),
            "live": {key: handler.spec.config.params for key, handler in self.snapshot.handlers.items()},
            "kept handlers": self.snapshot.kept_handlers,
            "routes": {name: _shown(self.snapshot.routes.of(name)) for name in NAMESPACES},
            "destinations": self.snapshot.routes.destinations(),
        }


def _shown(routes: NamespaceRoutes) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        use: [_route(route) for route in rules.rules]
        for use, rules in (("check", routes.check), ("report", routes.report), ("generate", routes.generate))
    }
    return shown | {f"quota {name}": [_route(route) for route in rules.rules] for name, rules in routes.quota.items()}


def _route(route: Route) -> tuple[Any, ...]:
    return (
        route.key,
        route.match.text if route.match else None,
        [
            (
                step.handler.name,
                step.instance.key,
                [(leaf.path, leaf.expression.text) for leaf in step.instance.builder.leaves],
            )
            for step in route.steps
        ],
        [(one.name, [value.text for value in one.values]) for one in route.request_header_operations],
    )


@settings(deadline=None, max_examples=150)
@given(_edits())
def test_a_reload_comes_to_the_same_as_compiling_everything(edits: list[tuple[str, bool]]) -> None:
    taking_over, fresh = Chain(fresh=False), Chain(fresh=True)
    for text, is_gone in edits:
        for chain in (taking_over, fresh):
            chain.take(text, OTHER if is_gone else INVENTORY)
        assert taking_over.summary() == fresh.summary()


RULES = "\n---\n".join(
    [
        "{kind: scripted, metadata: {name: h}}",
        "{kind: scripted, metadata: {name: other}}",
        "{kind: listentry, metadata: {name: i}, spec: {value: source.name}}",
        "{kind: checknothing, metadata: {name: n}}",
        *(
            f"{{kind: rule, metadata: {{name: r{number}}}, spec: {{match: 'request.size == {number}', "
            f"actions: [{{handler: {'h' if number % 2 else 'other'}.scripted, instances: [n.checknothing]}}]}}}}"
            for number in range(20)
        ),
    ]
)


def _compiled_again(stage: Stage, text: str) -> set[str]:
    """The rules that are other objects after a reload."""
    before = stage.snapshot.compiled.rules
    stage.configure(text)
    after = stage.snapshot.compiled.rules
    return {key.split(".")[0] for key in after if after[key] is not before.get(key)}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (("request.size == 7'", "request.size == 70'"), {"r7"}),
        (("kind: scripted", "kind: scripted\n", "# moved"), set()),
        (("{name: i}, spec: {value: source.name}", "{name: i}, spec: {value: source.uid}"), set()),
        (("{name: other}}", "{name: other}, spec: {uses: 1}}"), {f"r{number}" for number in range(0, 20, 2)}),
        (
            ("{kind: checknothing, metadata: {name: n}}", "{kind: checknothing, metadata: {name: n}, spec: {a: b}}"),
            None,
        ),
    ],
)
def test_only_what_a_change_can_touch_is_compiled_again(change: tuple[str, ...], again: set[str] | None) -> None:
    stage = Stage()
    assert stage.configure(RULES) == []
    text = RULES.replace(change[0], change[1]) if len(change) == 2 else f"{change[2]}\n{RULES}"
    found = _compiled_again(stage, text)
    assert found == ({f"r{number}" for number in range(20)} if again is None else again)


def test_another_declaration_compiles_all_anew() -> None:
    stage = Stage()
    assert stage.configure(RULES) == []
    manifest = "{kind: attributemanifest, metadata: {name: m}, spec: {attributes: {my.own: {valueType: INT64}}}}"
    assert len(_compiled_again(stage, f"{RULES}\n---\n{manifest}")) == 20


def test_a_rule_without_actions_follows_the_declarations_of_attributes() -> None:
    stage = Stage()
    manifest = "{kind: attributemanifest, metadata: {name: m}, spec: {attributes: {my.own: {valueType: %s}}}}"
    rule = "{kind: rule, metadata: {name: r}, spec: {requestHeaderOperations: [{name: h, values: [my.own]}]}}"
    assert stage.configure("\n---\n".join([manifest % "STRING", rule])) == []
    (error,) = stage.configure("\n---\n".join([manifest % "INT64", rule]))
    assert "evaluated to type INT64, expected type STRING" in error


def test_a_rule_is_compiled_again_for_whatever_its_references_may_mean() -> None:
    """`n.checknothing` may also mean the instance `n` in a namespace of that name."""
    stage = Stage()
    rule = "{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.other, instances: [n.checknothing]}]}}"
    files = [rule, "{kind: handler, metadata: {name: h, namespace: other}, spec: {compiledAdapter: scripted}}"]
    files.append("{kind: checknothing, metadata: {name: n}}")
    assert stage.configure("\n---\n".join(files)) == []
    nearer = "{kind: instance, metadata: {name: n, namespace: checknothing}, spec: {compiledTemplate: checknothing}}"
    assert _compiled_again(stage, "\n---\n".join([*files, nearer])) == {"r"}
    assert stage.snapshot.compiled.rules["r.rule.istio-system"].actions[0].instances[0].key == (
        "n.checknothing.istio-system"
    )


def test_the_routes_of_a_namespace_that_nothing_touched_stay() -> None:
    stage = Stage()
    shop = (
        "{kind: rule, metadata: {name: r, namespace: shop}, spec: {actions: "
        "[{handler: h.scripted.istio-system, instances: [n.checknothing.istio-system]}]}}"
    )
    office = shop.replace("shop", "office")
    base = RULES.split("\n---\n")[:4]
    stage.configure("\n---\n".join([*base, shop, office]))
    before = stage.snapshot.routes
    stage.configure("\n---\n".join([*base, shop, office.replace("spec: {", "spec: {match: request.size == 3, ")]))
    after = stage.snapshot.routes
    assert after.of("shop") is before.of("shop")
    assert after.of("office") is not before.of("office")


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(FileStore(tmp_path), Dispatcher(Snapshot(), metrics := RuntimeMetrics()), metrics, INVENTORY)


def test_a_fault_is_told_where_it_stands_also_when_only_lines_moved(tmp_path: Path, controller: Controller) -> None:
    file = tmp_path / "a.yaml"
    faulty = "kind: rule\nmetadata: {name: r}\nspec: {match: nope}\n"
    file.write_text(faulty)
    controller.load()
    generation = controller.generation
    assert {error.line for error in controller.errors} == {3}
    file.write_text("# one\n# two\n" + faulty)
    controller.load()
    assert {error.line for error in controller.errors} == {5}
    assert controller.generation == generation


@pytest.mark.parametrize(("one", "other"), [("1", "true"), ("1", "1.0"), ("{b: 1, c: 2}", "{c: 2, b: 1}")])
def test_resources_that_read_otherwise_are_not_equal(one: str, other: str) -> None:
    def read(value: str) -> Resource:
        return next(iter(advance(StoreState(), {"f": ScannedFile(_NOTE % value)}).resources.values()))

    assert read(one) == read(one)
    assert read(one) != read(other)


_NOTE = "{kind: rule, metadata: {name: a}, spec: {x: %s}}"


def test_a_document_that_stays_the_same_is_not_parsed_again() -> None:
    first = advance(StoreState(), {"f": ScannedFile("---\n".join(_NOTE % n + "\n" for n in range(3)))})
    pieces = first.files["f"].pieces
    later = advance(first, {"f": ScannedFile("# more\n" + "---\n".join(_NOTE % n + "\n" for n in (0, 7, 2)))})
    assert [_values_of(piece) for piece in later.files["f"].pieces] == [[0], [7], [2]]
    assert later.files["f"].pieces[2].resources[0].spec is pieces[2].resources[0].spec
    assert [piece.resources[0].position for piece in later.files["f"].pieces] == [
        None if piece.resources[0].document is None else piece.resources[0].document.position()
        for piece in later.files["f"].pieces
    ]
    assert [str(piece.resources[0].position) for piece in later.files["f"].pieces] == ["f:2:1", "f:4:1", "f:6:1"]


def _values_of(piece: Piece) -> list[object]:
    return [resource.spec["x"] for resource in piece.resources]
