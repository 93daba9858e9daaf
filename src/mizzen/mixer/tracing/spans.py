"""The spans of the Mixer's calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from mizzen import __version__
from mizzen.mixer.adapters import CheckResult, Code
from mizzen.mixer.tracing.context import sampled_parent

Result = TypeVar("Result")
_CLOSE_MS = 2000


class Tracing:
    """Makes the spans of calls; may be used from any thread."""

    def __init__(self, exporter: SpanExporter, processor: SpanProcessor | None = None) -> None:
        resource = Resource.create({"service.name": "mizzen-mixer", "service.version": __version__})
        # which calls are traced was decided by whoever began the trace
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mizzen.mixer", __version__)

    def begin(self, method: str, headers: Mapping[str, str], peer: str, age: float) -> TracedCall | None:
        """The trace of a call that came in `age` seconds ago; None when its headers name no sampled trace."""
        parent = sampled_parent(headers)
        if parent is None:
            return None
        flags = TraceFlags(TraceFlags.SAMPLED)
        remote = SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
        span = self._tracer.start_span(
            f"istio.mixer.v1.Mixer/{method}",
            context=set_span_in_context(NonRecordingSpan(remote)),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.method": method, "client.address": peer},
            start_time=time.time_ns() - int(age * 1e9),
        )
        return TracedCall(self, span)

    def child(self, parent: Span, name: str, attributes: Mapping[str, str]) -> Span:
        return self._tracer.start_span(name, context=set_span_in_context(parent), attributes=attributes)

    def close(self) -> None:
        """Sends what is there, for at most two seconds."""
        self._provider.force_flush(_CLOSE_MS)
        self._provider.shutdown()


class TracedCall:
    """One call with its span; see `CallTrace`."""

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span

    def around(
        self, template: str, handler: str, adapter: str, ask: Callable[[], Result | Future[Result]]
    ) -> Result | Future[Result]:
        attributes = {"mesh_function": template, "handler": handler, "adapter": adapter}
        span = self._tracing.child(self._span, f"{template}:{handler}({adapter})", attributes)
        try:
            answer = ask()
        except BaseException as error:
            _end(span, error)
            raise
        if isinstance(answer, Future):
            answer.add_done_callback(lambda future: _end_with_future(span, future))
        else:
            _end(span, None, answer)
        return answer

    def end(self, code: int, message: str) -> None:
        """Ends the call's span with its gRPC status."""
        self._span.set_attribute("rpc.grpc.status_code", code)
        if code != Code.OK:
            self._span.set_status(Status(StatusCode.ERROR, message))
        self._span.end()


def _end_with_future(span: Span, future: Future[Result]) -> None:
    error = future.exception()
    _end(span, error, None if error is not None else future.result())


def _end(span: Span, error: BaseException | None, answer: object = None) -> None:
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, str(error)))
    elif isinstance(answer, CheckResult):
        code = answer.status.code
        span.set_attribute("response_code", Code(code).name if code in Code._value2member_map_ else str(code))
    span.end()
