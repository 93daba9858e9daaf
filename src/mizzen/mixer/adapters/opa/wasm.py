"""A policy compiled to WebAssembly, evaluated by Wasmtime: OPA's ABI 1.2 and later.

The ABI is documented at openpolicyagent.org/docs/wasm. The one place that imports wasmtime.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from wasmtime import (
    Config,
    Engine,
    Func,
    FuncType,
    Global,
    Instance,
    Limits,
    Memory,
    MemoryType,
    Module,
    Store,
    Trap,
    WasmtimeError,
)

from mizzen.mixer.adapters.opa.bundle import Bundle, BundleError
from mizzen.mixer.adapters.opa.decider import OpaError, UndefinedError, json_of
from mizzen.mixer.adapters.opa.host_functions import HostFunction, chosen

_PAGE = 2**16
_MOST_PAGES = 2**12  # 256 MiB for the data and one evaluation
_LARGEST_ANSWER = 2**20
_PART = 2**9


class CompiledModule:
    """Machine code made of a bundle's module, for any number of evaluators. Building it takes some tenths of a second.

    An evaluation that lives through more than `ticks` calls of `tick` is stopped.
    """

    def __init__(self, bundle: Bundle, functions: Mapping[str, HostFunction], ticks: int) -> None:
        """Raises `BundleError`."""
        config = Config()
        config.epoch_interruption = True
        self._engine = Engine(config)
        self._bundle = bundle
        self._functions = functions
        self._ticks = ticks
        try:
            self._module = Module(self._engine, bundle.module)
        except WasmtimeError as error:
            raise BundleError(f"has a module that is no WebAssembly: {_reason(error)}") from None

    def tick(self) -> None:
        self._engine.increment_epoch()

    def evaluator(self, entry_point: str) -> Evaluator:
        """Raises `BundleError` if the module is not one of OPA, lacks the entry point or needs unknown functions."""
        store = Store(self._engine)
        try:
            return Evaluator(store, self._module, self._bundle.data, entry_point, self._functions, self._ticks)
        except OpaError as error:
            store.close()
            raise BundleError(str(error)) from None


class Evaluator:
    """An instance of a module with memory of its own, for one thread at a time. After an `OpaError` that is no
    `UndefinedError` it must not be used again. It must be closed: wasmtime holds on to the functions given to it."""

    def __init__(
        self,
        store: Store,
        module: Module,
        data: bytes,
        entry_point: str,
        functions: Mapping[str, HostFunction],
        ticks: int,
    ) -> None:
        self._store = store
        self._ticks = ticks
        self._functions: Mapping[int, HostFunction] = {}
        self._failure = ""
        self._start_clock()
        try:
            self._memory = self._new_memory(module)
            instance = Instance(self._store, module, [self._import(module, kind) for kind in module.imports])
        except (Trap, WasmtimeError) as error:
            raise OpaError(f"has a module that is not of OPA: {_reason(error)}") from None
        self._exports = instance.exports(self._store)
        self._check_version()
        self._call("opa_malloc", 0)
        self._functions = chosen(functions, self._object("builtins"))
        entry_points = self._object("entrypoints")
        if entry_point not in entry_points:
            raise OpaError(f"has no entry point {entry_point}; it has {', '.join(sorted(entry_points))}")
        self._entry_point = int(entry_points[entry_point])
        self._data = self._parse("opa_json_parse", data)
        self._call("opa_heap_blocks_stash")
        self._heap = self._call("opa_heap_ptr_get")

    def evaluate(self, question: Mapping[str, Any]) -> object:
        """The value of the rule. Raises `UndefinedError` if it has none, `OpaError` when it fails or takes too long."""
        self._start_clock()
        content = json_of(question)
        end = self._heap + len(content)
        self._write(content, self._heap)
        address = self._call("opa_eval", 0, self._entry_point, self._data, self._heap, len(content), end, 0)
        results = self._json(address)
        if results == []:
            raise UndefinedError("is undefined")
        try:
            return results[0]["result"]  # type: ignore[index]
        except (TypeError, LookupError):
            raise OpaError("the answer is not as documented") from None

    def close(self) -> None:
        self._store.close()

    @property
    def memory_size(self) -> int:
        """Bytes, as far as the module had to have."""
        return self._memory.data_len(self._store)

    def _start_clock(self) -> None:
        self._store.set_epoch_deadline(self._ticks + 1)

    def _new_memory(self, module: Module) -> Memory:
        for kind in module.imports:
            if isinstance(kind.type, MemoryType):
                return Memory(self._store, MemoryType(Limits(kind.type.limits.min, _MOST_PAGES)))
        raise OpaError("has a module that is not of OPA: it imports no memory")

    def _import(self, module: Module, kind: Any) -> Func | Memory:
        if isinstance(kind.type, MemoryType):
            return self._memory
        if not isinstance(kind.type, FuncType):
            raise OpaError(f"has a module that is not of OPA: it imports {kind.module}.{kind.name}")
        return Func(self._store, kind.type, self._host(kind.name))

    def _host(self, name: str) -> Callable[..., int | None]:
        if name.startswith("opa_builtin"):
            return self._run_host_function
        if name == "opa_abort":
            return self._abort
        raise OpaError(f"has a module that is not of OPA: it imports {name}")

    def _run_host_function(self, number: int, _context: int, *arguments: int) -> int:
        try:
            value = self._functions[number](*(self._value(address) for address in arguments))
            return self._parse("opa_json_parse", json.dumps(value).encode())
        except Exception as error:  # whatever it is, it must end the evaluation as one that fails
            raise self._failed(str(error) or type(error).__name__) from None

    def _abort(self, address: int) -> None:
        raise self._failed(self._text(address).decode("utf-8", "replace"))

    def _failed(self, reason: str) -> OpaError:
        """Kept here, since wasmtime keeps the last exception of such a function for all threads together."""
        self._failure = self._failure or reason
        return OpaError(reason)

    def _check_version(self) -> None:
        major, minor = (self._exports.get(f"opa_wasm_abi_{part}") for part in ("version", "minor_version"))
        if not isinstance(major, Global) or not isinstance(minor, Global):
            raise OpaError("has a module that is not of OPA: it tells no version of its ABI")
        version = (cast(int, major.value(self._store)), cast(int, minor.value(self._store)))
        if version[0] != 1 or version[1] < 2:
            raise OpaError(f"has ABI {version[0]}.{version[1]}, and 1.2 or a later 1.x is needed: build it anew")

    def _object(self, name: str) -> dict[str, Any]:
        value = self._value(self._call(name))
        if not isinstance(value, dict):
            raise OpaError(f"has a module whose {name} are no object")
        return value

    def _value(self, address: int) -> object:
        return self._json(self._call("opa_json_dump", address))

    def _json(self, address: int) -> object:
        try:
            return json.loads(self._text(address))
        except (ValueError, RecursionError):
            raise OpaError("has a value that JSON cannot hold") from None

    def _parse(self, function: str, content: bytes) -> int:
        address = self._call("opa_malloc", len(content))
        self._write(content, address)
        value = self._call(function, address, len(content))
        self._call("opa_free", address)
        if not value:
            raise OpaError("has data that OPA cannot read")
        return value

    def _write(self, content: bytes, address: int) -> None:
        lacking = address + len(content) - self._memory.data_len(self._store)
        try:
            if lacking > 0:
                self._memory.grow(self._store, -(-lacking // _PAGE))
            self._memory.write(self._store, content, address)
        except (WasmtimeError, IndexError):
            raise OpaError(f"needs more than {_MOST_PAGES * _PAGE} bytes of memory") from None

    def _text(self, address: int) -> bytes:
        """The bytes up to the zero."""
        size = self._memory.data_len(self._store)
        text, part = bytearray(), _PART
        while address < size and len(text) <= _LARGEST_ANSWER:
            head, zero, _ = self._memory.read(self._store, address, min(address + part, size)).partition(b"\0")
            text += head
            if zero:
                return bytes(text)
            address, part = address + part, part * 2
        raise OpaError("the answer is too large")

    def _call(self, name: str, *arguments: int) -> int:
        function = self._exports.get(name)
        if not isinstance(function, Func):
            raise OpaError(f"has a module that is not of OPA: it lacks {name}")
        try:
            return cast(int, function(self._store, *arguments))
        except (Trap, WasmtimeError, OpaError) as error:
            raise OpaError(self._failure or _reason(error)) from None


def _reason(error: Exception) -> str:
    """In one line: Wasmtime tells the stack first and the cause last."""
    cause = str(error).strip().splitlines()[-1].strip()
    return "takes too long" if cause.endswith("interrupt") else f"fails: {cause}"
