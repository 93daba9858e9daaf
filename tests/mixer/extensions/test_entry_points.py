from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mizzen.mixer.extensions import Catalog, installed

MODULE = """\
from dataclasses import dataclass
from typing import ClassVar
from mizzen.sdk import Adapter, CheckResult, Instance, Variety, template_of

@dataclass(slots=True)
class Ticket(Instance):
    template: ClassVar[str] = "ticket"
    number: int = 0

TICKET = template_of(Ticket, Variety.CHECK)

class TicketOffice(Adapter):
    name = "ticket-office"
    templates = frozenset(["ticket"])

    def check(self, instance):
        return CheckResult(uses=instance.number)
"""
ENTRY_POINTS = """\
[mizzen.adapters]
office = mizzen_ticket_office:TicketOffice

[mizzen.templates]
ticket = mizzen_ticket_office:TICKET
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package."""
    (tmp_path / "mizzen_ticket_office.py").write_text(MODULE)
    information = tmp_path / "ticket_office-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: ticket-office\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mizzen_ticket_office", raising=False)
    return tmp_path


def test_adapters_and_templates_of_installed_packages_are_found(package: Path) -> None:
    catalog = Catalog(points=[point for point in installed() if point.dist and point.dist.name == "ticket-office"])
    catalog.refresh()
    assert catalog.errors == ()
    assert "ticket-office" in catalog.inventory.adapters
    assert "ticket" in catalog.inventory.templates


def test_a_module_as_a_value_stands_for_all_that_it_defines(package: Path) -> None:
    (package / "ticket_office-1.0.dist-info" / "entry_points.txt").write_text(
        "[mizzen.adapters]\nall = mizzen_ticket_office\n"
    )
    catalog = Catalog(points=[point for point in installed() if point.dist and point.dist.name == "ticket-office"])
    catalog.refresh()
    assert catalog.errors == ()
    assert "ticket-office" in catalog.inventory.adapters
    assert "ticket" in catalog.inventory.templates


def test_a_package_that_cannot_be_imported_is_an_error_for_each_of_its_entry_points(package: Path) -> None:
    (package / "mizzen_ticket_office.py").write_text("raise RuntimeError('not now')\n")
    points = [point for point in installed() if point.dist and point.dist.name == "ticket-office"]
    catalog = Catalog(points=points)
    catalog.refresh()
    assert list(map(str, catalog.errors)) == [
        "entry point office of ticket-office: cannot be loaded: RuntimeError: not now",
        "entry point ticket of ticket-office: cannot be loaded: RuntimeError: not now",
    ]
