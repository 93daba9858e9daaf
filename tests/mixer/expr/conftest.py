"""The vocabulary and the data cases that the tests of the expression language share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.mixer.expr import RecordedAttributes, Value, ValueType, Vocabulary
from mizzen.mixer.expr.texts import read_value

HERE = Path(__file__).parent


class Loader(yaml.SafeLoader):
    """Reads times as texts."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 (a safe loader, see above)


VOCABULARY = Vocabulary({name: ValueType.from_name(kind) for name, kind in load(HERE / "vocabulary.yaml").items()})


def values_of(case: Mapping[str, Any]) -> dict[str, Value]:
    return {name: read_value(VOCABULARY[name], data) for name, data in case.get("bag", {}).items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `case` runs once per data case; those of files `cel_….yaml` are in CEL."""
    if "case" in metafunc.fixturenames:
        cases = [
            pytest.param({"language": path.stem.split("_")[0], **case}, id=f"{path.stem}-{case.get('name', number)}")
            for path in sorted((HERE / "cases").glob("*.yaml"))
            for number, case in enumerate(load(path), 1)
        ]
        metafunc.parametrize("case", cases)


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return VOCABULARY


@pytest.fixture
def values(case: Mapping[str, Any]) -> dict[str, Value]:
    """The attributes of the case."""
    return values_of(case)


@pytest.fixture
def bag(values: dict[str, Value]) -> RecordedAttributes:
    return RecordedAttributes(values)
