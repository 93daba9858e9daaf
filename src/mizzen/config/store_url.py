"""Where resources come from: a folder, or the custom resources of a Kubernetes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic_core import PydanticCustomError

from mizzen.config.spec import invalid

_FOLDER = "fs"
_KUBERNETES = ("k8s", "kube", "kubernetes")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_ACCEPTED = (
    "fs:///absolute/path of a folder; k8s:// for the cluster this process runs in or k8s:///absolute/path of a"
    " kubeconfig, both with ?ns=a,b for some namespaces alone"
)


@dataclass(frozen=True)
class StoreUrl:
    """A folder; or the cluster of `kubeconfig` (empty: the one this process runs in), of which only `namespaces` count
    if there are any."""

    folder: Path | None = None
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()


def parse_store_url(url: str) -> StoreUrl:
    """Raises what `invalid` makes, for pydantic."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=8)
    except ValueError:
        raise _refused() from None
    path = unquote(parts.path)
    if parts.netloc or parts.fragment or "\0" in path:
        raise _refused()
    if parts.scheme == _FOLDER and len(path) > 1 and not query:
        return StoreUrl(folder=Path(path))
    if parts.scheme in _KUBERNETES and url.startswith(f"{parts.scheme}://"):
        return StoreUrl(kubeconfig="" if path == "/" else path, namespaces=_namespaces(query))
    raise _refused()


def _namespaces(query: list[tuple[str, str]]) -> tuple[str, ...]:
    found: list[str] = []
    for name, value in query:
        if name != "ns":
            raise invalid(f"has {name!r} behind its question mark", "ns=, namespaces with commas between")
        found += value.split(",")
    for namespace in found:
        if not _NAMESPACE.fullmatch(namespace):
            raise invalid(f"names {namespace!r}, which is no namespace", "ns=, namespaces with commas between")
    return tuple(dict.fromkeys(found))


def _refused() -> PydanticCustomError:
    return invalid("is not the URL of a store", _ACCEPTED)
