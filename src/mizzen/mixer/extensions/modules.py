"""Source files to adapters and templates.

Each version of a module is imported under a package name of its own, whose path is the folder, so that versions live
side by side and `from . import _shared` works. Nothing is cached on the disk: a file that is saved twice within the
clock's grain would otherwise be taken for its older self.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import itertools
import linecache
import sys
import traceback
import types
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

from mizzen.config.errors import ConfigError
from mizzen.config.position import Position
from mizzen.mixer.calling import described
from mizzen.mixer.calling.threads import run_within
from mizzen.mixer.extensions.objects import Defined, Loaded, is_adapter
from mizzen.mixer.templates import Template

_PREFIX = "_mizzen_extension_"
_LOAD_SECONDS = 30.0
_versions = itertools.count()
_KEPT_VERSIONS = 2
_packages: dict[Path, list[str]] = {}


class _UncachedLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        linecache.checkcache(path)
        code: types.CodeType = compile(self.get_data(path), path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    """Finds what is imported from below the packages of versions; nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_PREFIX) or not path:
            return None
        base = Path(path[0]) / fullname.rpartition(".")[2]
        for file, inside in ((base / "__init__.py", [str(base)]), (base.with_suffix(".py"), None)):
            if file.is_file():
                return importlib.util.spec_from_file_location(
                    fullname, file, loader=_UncachedLoader(fullname, str(file)), submodule_search_locations=inside
                )
        return None


def load_module(path: Path) -> Loaded:
    """The objects of the file or package at `path`, or why it cannot be loaded. Never raises.

    The import runs on a thread of its own; one that takes 30 s is given up.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    package = f"{_PREFIX}{next(_versions)}"
    parent = types.ModuleType(package)
    parent.__path__ = [str(path.parent)]
    sys.modules[package] = parent
    try:
        name = f"{package}.{path.stem}"
        objects = run_within(_LOAD_SECONDS, lambda: _objects(importlib.import_module(name), path), f"load {path}")
    except BaseException as error:  # also SystemExit: a module must not end the Mixer
        _forget(package)
        return Loaded(error=_import_error(error, path))
    _retire(path, package)
    return Loaded(tuple(objects))


def _objects(module: types.ModuleType, path: Path) -> list[Defined]:
    main = path / "__init__.py" if path.is_dir() else path
    lines = _lines(main)
    found: dict[int, Defined] = {}
    for attribute, value in vars(module).items():
        home = value.instance_type if isinstance(value, Template) else value
        if not (isinstance(value, Template) or is_adapter(value)) or not _is_of(home.__module__, module.__name__):
            continue
        name = attribute if isinstance(value, Template) else value.__name__
        found[id(value)] = Defined(value, path.name, Position(str(main), lines.get(name, 1), 1))
    return list(found.values())


def _is_of(home: str, module: str) -> bool:
    return home == module or home.startswith(f"{module}.")


def _lines(path: Path) -> dict[str, int]:
    """Where the names of a file are defined."""
    lines: dict[str, int] = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef):
            lines[node.name] = node.lineno
        elif isinstance(node, ast.Assign):
            lines |= {target.id: node.lineno for target in node.targets if isinstance(target, ast.Name)}
    return lines


def _import_error(error: BaseException, path: Path) -> ConfigError:
    reason = f"cannot be loaded: {type(error).__name__}: {described(error)}"
    if isinstance(error, SyntaxError) and error.filename:
        reason = f"cannot be loaded: {error.msg}"
        return ConfigError(
            reason, position=Position(error.filename, error.lineno or 1, error.offset or 1), resource=path.name
        )
    inside = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(path.parent) and frame.lineno
    ]
    line = inside[-1].lineno if inside else 1
    file = inside[-1].filename if inside else str(path)
    return ConfigError(reason, position=Position(file, line or 1, 1), resource=path.name)


def _retire(path: Path, package: str) -> None:
    """Forgets versions but the last ones: handlers of the one before may still be closing."""
    versions = _packages.setdefault(path, [])
    versions.append(package)
    while len(versions) > _KEPT_VERSIONS:
        _forget(versions.pop(0))


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if _is_of(name, package)]:
        del sys.modules[name]
