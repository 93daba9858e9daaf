"""One request to a collector, over gRPC or HTTP. The exporters of the SDK hide whether data arrived and wait inside a
call for their own repetitions; here the queue of the adapter repeats, and every item is accounted for.
"""

from __future__ import annotations

import gzip
from typing import Any, Protocol
from urllib.parse import urlsplit

import grpc
import httpx

from mizzen.mixer.adapters.client_tls import ClientTls, tls_context
from mizzen.mixer.adapters.otlp import params as otlp_params
from mizzen.mixer.adapters.outbox import RefusedError, SendError
from mizzen.mixer.adapters.results import AdapterError

_LARGEST_ANSWER = 2**20
_SHOWN = 200
_RETRIED_STATUS = frozenset([429, 502, 503, 504])
_RETRIED_CODES = frozenset(
    [
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    ]
)


class Transport(Protocol):
    """Safe to share between threads."""

    def send(self, method: str, path: str, request: bytes, timeout: float) -> bytes:
        """The answer; `method` is that of gRPC, `path` that of HTTP. Raises `SendError` or `RefusedError`."""

    def close(self) -> None: ...


def open_transport(params: otlp_params.OtlpParams) -> Transport:
    """Connects when it is used; `AdapterError` if a file of TLS cannot be used."""
    headers = {name: value.get_secret_value() for name, value in params.headers.items()}
    zipped = params.compression is otlp_params.Compression.GZIP
    if params.protocol is otlp_params.Protocol.HTTP:
        return _Http(params.endpoint, params.tls, headers, zipped)
    return _Grpc(params.endpoint, params.tls, headers, zipped)


class _Http:
    def __init__(self, endpoint: str, tls: ClientTls, headers: dict[str, str], zipped: bool) -> None:
        self._endpoint = endpoint
        self._zipped = zipped
        fixed = {**headers, "content-type": "application/x-protobuf"}
        if zipped:
            fixed["content-encoding"] = "gzip"
        verify = tls_context(tls) if endpoint.startswith("https:") else True
        self._client = httpx.Client(headers=fixed, verify=verify, trust_env=False)
        self._extensions = {"sni_hostname": tls.server_name} if tls.server_name else {}

    def send(self, method: str, path: str, request: bytes, timeout: float) -> bytes:
        body = gzip.compress(request, 1) if self._zipped else request
        url = self._endpoint + path
        try:
            response = self._client.post(url, content=body, timeout=timeout, extensions=self._extensions)
        except httpx.HTTPError as error:
            raise SendError(f"{type(error).__name__}: {error}") from None
        if response.status_code in _RETRIED_STATUS:
            raise SendError(f"status {response.status_code}")
        if response.status_code != httpx.codes.OK or len(response.content) > _LARGEST_ANSWER:
            raise RefusedError(f"status {response.status_code}: {response.text[:_SHOWN]!r}")
        return response.content

    def close(self) -> None:
        self._client.close()


class _Grpc:
    def __init__(self, endpoint: str, tls: ClientTls, headers: dict[str, str], zipped: bool) -> None:
        parts = urlsplit(endpoint)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._headers = tuple(headers.items())
        self._compression = grpc.Compression.Gzip if zipped else grpc.Compression.NoCompression
        options: list[tuple[str, Any]] = [
            ("grpc.max_reconnect_backoff_ms", 5000),
            ("grpc.max_receive_message_length", _LARGEST_ANSWER),
            ("grpc.enable_http_proxy", 0),
        ]
        if parts.scheme == "https":
            target = f"{host}:{parts.port or 443}"
            if tls.server_name:
                options.append(("grpc.ssl_target_name_override", tls.server_name))
            self._channel = grpc.secure_channel(target, _credentials(tls), options)
        else:
            self._channel = grpc.insecure_channel(f"{host}:{parts.port or 80}", options)

    def send(self, method: str, path: str, request: bytes, timeout: float) -> bytes:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            method
        )  # without a serializer: bytes both ways
        try:
            answer: bytes = call(request, timeout=timeout, metadata=self._headers, compression=self._compression)
        except grpc.RpcError as error:
            code = error.code()
            text = f"{code.name}: {str(error.details())[:_SHOWN]}"
            raise (SendError if code in _RETRIED_CODES else RefusedError)(text) from None
        return answer

    def close(self) -> None:
        self._channel.close()


def _credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    tls_context(tls)  # the same files, with errors that name them

    def read(path: str) -> bytes | None:
        if not path:
            return None
        try:
            with open(path, "rb") as file:  # noqa: PTH123
                return file.read()
        except OSError as error:
            raise AdapterError(f"cannot use {path}: {error.strerror}") from None

    return grpc.ssl_channel_credentials(read(tls.ca_file), read(tls.key_file), read(tls.cert_file))
