"""Bundles of OPA with a compiled policy: what `opa build -t wasm` writes, or the `policy.wasm` out of one."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from dataclasses import dataclass

_LARGEST = 2**26
_WASM_MAGIC = b"\0asm"


class BundleError(Exception):
    """The bundle cannot be used; the text says why."""


@dataclass(frozen=True)
class Bundle:
    """A Wasm module in the ABI of OPA, and the base data it works on, as a JSON text."""

    module: bytes
    data: bytes = b"{}"


def read_bundle(content: bytes, entry_point: str) -> Bundle:
    """The module for an entry point, such as `mixerauthz/allow`. Raises `BundleError`.

    Signatures in a bundle are not verified.
    """
    if content.startswith(_WASM_MAGIC):
        return Bundle(content)
    files = _files(content)
    manifest = _json_object(files.get(".manifest", b"{}"), ".manifest")
    modules = _modules(manifest)
    if not modules:
        raise BundleError("has no compiled policy: build it with `opa build -t wasm`")
    if entry_point not in modules:
        raise BundleError(f"has no entry point {entry_point}; it has {', '.join(sorted(modules))}")
    name = modules[entry_point].lstrip("/")
    if name not in files:
        raise BundleError(f"lacks {name}, which its manifest names")
    deeper = [name for name in files if name.endswith(("/data.json", "data.yaml", "data.yml"))]
    if deeper:
        raise BundleError(f"has data in {deeper[0]}; `opa build` gathers all in one data.json")
    data = files.get("data.json", b"{}")
    _json_object(data, "data.json")
    return Bundle(files[name], data)


def _modules(manifest: dict[str, object]) -> dict[str, str]:
    modules: dict[str, str] = {}
    listed = manifest.get("wasm", [])
    for entry in listed if isinstance(listed, list) else [None]:
        point, file = (entry.get("entrypoint"), entry.get("module")) if isinstance(entry, dict) else (None, None)
        if not isinstance(point, str) or not isinstance(file, str):
            raise BundleError("has a manifest whose list of wasm modules is not as documented")
        modules[point] = file
    return modules


def _files(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        plain = _unzipped(content)
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    files[member.name.removeprefix("./").lstrip("/")] = file.read()
    except (tarfile.TarError, zlib.error, ValueError, OSError) as error:
        raise BundleError(f"is not a tar.gz archive: {error}") from None
    return files


def _unzipped(content: bytes) -> bytes:
    unzipper = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    plain = unzipper.decompress(content, _LARGEST)
    if unzipper.unconsumed_tail:
        raise BundleError(f"has more than {_LARGEST} bytes")
    if not unzipper.eof:
        raise BundleError("is cut off")
    return plain


def _json_object(content: bytes, name: str) -> dict[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise BundleError(f"has a {name} that is not JSON") from None
    if not isinstance(document, dict):
        raise BundleError(f"has a {name} that is not an object")
    return document
