"""Run one Envoy: announce its ports, pass signals on, stop it without losing reports."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mizzen.agent import envoy as binary
from mizzen.agent.address import AddressError, parse_host_port
from mizzen.agent.admin import Admin, AdminError
from mizzen.agent.shutdown import Action, Phase, Shutdown
from mizzen.readiness import ProxyAddresses

STOP = frozenset([signal.SIGTERM, signal.SIGINT])
# Envoy reopens its access logs on SIGUSR1 and takes no notice of SIGHUP.
PASS_ON = frozenset([signal.SIGHUP, signal.SIGUSR1])
WATCHED = STOP | PASS_ON | {signal.SIGCHLD}
POLL_SECONDS = 0.02
EAGER_LOOKS = 1000
LAZY_SECONDS = 1.0
IDLE_SECONDS = 60.0


class Supervisor:
    """Owns one Envoy process from start to exit."""

    def __init__(
        self, envoy: Path, arguments: list[str], directory: Path, announce: Callable[[ProxyAddresses], None]
    ) -> None:
        self.envoy = envoy
        self.address_file = directory / "admin-address"
        # Immediate: every answer given while draining tells its client to go away, not one now and then.
        own = ["--disable-hot-restart", "--drain-strategy", "immediate", "--admin-address-path", str(self.address_file)]
        self.arguments = [*arguments, *own]
        self.announce = announce
        self.admin: Admin | None = None
        self.ready = False
        self.looks = 0
        self.shutdown = Shutdown()

    def run(self) -> int:
        """Start Envoy, wait until it ends and return its exit status; `EnvoyError` if it cannot be started."""
        with signals_held():
            process = binary.start(self.envoy, self.arguments)
            try:
                while process.poll() is None:
                    self.step(process)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        return binary.exit_status(process.returncode)

    def step(self, process: subprocess.Popen[bytes]) -> None:
        received = signal.sigtimedwait(WATCHED, self.patience())
        if received is not None and received.si_signo in PASS_ON:
            process.send_signal(received.si_signo)
        elif received is not None and received.si_signo in STOP:
            self.act(self.shutdown.on_signal(time.monotonic()), process)
        if self.shutdown.phase is Phase.DRAINING:
            self.act(self.shutdown.on_in_flight(self.in_flight(), time.monotonic()), process)
        elif not self.ready and self.shutdown.phase is Phase.RUNNING:
            self.look_for_readiness()

    def patience(self) -> float:
        """How long to wait for a signal before looking at Envoy again; a config without an admin never gets ready."""
        if self.shutdown.phase is Phase.DRAINING:
            return POLL_SECONDS
        if not self.ready:
            self.looks += 1
            return POLL_SECONDS if self.looks < EAGER_LOOKS else LAZY_SECONDS
        return IDLE_SECONDS

    def act(self, action: Action, process: subprocess.Popen[bytes]) -> None:
        if action is Action.DRAIN and self.admin is not None:
            try:
                self.admin.post("/drain_listeners?graceful&skip_exit")
            except AdminError:
                self.act(self.shutdown.terminate(), process)
        elif action is Action.TERMINATE:
            process.terminate()
        elif action is Action.KILL:
            process.kill()

    def in_flight(self) -> int | None:
        if self.admin is None:
            return None
        try:
            return self.admin.in_flight()
        except AdminError:
            return None

    def look_for_readiness(self) -> None:
        self.admin = self.admin or self.find_admin()
        if self.admin is None or not self.admin.is_live():
            return
        try:
            listeners = self.admin.listeners()
        except AdminError:
            return
        self.ready = True
        self.announce(ProxyAddresses.of_listeners(self.admin.address, listeners))

    def find_admin(self) -> Admin | None:
        """Envoy writes the file when its admin interface listens; a half-written one is no address yet."""
        try:
            return Admin(parse_host_port(self.address_file.read_text(encoding="ascii").strip()))
        except (OSError, AddressError):
            return None


@contextmanager
def signals_held() -> Iterator[None]:
    """Signals wait until the loop takes them, so that none interrupts a step. For the main thread only."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
