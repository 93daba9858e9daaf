from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mizzen.mixer.adapters import AdapterError
from mizzen.mixer.adapters.stdio import StdioAdapter
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.templates import LogEntry, Metric


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def levels(bench: AdapterBench, params: dict[str, Any], severities: list[str]) -> list[str]:
    bench.build(StdioAdapter, params).report([LogEntry("i", {}, Timestamp(0), severity) for severity in severities])
    return [json.loads(line)["level"] for line in bench.stdout.getvalue().splitlines()]


def test_each_instance_is_a_line_on_stdout(bench: AdapterBench) -> None:
    entries = [LogEntry("a.b.c", {"n": number}, Timestamp(0), "info") for number in range(2)]
    bench.build(StdioAdapter).report(entries)
    head = '{"level":"info","time":"1970-01-01T00:00:00.000000Z","instance":"a.b.c","n":'
    assert bench.stdout.getvalue() == f"{head}0}}\n{head}1}}\n"
    assert bench.stderr.getvalue() == ""


def test_stderr_and_console_form(bench: AdapterBench) -> None:
    params = {"log_stream": "STDERR", "outputAsJson": False}
    bench.build(StdioAdapter, params).report([LogEntry("a.b.c", {"n": 1}, Timestamp(0), "warn")])
    assert bench.stderr.getvalue() == '1970-01-01T00:00:00.000000Z\twarn\ta.b.c\t{"n": 1}\n'
    assert bench.stdout.getvalue() == ""


def test_the_default_severities_are_those_of_the_original(bench: AdapterBench) -> None:
    severities = ["INFORMATIONAL", "info", "Info", "WARN", "warning", "ERR", "FATAL", "unknown", ""]
    expected = ["info", "info", "info", "warn", "warn", "error", "error", "info", "info"]
    assert levels(bench, {}, severities) == expected


def test_given_severities_replace_the_default_ones(bench: AdapterBench) -> None:
    params = {"severity_levels": {"loud": "ERROR", "quiet": 1}}
    assert levels(bench, params, ["loud", "quiet", "ERROR", "WARN"]) == ["error", "warn", "info", "info"]


def test_what_is_below_the_output_level_is_not_written(bench: AdapterBench) -> None:
    assert levels(bench, {"output_level": "WARNING"}, ["info", "warn", "error"]) == ["warn", "error"]


def test_a_report_below_the_output_level_writes_nothing(bench: AdapterBench) -> None:
    assert levels(bench, {"output_level": "ERROR"}, ["info"]) == []


def test_metrics_have_their_own_level_and_the_present_time(bench: AdapterBench) -> None:
    bench.build(StdioAdapter, {"metric_level": "WARNING"}).report([Metric("m", 1, {"a": "b"})])
    assert bench.stdout.getvalue() == (
        '{"level":"warn","time":"2023-11-14T22:13:20.000000Z","instance":"m","value":1,"a":"b"}\n'
    )


def test_an_entry_without_a_time_gets_the_present_one(bench: AdapterBench) -> None:
    bench.advance(1.5)
    bench.build(StdioAdapter).report([LogEntry("i")])
    assert json.loads(bench.stdout.getvalue())["time"] == "2023-11-14T22:13:21.500000Z"


def test_a_file_is_written_and_closed(bench: AdapterBench, tmp_path: Path) -> None:
    path = tmp_path / "out.log"
    handler = bench.build(StdioAdapter, {"log_stream": "FILE", "output_path": str(path)})
    handler.report([LogEntry("i", {"a": 1})])
    handler.close()
    assert json.loads(path.read_text())["a"] == 1
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_rotated_file_keeps_the_number_of_files_asked_for(bench: AdapterBench, tmp_path: Path) -> None:
    params = {
        "log_stream": "ROTATED_FILE",
        "output_path": str(tmp_path / "out.log"),
        "max_megabytes_before_rotation": 1,
        "max_rotated_files": 2,
    }
    handler = bench.build(StdioAdapter, params)
    for _ in range(5):
        handler.report([LogEntry("i", {"a": "x" * 600_000})])
    handler.close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_file_that_cannot_be_opened_keeps_the_handler_from_being_built(bench: AdapterBench, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "out.log"
    with pytest.raises(AdapterError, match=r"cannot open .*/missing/out.log: No such file or directory"):
        bench.build(StdioAdapter, {"log_stream": "FILE", "output_path": str(path)})


def test_a_write_that_fails_is_an_error_that_names_the_file(bench: AdapterBench) -> None:
    handler = bench.build(StdioAdapter, {"log_stream": "FILE", "output_path": "/dev/full"})
    with pytest.raises(AdapterError, match="cannot write to /dev/full: No space left on device"):
        handler.report([LogEntry("i")])
    handler.close()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (
            {"output_path": "x"},
            "output_path: 'x' cannot specify an output path when using a STDOUT or STDERR log stream; "
            "accepted: none, or log_stream FILE or ROTATED_FILE",
        ),
        (
            {"log_stream": "ROTATED_FILE"},
            "output_path: need a valid output path when using a FILE or ROTATED_FILE log stream; "
            "accepted: the path of a file",
        ),
    ],
)
def test_the_path_belongs_to_files(bench: AdapterBench, params: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(StdioAdapter, params)
    assert str(caught.value) == text
