"""`HOST:PORT` as users write it, and the kind of Envoy cluster each host needs."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

# A host name by RFC 1123, with the underscore that container networks use in service names.
HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?")
ACCEPTED = "HOST:PORT with a host name, an IPv4 address or an IPv6 address in brackets, and a port of 1 to 65535"


class AddressError(ValueError):
    """The text is no address; the message says what is accepted."""


@dataclass(frozen=True)
class HostPort:
    """A host (name, or IP address without brackets) and a TCP port."""

    host: str
    port: int

    @property
    def is_ip(self) -> bool:
        return is_ip(self.host)

    @property
    def cluster_type(self) -> str:
        """Envoy's discovery type: addresses are static, names are resolved again and again."""
        return "STATIC" if self.is_ip else "STRICT_DNS"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# What stands for an address until it is known.
NOWHERE = HostPort("127.0.0.1", 0)


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_host_port(text: str) -> HostPort:
    """Read `example.org:80`, `10.0.0.1:80` or `[::1]:80`; anything else raises `AddressError`."""
    host, colon, port_text = text.rpartition(":")
    if not colon:
        raise AddressError(f"'{text}' has no port; accepted: {ACCEPTED}")
    if not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text[:6]) <= 65535):
        raise AddressError(f"'{port_text}' is not a port; accepted: {ACCEPTED}")
    return HostPort(parse_host(host, text), int(port_text))


def parse_host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        inner = host[1:-1]
        if not (is_ip(inner) and ":" in inner) or "%" in inner:
            raise AddressError(f"'{inner}' is not an IPv6 address; accepted: {ACCEPTED}")
        return inner
    if ":" in host:
        raise AddressError(f"'{text}': an IPv6 address needs brackets; accepted: {ACCEPTED}")
    # Digits and dots alone are a mistyped IPv4 address, never a name.
    if not HOST_NAME.fullmatch(host) or (re.fullmatch(r"[0-9.]+", host) and not is_ip(host)):
        raise AddressError(f"'{host}' is not a host; accepted: {ACCEPTED}")
    return host


def parse_listen_address(text: str) -> str:
    """Read the IP address a listener binds to, with or without brackets for IPv6."""
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not is_ip(address) or "%" in address:
        raise AddressError(f"'{text}' is not an IP address; accepted: an IPv4 or IPv6 address of this machine")
    return address
