"""A policy compiled to WebAssembly: it answers what an OPA server answers, and the file of the bundle is followed."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from structlog.testing import capture_logs
from tests.mixer.adapters.opa.authorizations import ALLOWED, REFUSED, WITHOUT_DECISION, ask, failures, number
from tests.mixer.adapters.opa.conftest import Handlers
from tests.opa.server import OpaServer, build_bundle

from mizzen.mixer.adapters import AdapterError, CheckResult, DirectResponse
from mizzen.mixer.adapters.opa.bundle import BundleError, read_bundle
from mizzen.mixer.adapters.opa.decider import OpaError, UndefinedError
from mizzen.mixer.adapters.opa.host_functions import host_functions
from mizzen.mixer.adapters.opa.wasm import CompiledModule, Evaluator
from mizzen.mixer.adapters.testing import AdapterBench

POLICY = (Path(__file__).parent / "policy.rego").read_text()
DATA_ROLES = '{"ann": ["reader", "writer"], "bob": ["reader"]}'
DATA = f'{{"roles": {DATA_ROLES}}}'
RULES = ["allow", "undefined", "conflict", "answer", "number", "big", "values", "text", "walked", "encoded"]
READERS = 'package mixerauthz\ndefault allow := false\nallow if input.action.method == "GET"\n'


def question(user: str = "", properties: Mapping[str, Any] | None = None, **action: str) -> Mapping[str, Any]:
    return {"action": action, "subject": {"user": user, "properties": properties or {}}}


QUESTIONS = [
    question(),
    question("ann", method="GET", path="/"),
    question("ann", method="POST", path="/x"),
    question("bob", method="POST", path="/x"),
    question("nobody", method="POST", path="/public"),
    question("nobody", method="POST", path="/public/a/b"),
    question("nobody", method="PUT", path="/v12/health"),
    question("nobody", method="PUT", path="/v/health"),
    question("eve", method="PUT", path="/ a / b"),
    question("eve", method="PUT", path="/ b /a"),
    question("12", {"ip": "10.200.3.4"}, method="12"),
    question("1e3", {"ip": "11.0.0.1"}, method="PUT"),
    question("-0.5", {"ip": "no address"}, method="PUT"),
    question("ü\u0000\U0001f600\ud800", {"ip": "10.0.0.1/33"}, method="PUT", path='"\\\n'),
    question("ann", {"expires": 9_000_000_000_000_000_000}, method="PUT"),
    question("ann", {"expires": 1}, method="PUT"),
    question("ann", {"n": 2**70, "list": [1, [2, {"a": []}]]}, method="PUT"),
    question("ann", {"n": -0.1}, method="PUT"),
    {},
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> CompiledModule:
    points = [f"mixerauthz/{rule}" for rule in RULES]
    content = build_bundle(tmp_path_factory.mktemp("bundle"), POLICY, points, DATA).read_bytes()
    return CompiledModule(read_bundle(content, points[0]), host_functions(time.time_ns), ticks=10)


def answer_of(module: CompiledModule, rule: str, asked: Mapping[str, Any]) -> Any:
    with closing(module.evaluator(f"mixerauthz/{rule}")) as evaluator:
        try:
            return {"result": evaluator.evaluate(asked)}
        except UndefinedError:
            return {}
        except OpaError as error:
            return str(error)


@pytest.mark.parametrize("rule", RULES)
def test_it_answers_what_the_server_answers(opa: OpaServer, compiled: CompiledModule, rule: str) -> None:
    opa.put("policy", POLICY)
    opa.client.put("/v1/data/roles", content=DATA_ROLES).raise_for_status()
    answers = []
    for asked in QUESTIONS:
        expected = opa.value(f"mixerauthz/{rule}", asked)
        answer = answer_of(compiled, rule, asked)
        if "code" in expected:
            assert expected["errors"][0]["code"] == "eval_conflict_error"
            assert "var assignment conflict" in answer, asked
        else:
            assert answer == expected, asked
        answers.append(repr(answer))
    assert len(set(answers)) > 1


def test_the_memory_of_an_evaluation_is_used_again(compiled: CompiledModule) -> None:
    big = question("ann", {"list": list(range(1000))})
    with closing(compiled.evaluator("mixerauthz/walked")) as evaluator:
        first = evaluator.evaluate(big)
        size = evaluator.memory_size
        for _ in range(200):
            assert evaluator.evaluate(big) == first
        assert evaluator.memory_size == size


def test_a_function_that_is_only_in_a_server_is_named(tmp_path: Path) -> None:
    module = "package a\nallow if http.send(input.x).status_code == 200\nallow if uuid.rfc4122(`x`) != ``"
    bundle = read_bundle(build_bundle(tmp_path / "b", module, ["a/allow"]).read_bytes(), "a/allow")
    with pytest.raises(
        BundleError, match=r"^needs functions that are available only in an OPA server: http\.send, uuid\.rfc4122$"
    ):
        CompiledModule(bundle, host_functions(time.time_ns), 10).evaluator("a/allow")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(module)", "is not of OPA: it imports no memory"),
        ('(module (import "env" "memory" (memory 2)))', "is not of OPA: it tells no version of its ABI"),
        ('(module (import "env" "memory" (memory 2)) (import "env" "x" (func)))', "is not of OPA: it imports x"),
        (
            '(module (import "env" "memory" (memory 2)) (global (export "opa_wasm_abi_version") i32 (i32.const 1))'
            ' (global (export "opa_wasm_abi_minor_version") i32 (i32.const 1)))',
            r"has ABI 1\.1, and 1\.2 or a later 1\.x is needed",
        ),
        (
            '(module (import "env" "memory" (memory 2)) (global (export "opa_wasm_abi_version") i32 (i32.const 1))'
            ' (global (export "opa_wasm_abi_minor_version") i32 (i32.const 3)))',
            "is not of OPA: it lacks opa_malloc",
        ),
        (
            '(module (import "env" "memory" (memory 2)) (start $s) (func $s unreachable))',
            r"is not of OPA: fails: ",
        ),
        ('(module (import "env" "memory" (memory 9999)))', "is not of OPA"),
    ],
)
def test_any_other_module_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    module = CompiledModule(read_bundle(bytes(wasmtime.wat2wasm(text)), ""), {}, ticks=0)
    with pytest.raises(BundleError, match=reason):
        module.evaluator("a")


def test_a_module_that_never_ends_is_stopped() -> None:
    text = '(module (import "env" "memory" (memory 2)) (start $s) (func $s (loop br 0)))'
    module = CompiledModule(read_bundle(bytes(wasmtime.wat2wasm(text)), ""), {}, ticks=2)
    with ThreadPoolExecutor(1) as pool:
        evaluator = pool.submit(module.evaluator, "a")
        tick_until(module.tick, evaluator)
    with pytest.raises(BundleError, match="takes too long"):
        evaluator.result()


def tick_until(tick: Callable[[], None], end: Future[Any]) -> None:
    while not end.done():
        tick()
        time.sleep(0.001)


def test_bytes_that_are_no_module_are_refused() -> None:
    with pytest.raises(BundleError, match=r"^has a module that is no WebAssembly: "):
        CompiledModule(read_bundle(b"\0asm\1\0\0\0nonsense", ""), {}, 10)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return build_bundle(tmp_path / "readers", READERS, ["mixerauthz/allow"])


def save(new: Path, place: Path) -> None:
    """As a careful deployment does."""
    copy = place.with_name("fresh")
    shutil.copy(new, copy)
    copy.replace(place)


def test_the_handler_decides_without_a_server(bundle: Path, handlers: Handlers) -> None:
    handler = handlers(bundle=str(bundle), caching_interval="3s", caching_use_count=2)
    assert ask(handler, "GET") == CheckResult(ALLOWED, 3.0, 2)
    assert ask(handler, "POST") == CheckResult(REFUSED, 3.0, 2)
    assert failures(handler) == 0


def test_an_object_may_say_what_a_refused_client_gets(tmp_path: Path, handlers: Handlers) -> None:
    bundle = build_bundle(tmp_path / "b", POLICY, ["mixerauthz/answer"], DATA)
    handler = handlers(bundle=str(bundle), check_method="data.mixerauthz.answer")
    answer = DirectResponse(402, {}, "pay, eve: 5, -5, true, true")
    assert ask(handler, user="eve") == CheckResult(REFUSED, direct_response=answer)


@pytest.mark.parametrize("fail_close", [False, True])
@pytest.mark.parametrize("rule", ["undefined", "conflict", "text"])
def test_what_is_no_decision_is_a_failure(tmp_path: Path, handlers: Handlers, rule: str, fail_close: bool) -> None:
    bundle = build_bundle(tmp_path / "b", POLICY, [f"mixerauthz/{rule}"])
    handler = handlers(bundle=str(bundle), check_method=f"data.mixerauthz.{rule}", fail_close=fail_close)
    for _ in range(2):
        assert ask(handler, "PUT") == CheckResult(REFUSED if fail_close else ALLOWED, *WITHOUT_DECISION)
    assert failures(handler) == 2


def test_an_evaluation_that_takes_too_long_is_a_failure(
    tmp_path: Path, handlers: Handlers, bench: AdapterBench
) -> None:
    module = """package mixerauthz
        allow if input.action.method == "GET"
        allow if {
            input.action.method == "SLOW"
            some x in numbers.range(1, 20000)
            some y in numbers.range(1, 20000)
            x + y == 0
        }
    """
    bundle = build_bundle(tmp_path / "b", module, ["mixerauthz/allow"])
    handler = handlers(bundle=str(bundle), fail_close=True, timeout="100ms")
    clock = next(task for task in bench.tasks if task.name.endswith("clock"))
    assert clock.seconds == 0.01
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, handler, "SLOW")
        tick_until(clock.run, answer)
    assert answer.result().status == REFUSED
    assert ask(handler, "GET").status == ALLOWED
    assert failures(handler) == 1


def test_an_evaluation_that_needs_too_much_memory_is_a_failure(tmp_path: Path, handlers: Handlers) -> None:
    module = "package mixerauthz\nallow if count(numbers.range(1, 100000000)) == 0"
    bundle = build_bundle(tmp_path / "b", module, ["mixerauthz/allow"])
    handler = handlers(bundle=str(bundle), fail_close=True)
    assert ask(handler).status == REFUSED
    assert failures(handler) == 1


def test_many_threads_ask_at_the_same_time(bundle: Path, handlers: Handlers) -> None:
    handler = handlers(bundle=str(bundle), fail_close=True)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: ask(handler, "GET" if at % 2 else "PUT").status, range(400)))
    assert answers == [REFUSED, ALLOWED] * 200


def test_nothing_is_left_of_failures_old_bundles_and_closed_handlers(
    tmp_path: Path, handlers: Handlers, bench: AdapterBench
) -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(found, Evaluator) for found in gc.get_objects())

    before = alive()
    bundle = build_bundle(tmp_path / "b", POLICY, ["mixerauthz/conflict"])
    handler = handlers(bundle=str(bundle), check_method="data.mixerauthz.conflict")
    for _ in range(5):
        ask(handler, "PUT")
    assert failures(handler) == 5
    assert alive() == before
    ask(handler, "ann", "ann")
    bundle.touch()
    look(bench)
    assert number(handler, 'mizzen_opa_bundle_loads_total{handler="handler.test",outcome="loaded"}') == 2
    assert alive() == before + 1
    handler.close()
    assert alive() == before


def test_a_new_bundle_takes_the_place_of_the_old_one(
    bundle: Path, tmp_path: Path, handlers: Handlers, bench: AdapterBench
) -> None:
    handler = handlers(bundle=str(bundle))
    save(build_bundle(tmp_path / "new", READERS.replace("GET", "POST"), ["mixerauthz/allow"]), bundle)
    look(bench)
    assert (ask(handler, "GET").status, ask(handler, "POST").status) == (REFUSED, ALLOWED)
    assert number(handler, 'mizzen_opa_bundle_loads_total{handler="handler.test",outcome="loaded"}') == 2


def test_a_bundle_that_cannot_be_used_leaves_the_last_one_in_force(
    bundle: Path, handlers: Handlers, bench: AdapterBench
) -> None:
    handler = handlers(bundle=str(bundle))
    content = bundle.read_bytes()
    with capture_logs() as logs:
        bundle.write_bytes(content[:100])
        look(bench)
        look(bench)
        bundle.unlink()
        look(bench)
        look(bench)
    assert [line["error"] for line in logs] == [
        f"bundle {bundle} is cut off",
        f"bundle {bundle} cannot be read: No such file or directory",
    ]
    assert number(handler, 'mizzen_opa_bundle_loads_total{handler="handler.test",outcome="failed"}') == 2
    assert ask(handler, "POST").status == REFUSED
    bundle.write_bytes(content)
    look(bench)
    assert number(handler, 'mizzen_opa_bundle_loads_total{handler="handler.test",outcome="loaded"}') == 2


@pytest.mark.parametrize(
    ("method", "content", "reason"),
    [
        ("data.mixerauthz.allow", None, "cannot be read: No such file or directory"),
        ("data.mixerauthz.allow", b"text", r"is not a tar\.gz archive"),
        ("data.mixerauthz.deny", b"", "has no entry point mixerauthz/deny; it has mixerauthz/allow"),
    ],
)
def test_a_bundle_that_cannot_be_used_keeps_the_handler_from_being_built(
    bundle: Path, handlers: Handlers, method: str, content: bytes | None, reason: str
) -> None:
    if content is None:
        bundle.unlink()
    elif content:
        bundle.write_bytes(content)
    with pytest.raises(AdapterError, match=rf"^opa: bundle {bundle} {reason}"):
        handlers(bundle=str(bundle), check_method=method)


def look(bench: AdapterBench) -> None:
    next(task for task in bench.tasks if task.name.endswith("bundle")).run()
