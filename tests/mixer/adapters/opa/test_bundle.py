from __future__ import annotations

import contextlib
import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.opa.bundle import Bundle, BundleError, read_bundle

WASM = b"\0asm\1\0\0\0"
MANIFEST = b'{"wasm": [{"entrypoint": "a/allow", "module": "/policy.wasm"}]}'


def bundle(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("_", "/"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def test_a_bundle_has_a_module_and_data() -> None:
    content = bundle(
        **{"/.manifest": MANIFEST, "/policy.wasm": WASM, "/data.json": b'{"x": 1}', "/p.rego": b"package a"}
    )
    assert read_bundle(content, "a/allow") == Bundle(WASM, b'{"x": 1}')
    assert read_bundle(bundle(**{"./.manifest": MANIFEST, "./policy.wasm": WASM}), "a/allow") == Bundle(WASM)


def test_a_module_may_come_without_a_bundle() -> None:
    assert read_bundle(WASM, "a/allow") == Bundle(WASM)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is cut off"),
        (b"text", r"is not a tar\.gz archive"),
        (gzip.compress(b"text" * 200), r"is not a tar\.gz archive"),
        (bundle(**{"/.manifest": MANIFEST})[:-20], "is cut off"),
        (bundle(**{"/p.rego": b"package a"}), r"has no compiled policy: build it with `opa build -t wasm`"),
        (bundle(**{"/.manifest": MANIFEST}), r"lacks policy\.wasm"),
        (bundle(**{"/.manifest": b"{"}), r"has a \.manifest that is not JSON"),
        (bundle(**{"/.manifest": b"[]"}), r"has a \.manifest that is not an object"),
        (bundle(**{"/.manifest": b'{"wasm": [1]}'}), "list of wasm modules is not as documented"),
        (bundle(**{"/.manifest": b'{"wasm": 1}'}), "list of wasm modules is not as documented"),
        (bundle(**{"/.manifest": b'{"wasm": [{"entrypoint": "b", "module": 1}]}'}), "is not as documented"),
        (bundle(**{"/.manifest": MANIFEST.replace(b"a/", b"b/")}), "has no entry point a/allow; it has b/allow"),
        (
            bundle(**{"/.manifest": MANIFEST, "/policy.wasm": WASM, "/data.json": b"[]"}),
            r"data\.json that is not an object",
        ),
        (bundle(**{"/.manifest": MANIFEST, "/policy.wasm": WASM, "/a/data.json": b"{}"}), r"has data in a/data\.json"),
        (gzip.compress(bytes(2**26 + 1)), "has more than 67108864 bytes"),
    ],
)
def test_what_cannot_be_used_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        read_bundle(content, "a/allow")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_bundle_or_an_error(content: bytes, zipped: bool) -> None:
    with contextlib.suppress(BundleError):
        read_bundle(gzip.compress(content) if zipped else content, "a/allow")
