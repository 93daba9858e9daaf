"""Keeps a table equal to a resource of the API server: a list, then a watch from its version on, for ever.

The rules are those of the Kubernetes API: a watch that ended is continued from the last version seen, bookmarks
included; a version that the server has forgotten (410 Gone) means a new list. A server that breaks these rules, by
ending every watch at once or by forgetting the version it has just told, is asked again only after a pause.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from mizzen.kubernetes.api import Api, ApiError

_GONE = 410
_PAGE = "500"
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
SHORTEST_WATCH_S = 1.0


class Sink(Protocol):
    """What a reflector fills. ValueError for what is no object."""

    def replace(self, items: Iterable[Any]) -> None: ...
    def put(self, item: Any) -> None: ...
    def remove(self, item: Any) -> None: ...


class Progress(Protocol):
    """Is told what happens."""

    def synced(self) -> None:
        """The table is a whole list."""

    def failed(self, error: ApiError) -> None:
        """A list or a watch failed; it will be tried again."""


class Reflector:
    """One resource. `seconds` is how long a watch lasts; `monotonic` is a clock in seconds that never goes back."""

    def __init__(
        self,
        api: Api,
        path: str,
        sink: Sink,
        progress: Progress,
        seconds: float,
        pause: Callable[[float], Awaitable[None]],
        query: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._path = path
        self._sink = sink
        self._progress = progress
        self._seconds = seconds
        self._pause = pause
        self._query = dict(query or {})
        self._monotonic = monotonic
        self._version = ""
        self._fresh = False  # no watch has lasted since the list
        self._delay = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiError as error:
                if error.status == _GONE:
                    self._version = ""
                if error.status != _GONE or self._fresh:
                    await self._failed(error)
            except Exception as error:  # an answer that looks like nothing expected must not end the watch for ever
                self._version = ""
                await self._failed(ApiError(0, f"{type(error).__name__}: {error}"))

    async def _failed(self, error: ApiError) -> None:
        self._progress.failed(error)
        self._delay = min(self._delay * 2 or FIRST_PAUSE_S, LONGEST_PAUSE_S)
        await self._pause(self._delay)

    async def _list(self) -> None:
        try:
            items, version = await self._pages({"limit": _PAGE})
        except ApiError as error:
            if error.status != _GONE:
                raise
            items, version = await self._pages({})  # the list changed too much between two pages
        self._take(self._sink.replace, items)
        self._version = version
        self._fresh = True
        self._progress.synced()

    async def _pages(self, options: Mapping[str, str]) -> tuple[list[Any], str]:
        items: list[Any] = []
        query = {**self._query, **options}
        while True:
            document = await self._api.get(self._path, query)
            metadata = document.get("metadata") if isinstance(document, dict) else None
            version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
            if not isinstance(version, str) or not version or not isinstance(metadata, dict):
                raise ApiError(0, "the answer is no list")
            items += document.get("items") or []
            following = metadata.get("continue")
            if not following:
                return items, version
            query["continue"] = str(following)

    async def _watch(self) -> None:
        query = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(max(1, round(self._seconds))),
        }
        start = self._monotonic()
        worked = False
        try:
            async for event in self._api.watch(self._path, query, self._seconds):
                self._apply(event)
                worked = True
        finally:
            worked = worked or self._monotonic() - start >= SHORTEST_WATCH_S
            if worked:
                self._fresh = False
                self._delay = 0.0
        if not worked:
            raise ApiError(0, "the watch ended at once")

    def _apply(self, event: Any) -> None:
        kind, item = (event.get("type"), event.get("object")) if isinstance(event, dict) else (None, None)
        if not isinstance(item, dict):
            raise ApiError(0, "an event has no object")
        if kind == "ERROR":
            code = item.get("code")
            raise ApiError(code if isinstance(code, int) else 0, str(item.get("message", ""))[:200])
        if kind in ("ADDED", "MODIFIED"):
            self._take(self._sink.put, item)
        elif kind == "DELETED":
            self._take(self._sink.remove, item)
        version = (item.get("metadata") or {}).get("resourceVersion")
        if isinstance(version, str) and version:
            self._version = version

    def _take(self, put: Callable[[Any], None], what: Any) -> None:
        try:
            put(what)
        except ValueError as error:
            self._version = ""
            raise ApiError(0, str(error)) from None
