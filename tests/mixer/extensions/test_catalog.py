from __future__ import annotations

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mizzen.mixer.adapters import Adapter
from mizzen.mixer.extensions import Catalog

HELLO = """\
from mizzen.sdk import Adapter, CheckResult, Params

VERSION = 1

class Hello(Adapter):
    name = "hello"
    templates = frozenset(["checknothing"])

    def check(self, instance):
        return CheckResult(uses=VERSION)
"""

BADGE = """\
from dataclasses import dataclass
from typing import ClassVar
from mizzen.sdk import Adapter, CheckResult, Instance, Variety, template_of

@dataclass(slots=True)
class Badge(Instance):
    template: ClassVar[str] = "badge"
    user: str = ""

BADGE = template_of(Badge, Variety.CHECK)
"""


def texts(catalog: Catalog, folder: Path) -> list[str]:
    return [str(error).replace(str(folder), "D") for error in catalog.errors]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    (tmp_path / "hello.py").write_text(HELLO)
    found = Catalog([tmp_path])
    assert found.refresh()
    assert not found.errors
    return found


def version(catalog: Catalog) -> Any:
    adapter: Any = catalog.inventory.adapters["hello"]
    return adapter.check(None, None).uses


def test_an_adapter_of_a_folder_stands_beside_the_built_in_ones(catalog: Catalog) -> None:
    assert {"hello", "denier"} <= set(catalog.inventory.adapters)
    assert catalog.added == 1


def test_nothing_changes_while_the_files_stay_the_same(catalog: Catalog, tmp_path: Path) -> None:
    before = catalog.inventory
    (tmp_path / "hello.py").write_text(HELLO)
    (tmp_path / "readme.txt").write_text("x")
    assert not catalog.refresh()
    assert catalog.inventory is before


def test_a_change_of_the_same_size_in_the_same_second_is_seen(catalog: Catalog, tmp_path: Path) -> None:
    for number in (2, 3, 4):
        (tmp_path / "hello.py").write_text(HELLO.replace("VERSION = 1", f"VERSION = {number}"))
        assert catalog.refresh()
        assert version(catalog) == number
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (
            HELLO.replace("VERSION = 1", "VERSION = ("),
            "D/hello.py:3:11: hello.py: cannot be loaded: '(' was never closed",
        ),
        (
            HELLO.replace("VERSION = 1", "VERSION = 1 / 0"),
            "D/hello.py:3:1: hello.py: cannot be loaded: ZeroDivisionError: division by zero",
        ),
        (
            HELLO.replace("VERSION = 1", "raise SystemExit(3)"),
            "D/hello.py:3:1: hello.py: cannot be loaded: SystemExit: 3",
        ),
        (
            HELLO.replace("def check", "def chek"),
            "D/hello.py:5:1: hello.py: adapter Hello: is for template 'checknothing' but has no method check; "
            "accepted: def check(self, …)",
        ),
        (
            HELLO.replace('"hello"', '"denier"'),
            "D/hello.py:5:1: hello.py: adapter Hello: has the name 'denier', which is taken; "
            "accepted: a name of its own",
        ),
        (
            HELLO.replace('"hello"', '"rule"'),
            "D/hello.py:5:1: hello.py: adapter Hello: has the name 'rule', which is taken; accepted: a name of its own",
        ),
        (
            HELLO.replace('name = "hello"', ""),
            "D/hello.py:5:1: hello.py: adapter Hello: has no name; "
            "accepted: a name such as badge-check: small letters, digits, '-' and '_'",
        ),
    ],
)
def test_a_broken_version_leaves_the_last_good_one_in_force(
    catalog: Catalog, tmp_path: Path, broken: str, error: str
) -> None:
    catalog.take_load_failures()
    (tmp_path / "hello.py").write_text(broken)
    assert catalog.refresh()
    assert texts(catalog, tmp_path) == [error]
    assert version(catalog) == 1
    assert [Path(kept).name for kept in catalog.kept] == ["hello.py"]
    assert catalog.take_load_failures() == 1
    (tmp_path / "hello.py").write_text(HELLO.replace("VERSION = 1", "VERSION = 2"))
    assert catalog.refresh()
    assert (version(catalog), catalog.errors, catalog.kept) == (2, (), ())


def test_faults_of_what_an_adapter_says_about_itself_are_told_together(tmp_path: Path) -> None:
    text = HELLO.replace('["checknothing"]', '["nothing", "quota"]').replace(
        "    def check", "    Params = int\n    def check"
    )
    (tmp_path / "hello.py").write_text(text)
    catalog = Catalog([tmp_path])
    catalog.refresh()
    assert [error.reason for error in catalog.errors] == [
        "is for template 'nothing', which is not known",
        "is for template 'quota' but has no method quota",
        "has Params that are no pydantic model",
    ]
    assert "hello" not in catalog.inventory.adapters


def test_an_adapter_without_templates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO.replace('frozenset(["checknothing"])', '"checknothing"'))
    catalog = Catalog([tmp_path])
    catalog.refresh()
    assert [error.reason for error in catalog.errors] == ["has no templates"]


def test_a_module_that_is_gone_is_gone(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "hello.py").unlink()
    assert catalog.refresh()
    assert "hello" not in catalog.inventory.adapters


def test_shared_code_has_a_name_with_an_underscore_and_its_change_reloads_its_users(tmp_path: Path) -> None:
    (tmp_path / "_common.py").write_text("VERSION = 5\n")
    (tmp_path / "hello.py").write_text(HELLO.replace("VERSION = 1", "from ._common import VERSION"))
    catalog = Catalog([tmp_path])
    catalog.refresh()
    assert (version(catalog), catalog.errors) == (5, ())
    (tmp_path / "_common.py").write_text("VERSION = 6\n")
    assert catalog.refresh()
    assert version(catalog) == 6


def test_a_package_is_a_module_too_and_tests_are_none(tmp_path: Path) -> None:
    package = tmp_path / "greeting"
    package.mkdir()
    (package / "__init__.py").write_text("from .hello import Hello\n")
    (package / "hello.py").write_text(HELLO)
    (tmp_path / "test_hello.py").write_text("raise RuntimeError\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError\n")
    catalog = Catalog([tmp_path])
    catalog.refresh()
    assert (version(catalog), catalog.errors) == (1, ())
    (package / "hello.py").write_text(HELLO.replace("VERSION = 1", "VERSION = 2"))
    assert catalog.refresh()
    assert version(catalog) == 2


def test_a_template_counts_for_adapters_of_every_module(tmp_path: Path) -> None:
    (tmp_path / "z_badge.py").write_text(BADGE)
    (tmp_path / "hello.py").write_text(HELLO.replace("checknothing", "badge"))
    catalog = Catalog([tmp_path])
    catalog.refresh()
    assert catalog.errors == ()
    assert "badge" in catalog.inventory.templates


def test_the_first_of_two_modules_with_one_name_counts(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "zweiter.py").write_text(HELLO.replace("VERSION = 1", "VERSION = 2"))
    assert catalog.refresh()
    assert version(catalog) == 1
    assert [error.line for error in catalog.errors] == [5]
    assert "taken" in catalog.errors[0].reason


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Catalog([tmp_path / "none"]).refresh()


class Installed(Adapter):
    name = "installed"
    templates = frozenset(["checknothing"])

    def check(self, instance: Any) -> Any:
        return None


def point(value: object, name: str = "p") -> importlib.metadata.EntryPoint:
    def load() -> object:
        if isinstance(value, BaseException):
            raise value
        return value

    found: Any = SimpleNamespace(load=load, name=name, value="package:thing", dist=SimpleNamespace(name="package"))
    entry: importlib.metadata.EntryPoint = found
    return entry


def test_adapters_of_installed_packages_are_there() -> None:
    catalog = Catalog(points=[point(Installed)])
    catalog.refresh()
    assert catalog.inventory.adapters["installed"] is Installed
    assert catalog.errors == ()


def test_an_entry_point_that_cannot_be_loaded_leaves_the_others() -> None:
    catalog = Catalog(
        points=[point(ImportError("no such thing")), point(7, "q"), point(SystemExit("x")), point(Installed)]
    )
    catalog.refresh()
    assert list(map(str, catalog.errors)) == [
        "entry point p of package: cannot be loaded: ImportError: no such thing",
        "entry point q of package: package:thing is no adapter and no template; accepted: a subclass of "
        "mizzen.sdk.Adapter, a mizzen.sdk.Template, or a module with such",
        "entry point p of package: cannot be loaded: SystemExit: x",
    ]
    assert "installed" in catalog.inventory.adapters
    assert catalog.take_load_failures() == 3


def test_an_unforeseen_fault_leaves_what_is_in_force(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise RecursionError("too deep")

    monkeypatch.setattr(catalog, "refresh", fail)
    assert not catalog._refreshed()
    assert version(catalog) == 1
