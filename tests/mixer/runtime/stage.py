"""A runtime without store and network: configuration from a text, calls from mappings, answers as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from google.protobuf.json_format import MessageToDict

from mizzen.config import ConfigError, DurationNs, SpecModel, StoreState
from mizzen.config.scan import ScannedFile
from mizzen.config.store import advance
from mizzen.mixer.adapters import (
    ADAPTERS,
    Adapter,
    CheckResult,
    DirectResponse,
    Environment,
    QuotaArguments,
    QuotaResult,
    Status,
)
from mizzen.mixer.expr import Value, ValueType
from mizzen.mixer.runtime import CallError, Dispatcher, Inventory, RuntimeMetrics, Snapshot
from mizzen.mixer.runtime.snapshot import close_replaced
from mizzen.mixer.templates import TEMPLATES, Instance, InstanceTypes, Kubernetes, Problem, Template, Variety
from mizzen.wire import CheckCall, QuotaParams, ReportCall, encode_check_request, encode_report_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2


@dataclass(slots=True)
class KeyValue(Instance):
    template: ClassVar[str] = "keyval"
    key: str = ""


KEYVAL = Template("keyval", Variety.CHECK_WITH_OUTPUT, KeyValue, {"key": ValueType.STRING}, {"value": ValueType.STRING})


class ScriptedParams(SpecModel):
    code: int = 0
    message: str = ""
    valid_for: DurationNs = 0
    uses: int = 0
    direct_code: int | None = None
    direct_headers: dict[str, str] = {}  # noqa: RUF012 - a pydantic default, copied for each model
    direct_body: str = ""
    output: dict[str, str] = {}  # noqa: RUF012
    amount: int | None = None
    fails: str = ""
    answers_with: str = ""
    invalid: str = ""
    unbuildable: str = ""
    looks_up: bool = False


class ScriptedAdapter(Adapter):
    """Answers what its parameters say and writes down what it got."""

    name = "scripted"
    templates = frozenset(["checknothing", "listentry", "keyval", "quota", "metric", "reportnothing", "kubernetes"])
    Params = ScriptedParams
    deterministic = True

    def __init__(self, params: ScriptedParams, environment: Environment) -> None:
        super().__init__(params, environment)
        if params.unbuildable:
            raise RuntimeError(params.unbuildable)
        self.params = params
        self.checks: list[Instance] = []
        self.quotas: list[tuple[Instance, QuotaArguments]] = []
        self.reports: list[list[Instance]] = []
        self.generated = 0
        self.closed = 0

    @classmethod
    def validate(cls, params: ScriptedParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return [Problem(("invalid",), params.invalid, "is not wanted", "nothing")] if params.invalid else []

    def check(self, instance: Instance) -> CheckResult:
        self.checks.append(instance)
        self._fail()
        params = self.params
        direct = None
        if params.direct_code is not None:
            direct = DirectResponse(params.direct_code, params.direct_headers, params.direct_body)
        if params.answers_with:
            return params.answers_with  # type: ignore[return-value]
        status = Status(params.code, params.message)
        return CheckResult(status, params.valid_for / 1e9, params.uses, direct, params.output)

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        self.quotas.append((instance, arguments))
        self._fail()
        amount = arguments.amount if self.params.amount is None else self.params.amount
        return QuotaResult(Status(self.params.code, self.params.message), amount, self.params.valid_for / 1e9)

    def report(self, instances: Sequence[Instance]) -> None:
        self.reports.append(list(instances))
        self._fail()

    def generate(self, instance: Instance) -> Mapping[str, Value]:
        self.generated += 1
        self._fail()
        return looked_up(instance) if self.params.looks_up else self.params.output

    def close(self) -> None:
        self.closed += 1

    def _fail(self) -> None:
        if self.params.fails:
            raise RuntimeError(self.params.fails)


def looked_up(instance: Instance) -> Mapping[str, Value]:
    """Outputs that depend on the uids: none for one that is not known, a failure for a bad one."""
    assert isinstance(instance, Kubernetes)
    outputs: dict[str, Value] = {}
    for side, uid in (("source", instance.source_uid), ("destination", instance.destination_uid)):
        if uid == "bad":
            raise RuntimeError("cannot look it up")
        if uid not in ("", "unknown"):
            name = uid.removesuffix("-1").removesuffix("-2")
            outputs |= {f"{side}_pod_name": name, f"{side}_labels": {"app": name}, f"{side}_workload_name": uid}
    return outputs


INVENTORY = Inventory({**ADAPTERS, "scripted": ScriptedAdapter}, {**TEMPLATES, "keyval": KEYVAL})


class Stage:
    """One runtime; `configure` may be called again and again."""

    def __init__(self) -> None:
        self.metrics = RuntimeMetrics()
        self.dispatcher = Dispatcher(Snapshot(), self.metrics)
        self.state = StoreState()

    @property
    def snapshot(self) -> Snapshot:
        return self.dispatcher.snapshot

    def configure(self, text: str) -> list[str]:
        """Puts the resources of `text` in force; the faults as `line: …` texts."""
        before = self.snapshot
        self.state = advance(self.state, {"f": ScannedFile(text)})
        after = Snapshot.build(self.state.resources, before, metrics=self.metrics, inventory=INVENTORY)
        self.dispatcher.exchange(after)
        assert close_replaced(before, after)
        errors: list[ConfigError] = [*self.state.errors, *after.errors]
        return [str(error).removeprefix("f:") for error in errors]

    def handler(self, key: str) -> ScriptedAdapter:
        adapter = self.snapshot.handlers[key].adapter
        assert isinstance(adapter, ScriptedAdapter)
        return adapter

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"mizzen_mixer_{name}", labels) or 0.0

    def respond(
        self,
        attributes: Mapping[str, Any],
        quotas: Mapping[str, QuotaParams] | None = None,
        deduplication_id: str = "",
    ) -> mixer_pb2.CheckResponse:
        request = encode_check_request(attributes, quotas=dict(quotas or {}), deduplication_id=deduplication_id)
        call = CheckCall(request)
        self.dispatcher.check(call)
        return mixer_pb2.CheckResponse.FromString(call.response())

    def check(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The precondition without its references: code, message, validity in seconds, uses, directive."""
        try:
            precondition = self.respond(attributes).precondition
        except CallError as error:
            return {"call": error.code.name, "message": error.message}
        found: dict[str, Any] = {"code": precondition.status.code, "message": precondition.status.message}
        found["valid"] = [precondition.valid_duration.ToNanoseconds() / 1e9, precondition.valid_use_count]
        if precondition.HasField("route_directive"):
            found["directive"] = MessageToDict(precondition.route_directive, preserving_proto_field_name=True)
        return found

    def references(self, attributes: Mapping[str, Any]) -> set[tuple[str, str | None, str]]:
        call = CheckCall(encode_check_request(attributes))
        self.dispatcher.check(call)
        return set(call.mark())

    def report(self, *records: Mapping[str, Any]) -> str:
        """The text of the failure, or an empty one."""
        try:
            self.dispatcher.report(ReportCall(encode_report_request(records)))
        except CallError as error:
            return f"{error.code.name}: {error.message}"
        return ""
