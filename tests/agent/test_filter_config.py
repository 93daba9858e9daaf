"""Filter configuration files: positions of faults, in any spelling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mizzen.agent.filter_config import load_filter_config, load_tcp_filter_config
from mizzen.config import ConfigError

FILE = """\
# a comment
transport:
  checkCluster: mixer_server
serviceConfigs:
  a.b.c:
    quotaSpec:
    - rules:
      - quotas:
        - {quota: q, charge: -1}
"""


class RefusalError(ValueError):
    """As the native parser raises it."""

    def __init__(self, path: str, value: str, reason: str, accepted: str) -> None:
        super().__init__(reason)
        self.path = path
        self.value = value
        self.reason = reason
        self.accepted = accepted


def refuse(path: str, value: str = "-1") -> RefusalError:
    return RefusalError(path, value, "is negative", "0 or more")


def error_for(tmp_path: Path, path: str, text: str = FILE) -> ConfigError:
    file = tmp_path / "f.yaml"
    file.write_text(text)

    def parse(_: str) -> None:
        raise refuse(path)

    with pytest.raises(ConfigError) as error:
        load_filter_config(file, parse)
    return error.value


@pytest.mark.parametrize(
    ("path", "written", "line"),
    [
        ("transport.check_cluster", "transport.checkCluster", 3),
        ("transport.checkCluster", "transport.checkCluster", 3),
        (
            "service_configs.a.b.c.quota_spec[0].rules[0].quotas[0].charge",
            'serviceConfigs["a.b.c"].quotaSpec[0].rules[0].quotas[0].charge',
            9,
        ),
        ('service_configs["a.b.c"].quota_spec[0].rules', 'serviceConfigs["a.b.c"].quotaSpec[0].rules', 7),
        ("serviceConfigs.a.b.c", 'serviceConfigs["a.b.c"]', 5),
        ("transport.unknown", "transport.unknown", 2),
        ("nowhere", "nowhere", 2),
    ],
)
def test_a_fault_is_told_with_the_line_of_its_field_or_the_nearest_around_it(
    tmp_path: Path, path: str, written: str, line: int
) -> None:
    error = error_for(tmp_path, path)
    assert error.field == written
    assert error.line == line
    assert str(error).endswith(f"{written}: -1 is negative; accepted: 0 or more")


def test_the_parser_gets_the_file_as_json_and_the_caller_gets_its_content(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(FILE)
    seen: list[str] = []
    content = load_filter_config(file, seen.append)
    assert json.loads(seen[0]) == content
    assert content["serviceConfigs"]["a.b.c"]["quotaSpec"][0]["rules"][0]["quotas"] == [{"quota": "q", "charge": -1}]


def test_json_files_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text(json.dumps({"transport": {"disable_report_batch": True}}, indent=2))
    assert load_filter_config(file, len) == {"transport": {"disable_report_batch": True}}


def test_an_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("# nothing\n")
    assert load_filter_config(file, len) == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1\n", "is not YAML"),
        ("- a\n", "is not a mapping; accepted: named fields"),
        ("a: 1\na: 2\n", "is given twice"),
        ("a: 1\n---\nb: 1\n", "is a second document; accepted: one document"),
        ("a: .nan\n", "not JSON compliant"),
    ],
)
def test_what_cannot_be_a_configuration_is_told_by_file(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_filter_config(file, len)
    assert str(error.value).startswith(f"{file}:")
    assert complaint in str(error.value)


def test_each_kind_of_file_has_its_own_fields(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("transport: {}\nreport_interval: 2s\n")
    assert load_tcp_filter_config(path) == {"transport": {}, "report_interval": "2s"}
    with pytest.raises(ConfigError, match=r"report_interval"):
        load_filter_config(path)
