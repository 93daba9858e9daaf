"""Every example does what its requests.yaml says, with the real Mixer and the real Envoy."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizzen.demo.scenario import load_scenario
from mizzen.demo.stage import Stage, StageOptions, options_for

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path.parent for path in FOLDER.glob("*/requests.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_the_example_does_what_it_says(folder: Path) -> None:
    scenario = load_scenario(folder / "requests.yaml")
    with Stage(folder / "policies", options_for(folder, scenario, StageOptions())) as stage:
        outcomes = [stage.perform(step) for step in scenario.steps]
        faults = [f"{outcome.step.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
        assert faults + stage.telemetry_faults(scenario) == []


def test_every_folder_is_listed_and_has_what_it_needs() -> None:
    folders = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != "adapters")
    assert folders == EXAMPLES
    index = (FOLDER / "README.md").read_text()
    for folder in folders:
        assert f"({folder.name}/)" in index
        assert (folder / "README.md").exists()
        assert list((folder / "policies").glob("*.yaml"))
