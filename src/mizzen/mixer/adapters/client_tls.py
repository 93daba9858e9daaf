"""TLS of a client in parameters: which authorities are believed, and the certificate shown to the server."""

from __future__ import annotations

import ssl

from pydantic import model_validator

from mizzen.config import SpecModel, invalid
from mizzen.mixer.adapters.results import AdapterError


class ClientTls(SpecModel):
    """Files in PEM. Without `ca_file` the authorities of the system count; `server_name` replaces the host of the
    address in the check of the server's certificate."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""

    @model_validator(mode="after")
    def _both_or_none(self) -> ClientTls:
        if bool(self.cert_file) != bool(self.key_file):
            raise invalid("has one of cert_file and key_file", "both or none")
        return self


def tls_context(params: ClientTls) -> ssl.SSLContext:
    """Raises `AdapterError` naming the file that cannot be used."""
    place = params.ca_file
    try:
        context = ssl.create_default_context(cafile=params.ca_file or None)
        if params.cert_file:
            place = f"{params.cert_file} and {params.key_file}"
            context.load_cert_chain(params.cert_file, params.key_file)
    except (OSError, ValueError) as error:
        raise AdapterError(f"cannot use {place}: {error}") from None
    return context
