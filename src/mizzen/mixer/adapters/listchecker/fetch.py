"""Fetching a list over HTTP or from a file, within limits of time and size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from mizzen.mixer.adapters.listchecker.provider import Fetched, FetchError

MAX_REDIRECTS = 5


class HttpSource:
    """A list behind an http or https URL."""

    def __init__(
        self, url: str, timeout: float, max_bytes: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._client = httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=MAX_REDIRECTS)

    def fetch(self, conditions: Mapping[str, str]) -> Fetched:
        """Raises `FetchError`. The time limit holds for the whole answer, not for each piece of it."""
        deadline = self._monotonic() + self._timeout
        try:
            with self._client.stream("GET", self._url, headers=dict(conditions)) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return Fetched(None)
                if response.status_code != httpx.codes.OK:
                    raise FetchError(f"status {response.status_code}")
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > self._max_bytes:
                        raise FetchError(f"larger than {self._max_bytes} bytes")
                    if self._monotonic() > deadline:
                        raise FetchError(f"not complete after {self._timeout:g} s")
                return Fetched(bytes(body), {name.lower(): value for name, value in response.headers.items()})
        except httpx.HTTPError as error:
            raise FetchError(f"{type(error).__name__}: {error}".replace(self._url, "the URL")) from None

    def close(self) -> None:
        self._client.close()


class FileSource:
    """A list in a file."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self._path = Path(unquote(urlsplit(url).path))
        self._max_bytes = max_bytes

    def fetch(self, conditions: Mapping[str, str]) -> Fetched:
        """Raises `FetchError`."""
        try:
            with self._path.open("rb") as file:
                body = file.read(self._max_bytes + 1)
        except OSError as error:
            raise FetchError(str(error.strerror or error)) from None
        if len(body) > self._max_bytes:
            raise FetchError(f"larger than {self._max_bytes} bytes")
        return Fetched(body)

    def close(self) -> None:
        """Nothing is kept open."""


def open_source(url: str, timeout: float, max_bytes: int) -> HttpSource | FileSource:
    """The source for an http, https or file URL."""
    return FileSource(url, max_bytes) if url.startswith("file:") else HttpSource(url, timeout, max_bytes)
