"""Addresses of Redis: one server, a cluster, or a master that sentinels name. Needs no Redis client."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@?#\s]+)(?::(\d{1,5}))?")
_TLS_OPTIONS = frozenset(
    ["ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"]
)
_VERIFICATION = frozenset(["none", "optional", "required"])


class AddressError(ValueError):
    """An address that cannot be understood; the text never contains the address, which may hold a password."""


class Topology(enum.Enum):
    """What stands at the address."""

    SERVER = "server"
    SOCKET = "socket"
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


@dataclass(frozen=True)
class Address:
    """`nodes` are servers, cluster nodes or sentinels; `service` is the master's name with sentinels."""

    topology: Topology
    nodes: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    options: tuple[tuple[str, str], ...] = ()


_SCHEMES = {
    "redis": (Topology.SERVER, False),
    "rediss": (Topology.SERVER, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "rediss+cluster": (Topology.CLUSTER, True),
    "redis+sentinel": (Topology.SENTINEL, False),
    "rediss+sentinel": (Topology.SENTINEL, True),
    "unix": (Topology.SOCKET, False),
}


def parse_address(text: str) -> Address:
    """The address in `host:port` or URL form. Raises `AddressError`.

    `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS (with `ssl_ca_certs`, `ssl_certfile`,
    `ssl_keyfile`, `ssl_cert_reqs`, `ssl_check_hostname` as query), `unix://path`, `redis+cluster://host,host`,
    `redis+sentinel://host,host/service[/database]`.
    """
    if "://" not in text:
        return Address(Topology.SERVER, (_node(text, 6379),))
    try:
        url = urlsplit(text)
    except ValueError:
        raise AddressError("is not a URL") from None
    if url.scheme not in _SCHEMES:
        raise AddressError("has an unknown scheme")
    topology, tls = _SCHEMES[url.scheme]
    credentials, _, hosts = url.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    service, database, path = _path(topology, url.path)
    default_port = 26379 if topology is Topology.SENTINEL else 6379
    return Address(
        topology=topology,
        nodes=() if topology is Topology.SOCKET else tuple(_node(host, default_port) for host in hosts.split(",")),
        path=path,
        service=service,
        database=database,
        username=unquote(username) or None,
        password=unquote(password) or None,
        tls=tls,
        options=_options(url.query, tls),
    )


def _node(text: str, default_port: int) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        raise AddressError("has no host" if not text else "has a host that is not host or host:port")
    port = int(match[2] or default_port)
    if not 0 < port < 65_536:
        raise AddressError("has a port that is not 1 to 65535")
    return match[1].strip("[]"), port


def _path(topology: Topology, path: str) -> tuple[str, int, str]:
    """Service, database and socket path."""
    if topology is Topology.SOCKET:
        if len(path) < 2:
            raise AddressError("has no path")
        return "", 0, unquote(path)
    parts = [unquote(part) for part in path.split("/") if part]
    service = parts.pop(0) if parts and topology is Topology.SENTINEL else ""
    if topology is Topology.SENTINEL and not service:
        raise AddressError("does not name the master's service")
    if len(parts) > 1 or (parts and not re.fullmatch(r"\d{1,4}", parts[0], re.ASCII)):
        raise AddressError("has a path that is not a database number")
    if parts and topology is Topology.CLUSTER:
        raise AddressError("has a database, which a cluster does not have")
    return service, int(parts[0]) if parts else 0, ""


def _options(query: str, tls: bool) -> tuple[tuple[str, str], ...]:
    options = tuple(parse_qsl(query, keep_blank_values=True))
    for name, value in options:
        if name not in _TLS_OPTIONS or not tls:
            raise AddressError(f"has the option {name[:40]}, which is not known here")
        if name == "ssl_cert_reqs" and value not in _VERIFICATION:
            raise AddressError("has an ssl_cert_reqs that is not none, optional or required")
        if name == "ssl_check_hostname" and value not in ("true", "false"):
            raise AddressError("has an ssl_check_hostname that is not true or false")
    return options
