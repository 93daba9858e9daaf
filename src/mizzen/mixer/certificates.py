"""Certificates that change on disk while the Mixer serves, as cert-manager and a Secret's links change them."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from watchfiles import awatch

from mizzen.mixer.front import Front, Tls

_LOOK_MS = 5_000
_QUIET_MS = 50
_BACKOFF_SECONDS = 1.0
_FAULTS = (OSError, ValueError)


class Certificates:
    """Keeps a front's TLS as the files are. What cannot be used is told and counted, and the last good one stays."""

    def __init__(self, tls: Tls, front: Front, registry: CollectorRegistry, logger: Any = None) -> None:
        self._tls = tls
        self._front = front
        self._logger = logger or structlog.get_logger()
        self._known: tuple[bytes, bytes, bytes | None] | None = None
        self._told = ""
        self._reloads = Counter("mizzen_mixer_tls_reloads", "Changed certificates put in force.", registry=registry)
        self._failures = Counter(
            "mizzen_mixer_tls_reload_failures", "Changed certificates that could not be used.", registry=registry
        )
        self._faulty = Gauge("mizzen_mixer_tls_faulty", "1 while the files on disk cannot be used.", registry=registry)

    def remember(self) -> None:
        """Takes the files as they are for those in force. OSError when one cannot be read."""
        self._known = self._tls.read()

    def look(self) -> None:
        """Puts the files in force if they have changed."""
        try:
            found = self._tls.read()
            if found == self._known and not self._told:
                return
            self._front.reload_tls()
        except _FAULTS as error:
            if str(error) != self._told:  # not again every few seconds
                self._told = str(error)
                self._failures.inc()
                self._faulty.set(1)
                self._logger.error("certificates are not usable, the last good ones stay in force", error=str(error))
            return
        self._known, self._told = found, ""
        self._faulty.set(0)
        self._reloads.inc()
        self._logger.info("certificates in force", certificate=str(self._tls.certificate))

    async def follow(self) -> None:
        """Looks whenever something changes beside the files, and every few seconds; runs until it is cancelled."""
        files = (self._tls.certificate, self._tls.key, self._tls.client_ca)
        directories = {Path(file).parent for file in files if file is not None}
        while True:
            with contextlib.suppress(OSError):  # a directory that is gone is looked for again
                changes = awatch(
                    *directories,
                    watch_filter=None,
                    recursive=False,
                    step=_QUIET_MS,
                    rust_timeout=_LOOK_MS,
                    yield_on_timeout=True,
                )
                async for _ in changes:
                    await asyncio.to_thread(self.look)
            await asyncio.sleep(_BACKOFF_SECONDS)
