"""stdio: one line per log entry or metric, on a stream or into a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.results import AdapterError
from mizzen.mixer.adapters.stdio.lines import console_line, json_line
from mizzen.mixer.adapters.stdio.params import Level, StdioParams, Stream
from mizzen.mixer.adapters.stdio.sinks import FileSink, RotatedFileSink, Sink, StreamSink
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.templates import Instance, InstanceTypes, LogEntry, Problem

_FILES = (Stream.FILE, Stream.ROTATED_FILE)


class StdioAdapter(Adapter):
    """Writes what has at least `output_level`; all lines of one report go out in one write."""

    name = "stdio"
    templates = frozenset(["logentry", "metric"])
    Params = StdioParams

    def __init__(self, params: StdioParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._params = params
        self._line = json_line if params.output_as_json else console_line
        self._sink = _open_sink(params, environment)

    @classmethod
    def validate(cls, params: StdioParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        if params.log_stream in _FILES and not params.output_path:
            reason = "need a valid output path when using a FILE or ROTATED_FILE log stream"
            return [Problem(("output_path",), NO_VALUE, reason, "the path of a file")]
        if params.log_stream not in _FILES and params.output_path:
            reason = "cannot specify an output path when using a STDOUT or STDERR log stream"
            return [Problem(("output_path",), params.output_path, reason, "none, or log_stream FILE or ROTATED_FILE")]
        return ()

    def report(self, instances: Sequence[Instance]) -> None:
        lines = []
        for instance in instances:
            level = self._level_of(instance)
            if level >= self._params.output_level:
                lines.append(self._line(level, self._time_of(instance), instance))
        if not lines:
            return
        lines.append("")
        try:
            self._sink.write("\n".join(lines))
        except OSError as error:
            place = self._params.output_path or self._params.log_stream.name
            raise AdapterError(f"cannot write to {place}: {error.strerror or error}") from error

    def close(self) -> None:
        self._sink.close()

    def _level_of(self, instance: Instance) -> Level:
        if isinstance(instance, LogEntry):
            return self._params.severity_levels.get(instance.severity, Level.INFO)
        return self._params.metric_level

    def _time_of(self, instance: Instance) -> Timestamp:
        """The time of a log entry; now for a metric and for an entry that has none."""
        given = instance.timestamp if isinstance(instance, LogEntry) else None
        return given or Timestamp(self.environment.now())


def _open_sink(params: StdioParams, environment: Environment) -> Sink:
    if params.log_stream is Stream.STDOUT:
        return StreamSink(environment.stdout)
    if params.log_stream is Stream.STDERR:
        return StreamSink(environment.stderr)
    path = Path(params.output_path)
    try:
        if params.log_stream is Stream.FILE:
            return FileSink(path)
        return RotatedFileSink(
            path,
            max_bytes=params.max_megabytes_before_rotation * 1_000_000,
            max_age=timedelta(days=params.max_days_before_rotation),
            max_files=params.max_rotated_files,
            now=environment.now,
        )
    except OSError as error:
        raise AdapterError(f"cannot open {path}: {error.strerror or error}") from error
