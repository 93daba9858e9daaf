"""Where a Mixer is, and the channels to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 64 << 20))


@dataclass(frozen=True)
class TlsFiles:
    """TLS towards the Mixer. Files are in PEM; without `ca` the authorities that gRPC brings count.

    `certificate` and `key` belong together and show who asks. `server_name` is the name that the Mixer's certificate
    has, where it is not the host of the address.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """Raises OSError when a file cannot be read."""
        ca, key, certificate = (path.read_bytes() if path else None for path in (self.ca, self.key, self.certificate))
        return grpc.ssl_channel_credentials(ca, key, certificate)


@dataclass(frozen=True)
class Target:
    """A Mixer's address as gRPC writes it (`host:port`, `unix:///path`), and TLS if it wants that."""

    address: str = "localhost:9091"
    tls: TlsFiles | None = None

    def open(self) -> grpc.Channel:
        """A channel of its own (no connection is shared). Raises OSError when a file of TLS cannot be read."""
        options: list[tuple[str, int | str]] = [*_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        if self.address.startswith("unix:"):
            options.append(("grpc.default_authority", "localhost"))  # gRPC's own, the escaped path, is no valid one
        if self.tls is None:
            return grpc.insecure_channel(self.address, options)
        if self.tls.server_name:
            options.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return grpc.secure_channel(self.address, self.tls.credentials(), options)
