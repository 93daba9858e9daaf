"""opa against a real OPA server."""

from __future__ import annotations

import time

import pytest
from tests.mixer.adapters.opa.authorizations import ALLOWED, REFUSED, WITHOUT_DECISION, ask, failures, number
from tests.mixer.adapters.opa.conftest import Handlers, Servers
from tests.opa.server import OpaServer

from mizzen.mixer.adapters import AdapterError, CheckResult, DirectResponse
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.expr import Timestamp, Value
from mizzen.mixer.templates import Action, Authorization, Subject

READERS = 'package mixerauthz\ndefault allow := false\nallow if input.action.method == "GET"\n'
WRITERS = READERS.replace("GET", "POST")
LIBRARY = "package shop.lib\nknown(user) if user == data.shop.lib.owner\nowner := `ann`\n"
CALLER = "package mixerauthz\nimport data.shop.lib\nallow if lib.known(input.subject.user)\n"


def test_the_rule_decides(opa: OpaServer, handlers: Handlers) -> None:
    handler = handlers(opa.url, policy=[READERS])
    assert ask(handler, "GET") == CheckResult()
    assert ask(handler, "POST") == CheckResult(REFUSED)
    assert failures(handler) == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [("data.a.b.allow", "a.b"), ('data.a["web-app"].allow', 'a["web-app"]'), ('data.a["x/y z"].allow', 'a["x/y z"]')],
)
def test_the_rule_may_be_anywhere(opa: OpaServer, handlers: Handlers, method: str, path: str) -> None:
    handler = handlers(opa.url, check_method=method, policy=[f"package {path}\nallow := false"])
    assert ask(handler).status == REFUSED
    assert failures(handler) == 0


def test_modules_that_the_server_has_itself_are_asked(opa: OpaServer, handlers: Handlers) -> None:
    opa.put("own", READERS)
    assert ask(handlers(opa.url, fail_close=True)).status == ALLOWED


def test_an_object_may_say_what_a_refused_client_gets(opa: OpaServer, handlers: Handlers) -> None:
    module = """package mixerauthz
        allow := {"allowed": true, "headers": {"x": "y"}} if input.action.method == "GET"
        allow := {"allowed": false, "http_status": 401, "headers": {"www-authenticate": "Basic"}, "body": "who?"} if
            input.action.method == "POST"
        allow := {"allowed": false, "http_status": "no", "body": "who?"} if input.action.method == "PUT"
        allow := {"allowed": false} if input.action.method == "PATCH"
        allow := {"reason": "forgot allowed"} if input.action.method == "DELETE"
    """.replace("if\n            ", "if ")
    handler = handlers(opa.url, policy=[module], caching_interval="3s", caching_use_count=7)
    assert ask(handler, "GET") == CheckResult(ALLOWED, 3.0, 7)
    answer = DirectResponse(401, {"www-authenticate": "Basic"}, "who?")
    assert ask(handler, "POST") == CheckResult(REFUSED, 3.0, 7, answer)
    assert ask(handler, "PUT") == CheckResult(REFUSED, 3.0, 7)
    assert ask(handler, "PATCH") == CheckResult(REFUSED, 3.0, 7)
    assert failures(handler) == 0
    assert ask(handler, "DELETE") == CheckResult(ALLOWED, *WITHOUT_DECISION)
    assert failures(handler) == 1


@pytest.mark.parametrize("fail_close", [False, True])
@pytest.mark.parametrize(
    "rule",
    [
        'allow if input.action.method == "none"',  # undefined
        "other := true",
        'allow := "yes"',
        "allow := null",
        "allow := [true]",
        "allow := true\nallow := false",  # a conflict when it is evaluated
    ],
)
def test_what_is_no_decision_is_a_failure(opa: OpaServer, handlers: Handlers, rule: str, fail_close: bool) -> None:
    handler = handlers(opa.url, policy=[f"package mixerauthz\n{rule}"], fail_close=fail_close, caching_interval="3s")
    assert ask(handler) == CheckResult(REFUSED if fail_close else ALLOWED, *WITHOUT_DECISION)
    assert failures(handler) == 1


def test_the_policy_sees_the_whole_input(opa: OpaServer, handlers: Handlers) -> None:
    opa.put("echo", "package mixerauthz\nallow if input == data.expected")
    expected = {
        "action": {"namespace": "shop", "service": "cart", "path": "/ü", "properties": {"n": 9007199254740993}},
        "subject": {
            "user": "ann",
            "groups": ["admins"],
            "properties": {"ip": "10.0.0.1", "at": "1970-01-01T00:00:00.000000Z", "labels": {"a": "b"}, "none": None},
        },
    }
    opa.client.put("/v1/data/expected", json=expected).raise_for_status()
    properties: dict[str, Value | None] = {
        "ip": bytes([10, 0, 0, 1]),
        "at": Timestamp(0),
        "labels": {"a": "b"},
        "none": None,
    }
    action = Action("shop", "cart", "", "/ü", {"n": 9007199254740993})
    handler = handlers(opa.url, fail_close=True)
    assert handler.check(Authorization("i", Subject("ann", "admins", properties), action)).status == ALLOWED


def test_text_that_is_no_unicode_is_asked_about(opa: OpaServer, handlers: Handlers) -> None:
    handler = handlers(opa.url, policy=["package mixerauthz\nallow if startswith(input.subject.user, `ann`)"])
    assert ask(handler, user="ann\udcff").status == ALLOWED
    assert failures(handler) == 0


def test_a_changed_policy_replaces_the_old_one(opa: OpaServer, handlers: Handlers) -> None:
    handlers(opa.url, policy=[READERS])
    handler = handlers(opa.url, policy=[WRITERS])
    assert (ask(handler, "GET").status, ask(handler, "POST").status) == (REFUSED, ALLOWED)
    assert list(opa.modules().values()) == [WRITERS]


def test_modules_that_are_gone_from_the_policy_are_gone_from_the_server(opa: OpaServer, handlers: Handlers) -> None:
    more = "package mixerauthz\nallow if input.subject.user == `root`"
    assert ask(handlers(opa.url, policy=["package before", READERS, more]), "PUT", "root").status == ALLOWED
    handler = handlers(opa.url, policy=[READERS])
    assert ask(handler, "PUT", "root").status == REFUSED
    assert list(opa.modules().values()) == [READERS]


def test_modules_may_come_before_those_they_call(opa: OpaServer, handlers: Handlers) -> None:
    handler = handlers(opa.url, policy=[CALLER, LIBRARY], fail_close=True)
    assert (ask(handler).status, ask(handler, user="bob").status) == (ALLOWED, REFUSED)
    handler = handlers(opa.url, policy=[READERS])  # the caller and its library go
    assert ask(handler).status == ALLOWED


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("package mixerauthz\nallow if {", r"policy\[1\]: status 400: .*; line 2: unexpected eof"),
        ("package mixerauthz\nallow if nonsense(1)", r"policy\[1\]: .*line 2: .*nonsense"),
        ("package mixerauthz\nallow { true }", r"policy\[1\]: .*line 2: .*`if` keyword is required before rule body"),
        ("allow := true", r"policy\[1\]: .*line 1: package expected"),
    ],
)
def test_a_policy_that_does_not_compile_leaves_the_last_one_in_force(
    opa: OpaServer, handlers: Handlers, bench: AdapterBench, module: str, message: str
) -> None:
    before = handlers(opa.url, policy=[READERS, "package gone"])
    modules = opa.modules()
    tasks = len(bench.tasks)
    with pytest.raises(AdapterError, match=rf"^opa: policy is not valid: {message}"):
        handlers(opa.url, policy=[WRITERS, module])
    assert opa.modules() == modules
    assert len(bench.tasks) == tasks
    assert ask(before).status == ALLOWED


def test_a_module_that_a_bundle_owns_is_refused(
    opa_servers: Servers, handlers: Handlers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "policy.rego").write_text(READERS)
    (folder / ".manifest").write_text('{"roots": ["mixerauthz"]}')
    server = opa_servers(["--bundle", str(folder)])
    server.start()
    with pytest.raises(AdapterError, match=r"policy is not valid: policy\[0\]: .*mixerauthz.*bundle"):
        handlers(server.url, policy=[WRITERS])
    assert ask(handlers(server.url, fail_close=True)).status == ALLOWED


def test_a_renamed_handler_finds_its_modules(opa: OpaServer, handlers: Handlers) -> None:
    opa.put("mizzen/old.handler.test/mixerauthz", READERS)
    assert ask(handlers(opa.url, policy=[READERS], fail_close=True)).status == ALLOWED
    assert list(opa.modules()) == ["mizzen/old.handler.test/mixerauthz"]


def test_a_handler_that_was_not_taken_gives_way_to_the_one_in_force(
    opa: OpaServer, handlers: Handlers, bench: AdapterBench
) -> None:
    in_force = handlers(opa.url, policy=[READERS])
    handlers(opa.url, policy=[WRITERS]).close()
    (task,) = [task for task in bench.tasks if not task.cancelled]
    for _ in range(5):
        task.run()
    assert ask(in_force).status == ALLOWED
    assert list(opa.modules().values()) == [READERS]


def test_a_server_that_is_away_is_a_failure_and_gets_the_policy_when_it_comes(
    opa_servers: Servers, handlers: Handlers, bench: AdapterBench
) -> None:
    server = opa_servers()
    handler = handlers(server.url, policy=[READERS], fail_close=True)
    assert ask(handler).status == REFUSED
    assert (failures(handler), number(handler, "mizzen_opa_policies_in_place")) == (1, 0)
    bench.run_tasks()
    server.start()
    bench.run_tasks()
    assert ask(handler).status == ALLOWED
    assert (failures(handler), number(handler, "mizzen_opa_policies_in_place")) == (1, 1)


def test_a_server_that_was_started_again_gets_the_policy_again(
    opa_servers: Servers, handlers: Handlers, bench: AdapterBench
) -> None:
    server = opa_servers()
    server.start()
    handler = handlers(server.url, policy=[READERS], fail_close=True)
    assert ask(handler).status == ALLOWED
    server.stop()
    assert ask(handler).status == REFUSED
    server.start()
    assert ask(handler).status == REFUSED  # undefined
    bench.run_tasks()
    assert ask(handler).status == ALLOWED
    assert failures(handler) == 2


def test_a_server_that_takes_too_long_is_a_failure(opa: OpaServer, handlers: Handlers) -> None:
    slow = "package mixerauthz\nallow if count([1 | numbers.range(1, 3000)[_] == numbers.range(1, 3000)[_]]) == 3000"
    handler = handlers(opa.url, policy=[slow], fail_close=True, timeout="50ms")
    start = time.monotonic()
    assert ask(handler).status == REFUSED
    assert time.monotonic() - start < 1.0
    assert failures(handler) == 1
