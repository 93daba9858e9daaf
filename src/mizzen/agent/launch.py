"""From a rendered configuration to a running Envoy: write it, let Envoy check it, run it."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mizzen.agent import envoy as binary
from mizzen.agent.bootstrap import Rendered, native_module
from mizzen.agent.supervise import Supervisor
from mizzen.config import ConfigError, Position
from mizzen.readiness import ProxyAddresses


@dataclass(frozen=True)
class EnvoyOptions:
    """How to run Envoy. `config` keeps the rendered text there; `concurrency` 0 means one worker per core."""

    binary: Path | None = None
    config: Path | None = None
    log_level: str = "warning"
    concurrency: int = 0


def launch(
    rendered: Rendered, options: EnvoyOptions, announce: Callable[[ProxyAddresses], None], warn: Callable[[str], None]
) -> int:
    """Run Envoy until it ends and return its exit status.

    `announce` is called once, when all ports are open. A configuration Envoy refuses raises `EnvoyError` with Envoy's
    text, a file that cannot be written `ConfigError`. `warn` is told when the binary is of an untested release.
    """
    if options.binary is not None:
        check_version(options.binary, warn)
    envoy = options.binary or binary.packaged_envoy()
    with tempfile.TemporaryDirectory(prefix="mizzen-proxy-") as directory:
        path = options.config or Path(directory) / "envoy.yaml"
        write(path, rendered.text_for(path))
        validate(envoy, path, rendered.source)
        arguments = ["-c", str(path), "-l", options.log_level]
        if options.concurrency:
            arguments += ["--concurrency", str(options.concurrency)]
        return Supervisor(envoy, arguments, Path(directory), announce).run()


def validate(envoy: Path, path: Path, source: str) -> None:
    try:
        binary.validate(envoy, path)
    except binary.RefusedError as error:
        hint = f"rendered from {source}; --print shows the whole configuration"
        if not native_module().exists():
            hint = f"the Mixer filter is not built: {native_module()} is missing; make setup builds it"
        raise binary.EnvoyError(f"Envoy refuses the configuration\n{error}\n({hint})") from None


def check_version(envoy: Path, warn: Callable[[str], None]) -> None:
    found = binary.version(envoy)
    if found != binary.SUPPORTED_VERSION:
        shown = found or "of unknown release"
        warn(f"{envoy} is {shown}; the Mixer filter is built for {binary.SUPPORTED_VERSION} and may misbehave")


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", position=Position(str(path), 1, 1)) from None


@contextmanager
def reserved_port(address: str) -> Iterator[int]:
    """A free port that stays ours: bound but not listening, and shareable with an Envoy of the same user.

    Needed when the configuration must name a port before Envoy has chosen it.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind((address, 0))
        except OSError as error:
            position = Position("--address", 1, 1)
            raise ConfigError(f"cannot be bound: {error.strerror}", position=position, value=address) from None
        port: int = held.getsockname()[1]
        yield port
