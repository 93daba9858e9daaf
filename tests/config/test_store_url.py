from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from mizzen.config.store_url import StoreUrl, parse_store_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("fs:///etc/roles", StoreUrl(folder=Path("/etc/roles"))),
        ("fs:///etc/the%20roles", StoreUrl(folder=Path("/etc/the roles"))),
        ("k8s://", StoreUrl()),
        ("k8s:///", StoreUrl()),
        ("kube://", StoreUrl()),
        ("kubernetes:///home/me/.kube/config", StoreUrl(kubeconfig="/home/me/.kube/config")),
        ("k8s://?ns=shop", StoreUrl(namespaces=("shop",))),
        ("k8s:///config?ns=shop,cart&ns=shop", StoreUrl(kubeconfig="/config", namespaces=("shop", "cart"))),
    ],
)
def test_stores(url: str, expected: StoreUrl) -> None:
    assert parse_store_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "fs://",
        "fs:///",
        "fs://host/path",
        "fs:///path?ns=shop",
        "k8s:path",
        "k8s://~/.kube/config",
        "k8s:///config#x",
        "mcp://host:1",
        "k8s://[",
        "k8s://?ns",
    ],
)
def test_what_is_no_store_is_refused(url: str) -> None:
    with pytest.raises(PydanticCustomError, match="is not the URL of a store"):
        parse_store_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("k8s://?retry-timeout=1m", "has 'retry-timeout' behind its question mark"),
        ("k8s://?ns=", "names '', which is no namespace"),
        ("k8s://?ns=a,,b", "names '', which is no namespace"),
        ("k8s://?ns=../x", "names '../x', which is no namespace"),
    ],
)
def test_a_query_names_namespaces(url: str, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        parse_store_url(url)


@given(st.sampled_from(["", "fs:", "k8s:", "k8s://"]), st.text())
def test_any_text_is_taken_or_refused(start: str, text: str) -> None:
    try:
        parse_store_url(start + text)
    except PydanticCustomError:
        return
