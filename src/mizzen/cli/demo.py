"""`mizzen demo`: watch policies at work."""

from __future__ import annotations

import signal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mizzen.cli.numbers import port_number

if TYPE_CHECKING:
    from rich.console import Console

    from mizzen.demo.judge import Outcome
    from mizzen.demo.scenario import Scenario
    from mizzen.demo.stage import Stage

Port = Annotated[int, typer.Option(metavar="PORT", parser=port_number, help="0: any free one.")]


def demo(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="An example's folder; default: the built-in one.")
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up for requests of your own, until Ctrl-C.")] = False,
    port: Port = 0,
    admin_port: Port = 0,
    mixer_port: Port = 0,
    monitoring_port: Port = 0,
    service_port: Port = 0,
    envoy: Annotated[Path | None, typer.Option("--envoy", "-e", metavar="PATH", help="The Envoy binary.")] = None,
) -> None:
    """Start an example service, a Mixer with example policies and a proxy; send requests and show what happens.

    A folder holds policies/, requests.yaml and, if wanted, filter.yaml, client-filter.yaml and tcp-filter.yaml.

    The exit status is 1 when something did not happen as it must.
    """
    from rich.console import Console

    from mizzen.agent.child import ChildError
    from mizzen.config import ConfigError
    from mizzen.demo.scenario import load_scenario
    from mizzen.demo.stage import Stage, StageOptions, options_for

    signal.signal(signal.SIGTERM, leave)
    ports = StageOptions(port, admin_port, mixer_port, monitoring_port, service_port, envoy=envoy)
    console = Console(highlight=False)
    try:
        with resources.as_file(resources.files("mizzen.demo")) as built_in:
            place = folder or built_in
            scenario = load_scenario(place / "requests.yaml")
            with Stage(place / "policies", options_for(place, scenario, ports)) as stage:
                faults = show(stage, scenario, console)
                if keep:
                    stay(stage, scenario, console)
    except ConfigError as error:
        typer.echo(error.to_text(), err=True)
        raise typer.Exit(1) from None
    except (ChildError, OSError) as error:
        typer.echo(f"mizzen demo: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    if faults:
        typer.echo("mizzen demo: not everything happened as it must:\n" + "\n".join(faults), err=True)
        raise typer.Exit(1)


def leave(number: int, _: object) -> None:
    """A termination unwinds like Ctrl-C, so that every process is stopped."""
    raise SystemExit(128 + number)


def show(stage: Stage, scenario: Scenario, console: Console) -> list[str]:
    """Send the requests, print what happened, and return what should not have."""
    from mizzen.demo.tables import outcome_table, report_table

    console.print(f"service [bold]{stage.service.address}[/]  mixer [bold]{stage.mixer_addresses.grpc}[/]  ", end="")
    console.print(f"proxy [bold]{stage.address}[/]  Envoy's admin [bold]{stage.admin.address}[/]\n")
    outcomes: list[Outcome] = [stage.perform(step) for step in scenario.steps]
    console.print(outcome_table(outcomes))
    faults = [f"{outcome.step.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    faults += stage.telemetry_faults(scenario)
    console.print(stage.summary(), end="\n\n")
    lines = sorted(stage.report_lines(), key=lambda line: str(line.get("time", "")))
    if lines:
        console.print(report_table(lines))
    console.print(f"Metrics: {stage.mixer_addresses.monitoring_url}/metrics")
    for line in own_metrics(stage.metrics()):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    return faults


def own_metrics(text: str) -> list[str]:
    """The samples of the policies' metrics; the Mixer's own have its name, Python's the process's."""
    others = ("#", "mizzen_", "mixer_", "process_", "python_")
    return [line for line in text.splitlines() if line and not line.startswith(others) and "_created" not in line]


def stay(stage: Stage, scenario: Scenario, console: Console) -> None:
    console.print(f"\nThe policies are in {stage.policies}, changes apply at once. Try:")
    for step in scenario.steps:
        console.print(f"  {stage.command(step)}", markup=False, soft_wrap=True)
    console.print("Ctrl-C ends the demonstration.")
    signal.pause()
