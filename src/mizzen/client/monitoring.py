"""The monitoring port of a Mixer, read."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

_SECONDS = 10.0
_LARGEST = 256 << 20


class MonitoringError(Exception):
    """The monitoring port cannot be read; the text names the URL and says why."""


class RefusedError(MonitoringError):
    """The monitoring port answered with an error."""


def read_json(server: str, path: str) -> Mapping[str, Any]:
    """The JSON object at `path`. Raises MonitoringError; ValueError for a `server` that is no http URL."""
    url, text = _ask(server, path)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise MonitoringError(f"{url}: is not a Mixer's monitoring port")
    return found


def read_text(server: str, path: str, *, method: str = "GET", seconds: float = _SECONDS) -> str:
    """The text at `path`, without space around it; raises as `read_json`. With PUT it is the answer to a change."""
    return _ask(server, path, method, seconds)[1].decode("utf-8", "replace").strip()


def _ask(server: str, path: str, method: str = "GET", seconds: float = _SECONDS) -> tuple[str, bytes]:
    """The URL and what was answered."""
    if not server.startswith(("http://", "https://")):
        raise ValueError(f"'{server}'; accepted: a URL such as http://127.0.0.1:15014")
    url = server.rstrip("/") + path
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, method=method), timeout=seconds) as answer:  # noqa: S310 (checked)
            return url, answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        text = error.read(4096).decode("utf-8", "replace").strip()
        raise RefusedError(f"{url}: HTTP {error.code}: {text}") from None
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise MonitoringError(f"{url}: {reason}; is the Mixer's monitoring port there?") from None


def select(
    items: Sequence[Mapping[str, Any]], kind: str = "", name: str = "", namespace: str = ""
) -> list[Mapping[str, Any]]:
    """The resources of a kind, name and namespace; empty texts select all.

    A kind may be in the plural and in any case; `handler` and `instance` mean the older kinds of both too.
    """
    wanted = kind.lower()
    return [
        item
        for item in items
        if (not wanted or wanted in _spellings(item))
        and (not name or item["metadata"]["name"] == name)
        and (not namespace or item["metadata"]["namespace"] == namespace)
    ]


def known_kinds(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The kinds and roles that are there."""
    return sorted({item["kind"] for item in items} | {item["status"]["role"] for item in items})


def _spellings(item: Mapping[str, Any]) -> set[str]:
    names = {str(item["kind"]).lower(), str(item["status"]["role"]).lower()}
    return names | {f"{name}s" for name in names}
