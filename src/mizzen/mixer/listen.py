"""Where the Mixer's gRPC API is served, as `--address` writes it: `IP`, `tcp://IP:PORT` or `unix:///PATH`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mizzen.agent.address import AddressError, is_ip, parse_host_port, parse_listen_address

ACCEPTED = "an IP address such as 0.0.0.0, tcp://IP:PORT or unix:///PATH"
_LONGEST_PATH = 107
"""Bytes that Linux has for the path of a socket."""


@dataclass(frozen=True)
class UnixSocket:
    """A Unix socket: its absolute path, and the permissions of its file."""

    path: Path
    mode: int = 0o600

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True)
class Listen:
    """An address of this machine, with a port where one is part of it; or a socket, and then the others are empty."""

    address: str = ""
    port: int | None = None
    socket: UnixSocket | None = None


def parse_listen(text: str, mode: int = 0o600) -> Listen:
    """Reads `text`; `mode` is for a socket. AddressError says what is accepted."""
    scheme, slashes, rest = text.partition("://")
    if not slashes and text.startswith("unix:/"):
        scheme, rest = "unix", text.removeprefix("unix:")
    if scheme == "unix":
        return Listen(socket=UnixSocket(_parse_path(rest, text), mode))
    if scheme == "tcp" and slashes:
        found = parse_host_port(rest)
        if not found.is_ip:
            raise AddressError(f"'{found.host}' is not an IP address; accepted: {ACCEPTED}")
        return Listen(found.host, found.port)
    if slashes:
        raise AddressError(f"'{text}' has an unknown scheme; accepted: {ACCEPTED}")
    host, colon, _ = text.rpartition(":")
    if colon and is_ip(host.strip("[]")) and not is_ip(text.strip("[]")):
        return parse_listen(f"tcp://{text}")
    try:
        return Listen(parse_listen_address(text))
    except AddressError:
        raise AddressError(f"'{text}' is not an address to listen on; accepted: {ACCEPTED}") from None


def _parse_path(text: str, whole: str) -> Path:
    if not text.startswith("/") or text.endswith("/") or "\0" in text or not text.isprintable():
        raise AddressError(f"'{whole}' names no file by its absolute path; accepted: {ACCEPTED}")
    if len(os.fsencode(text)) > _LONGEST_PATH:
        raise AddressError(f"'{whole}' has a path of more than {_LONGEST_PATH} bytes; accepted: a shorter one")
    return Path(text)
