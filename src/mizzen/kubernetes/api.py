"""What is asked of an API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol


class ApiError(Exception):
    """The API server could not be asked or refused; `status` is that of HTTP, 0 without an answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"status {status}: {reason}" if status else reason)
        self.status = status


class ClusterConfigError(Exception):
    """There is no usable configuration of a cluster."""


class Api(Protocol):
    """The two requests that a reflector makes. Both raise `ApiError`."""

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The JSON document of the answer."""

    def watch(self, path: str, query: Mapping[str, str], seconds: float) -> AsyncIterator[Any]:
        """The events of a watch, each a JSON document, until the server ends it."""
