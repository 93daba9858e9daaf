"""The parent of the workers: starts them on one port, starts again what ends, and ends them together.

A worker is this program with the same arguments, on the shared port and with a monitoring port of its own on loopback.
It ends, with the drain of any Mixer, when its standard input closes, so that it cannot outlive its parent. The first
worker starts alone: what is wrong with the command line or the configuration is said once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from mizzen.mixer.adapters.memquota.service import QuotaService
from mizzen.mixer.monitoring import Monitoring
from mizzen.mixer.process import SPARE_SECONDS, Signals, quit_now
from mizzen.mixer.server import CLOSE_SECONDS
from mizzen.mixer.workers.backoff import Backoff
from mizzen.mixer.workers.pages import WorkerPages
from mizzen.mixer.workers.role import VARIABLE, Role
from mizzen.readiness import MixerAddresses


@dataclass(frozen=True)
class Plan:
    """`arguments` are those of the command line; later ones override."""

    workers: int
    arguments: Sequence[str]
    address: str
    port: int
    monitoring_port: int
    drain_seconds: float


class WorkerFailedError(Exception):
    """The first worker ended before it served, with this exit status; it has said why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the first worker ended with status {status}")
        self.status = status


class Supervisor:
    """One parent. `run` returns when all workers have ended after a signal."""

    def __init__(self, plan: Plan, announce: Callable[[int, int], None]) -> None:
        """`announce` is told the ports of gRPC and of monitoring once all workers serve."""
        self._plan = plan
        self._announce = announce
        self._token = secrets.token_hex(4)
        self._registry = CollectorRegistry()
        self._pages = WorkerPages(plan.workers, self._registry)
        self._quotas = QuotaService(self._registry)
        self._logger = structlog.get_logger()
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._ready: set[int] = set()
        self._signals = Signals(self._quit)

    async def run(self) -> None:
        """Raises OSError when a port cannot be had, WorkerFailedError when the configuration cannot be used."""
        self._signals.listen()
        plan = self._plan
        with reserve(plan.address, plan.port) as reserved:
            port: int = reserved.getsockname()[1]
            monitoring = Monitoring(
                self._pages.pages(),
                plan.address,
                plan.monitoring_port,
                folders={"/decisions/": self._pages.decision},
                actions={"/logging": self._pages.change_log_level},
            )
            monitoring.start()
            sweeping = asyncio.create_task(self._quotas.sweep())
            watching: list[asyncio.Task[None]] = []
            try:
                serving = [asyncio.Event() for _ in range(plan.workers)]
                for index in range(plan.workers):
                    watching.append(asyncio.create_task(self._keep(index, port, serving[index])))
                    if index == 0:
                        await self._until(serving[0], watching[0])
                await asyncio.gather(*(self._until(event, task) for event, task in zip(serving, watching, strict=True)))
                if not self._signals.stop.is_set():
                    self._announce(port, monitoring.port)
                passing = asyncio.create_task(self._pass_on())
                await self._signals.stop.wait()
                passing.cancel()
            finally:
                self._signals.stop.set()
                await self._end(watching)
                sweeping.cancel()
                self._quotas.close()
                await asyncio.to_thread(monitoring.stop)

    async def _pass_on(self) -> None:
        """Tells the workers that serve what SIGHUP told; one that starts reads everything anyway."""
        while True:
            await self._signals.again.wait()
            self._signals.again.clear()
            for index in self._ready & self._processes.keys():
                with contextlib.suppress(ProcessLookupError):
                    self._processes[index].send_signal(signal.SIGHUP)

    async def _until(self, serving: asyncio.Event, watching: asyncio.Task[None]) -> None:
        """Waits until the worker serves, fails, or a signal comes."""
        waits = [asyncio.ensure_future(event.wait()) for event in (serving, self._signals.stop)]
        await asyncio.wait([*waits, watching], return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if watching.done():
            watching.result()

    async def _keep(self, index: int, port: int, serving: asyncio.Event) -> None:
        """Runs worker `index` again and again until the end begins."""
        backoff = Backoff()
        while not self._signals.stop.is_set():
            start = time.monotonic()
            status = await self._live(index, port, serving)
            if self._signals.stop.is_set():
                return
            if not serving.is_set() and index == 0:
                raise WorkerFailedError(status)
            pause = backoff.after(time.monotonic() - start)
            self._logger.error("worker ended", worker=index, status=status, restart_in=pause)
            self._pages.restarted(index)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._signals.stop.wait(), pause)

    async def _live(self, index: int, port: int, serving: asyncio.Event) -> int:
        """One life of a worker: its exit status."""
        process = await self._start(index, port)
        self._processes[index] = process
        try:
            assert process.stdout is not None  # noqa: S101 (asked for)
            async for line in process.stdout:
                ready = MixerAddresses.from_line(line.decode(errors="replace"))
                if ready:
                    self._ready.add(index)
                    self._pages.ready(index, ready.monitoring_url)
                    self._quotas.settled(index)
                    serving.set()
            return await process.wait()
        finally:
            self._ready.discard(index)
            self._pages.gone(index)
            del self._processes[index]

    async def _start(self, index: int, port: int) -> asyncio.subprocess.Process:
        plan = self._plan
        overrides = ["--port", str(port), "--monitoring-port", "0", "--workers", "1"]
        if self._pages.log_level is not None:
            overrides += ["--log-level", self._pages.log_level]
        with await self._quotas.connect(index) as counts:
            role = Role(index, plan.workers, self._token, counts.fileno())
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mizzen",
                *plan.arguments,
                *overrides,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, VARIABLE: role.write()},
                pass_fds=(counts.fileno(),),
                start_new_session=True,  # an interrupt at the terminal is for the parent, which ends them in order
            )

    async def _end(self, watching: Sequence[asyncio.Task[None]]) -> None:
        """Lets the workers drain; kills those that are still there after the time for it."""
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        limit = self._plan.drain_seconds + CLOSE_SECONDS + 2 * SPARE_SECONDS
        if watching:
            _, late = await asyncio.wait(watching, timeout=limit)
            if late:
                self._logger.error("killing workers that did not end", workers=sorted(self._processes))
                self._kill()
                await asyncio.wait(late)

    def _quit(self, status: int) -> None:
        self._kill()
        quit_now(status)

    def _kill(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def reserve(address: str, port: int) -> socket.socket:
    """A socket that is bound to the port and shares it, but takes no connections. OSError when it cannot be had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as alone:  # workers of another parent would share it silently
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((address, port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address, port))
    except OSError as error:
        held.close()
        raise OSError(f"cannot listen on {address}:{port}: {error.strerror or error}") from error
    return held
