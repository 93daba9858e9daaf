"""The stage, as far as it needs no processes: what an example's folder asks for, and commands for a shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mizzen.agent.address import HostPort
from mizzen.demo.scenario import ConnectionSpec, RequestSpec, Scenario, Step
from mizzen.demo.stage import Stage, StageOptions, escaped, options_for

CONNECTION = Step(name="a", connection=ConnectionSpec(send="it's\n"))


def test_a_folder_opens_the_ports_that_its_files_and_steps_need(tmp_path: Path) -> None:
    plain = options_for(tmp_path, Scenario(steps=[Step(name="a")]), StageOptions(port=7))
    assert plain == StageOptions(port=7)
    connecting = options_for(tmp_path, Scenario(steps=[CONNECTION], service="echo"), StageOptions())
    assert (connecting.tcp, connecting.echo, connecting.tcp_filter_config, connecting.client) == (
        True,
        True,
        None,
        False,
    )
    for name in ("tcp-filter.yaml", "client-filter.yaml"):
        (tmp_path / name).touch()
    configured = options_for(tmp_path, Scenario(steps=[]), StageOptions())
    assert (configured.tcp, configured.client) == (True, True)
    assert configured.tcp_filter_config == tmp_path / "tcp-filter.yaml"


def test_steps_are_told_as_commands() -> None:
    stage = Stage(Path("policies"))
    stage.address = stage.client_address = HostPort("127.0.0.1", 9090)
    stage.tcp_address = HostPort("127.0.0.1", 15432)
    assert stage.command(CONNECTION) == "printf %b 'it'\"'\"'s\\n' | nc -N -s 127.0.0.1 127.0.0.1 15432"
    request = RequestSpec(method="POST", path="/a", headers={"x-b": "c d"}, body="e")
    told = stage.command(Step(name="a", request=request))
    assert told == "curl -i -X POST http://127.0.0.1:9090/a -H 'x-b: c d' -d e"


@pytest.mark.parametrize("text", ["plain", "two\nlines\r\n", "back\\slash \\n", "50 %"])
def test_an_escaped_text_is_on_one_line_and_printed_as_it_was(text: str) -> None:
    assert "\n" not in escaped(text)
    printed = subprocess.run(["/usr/bin/printf", "%b", escaped(text)], capture_output=True, check=True)
    assert printed.stdout.decode() == text
