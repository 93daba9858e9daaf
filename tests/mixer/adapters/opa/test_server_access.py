"""opa and a real OPA server that wants to know who asks."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.mixer.adapters.opa.authorizations import ALLOWED, REFUSED, ask, failures
from tests.mixer.adapters.opa.conftest import Handlers, Servers
from tests.opa.server import OpaServer

READERS = 'package mixerauthz\ndefault allow := false\nallow if input.action.method == "GET"\n'
KEEPER = """package system.authz
default allow := false
allow if input.identity == "s3cret"
allow if input.path == ["health"]
"""


@dataclass
class Files:
    """A certification authority and certificates, as PEM files."""

    authority: trustme.CA
    folder: Path

    def __post_init__(self) -> None:
        self.ca = str(self.folder / "ca.pem")
        self.authority.cert_pem.write_to_path(self.ca)

    def issue(self, name: str) -> tuple[str, str]:
        """Certificate and key for a host name or address."""
        issued = self.authority.issue_cert(name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.private_key_pem.write_to_path(str(key))
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return str(certificate), str(key)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(trustme.CA(), tmp_path)


def tls_server(files: Files, servers: Servers, name: str, *arguments: str) -> OpaServer:
    certificate, key = files.issue(name)
    context = ssl.create_default_context(cafile=files.ca)
    context.check_hostname = False
    if arguments:
        context.load_cert_chain(*files.issue("witness.test"))
    server = servers([f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}", *arguments], context)
    server.start()
    return server


def test_a_bearer_token_is_shown_to_the_server(opa_servers: Servers, handlers: Handlers, tmp_path: Path) -> None:
    (tmp_path / "keeper.rego").write_text(KEEPER)
    server = opa_servers(["--authentication=token", "--authorization=basic", str(tmp_path / "keeper.rego")])
    server.start()
    handler = handlers(server.url, policy=[READERS], fail_close=True, bearer_token="s3cret")  # noqa: S106
    assert (ask(handler).status, failures(handler)) == (ALLOWED, 0)
    for token in ({}, {"bearer_token": "guess"}):
        stranger = handlers(server.url, fail_close=True, **token)
        assert (ask(stranger).status, failures(stranger)) == (REFUSED, 1)


def test_the_certificate_of_the_server_is_verified(files: Files, opa_servers: Servers, handlers: Handlers) -> None:
    server = tls_server(files, opa_servers, "127.0.0.1")
    handler = handlers(server.url, policy=[READERS], fail_close=True, tls={"ca_file": files.ca})
    assert ask(handler).status == ALLOWED
    stranger = handlers(server.url, fail_close=True)
    assert (ask(stranger).status, failures(stranger)) == (REFUSED, 1)


def test_the_name_in_the_certificate_may_be_told(files: Files, opa_servers: Servers, handlers: Handlers) -> None:
    server = tls_server(files, opa_servers, "opa.test")
    tls = {"ca_file": files.ca, "server_name": "opa.test"}
    assert ask(handlers(server.url, policy=[READERS], fail_close=True, tls=tls)).status == ALLOWED
    assert ask(handlers(server.url, fail_close=True, tls={"ca_file": files.ca})).status == REFUSED


def test_a_certificate_is_shown_to_the_server(files: Files, opa_servers: Servers, handlers: Handlers) -> None:
    server = tls_server(files, opa_servers, "127.0.0.1", "--authentication=tls", f"--tls-ca-cert-file={files.ca}")
    certificate, key = files.issue("mixer.test")
    tls = {"ca_file": files.ca, "cert_file": certificate, "key_file": key}
    assert ask(handlers(server.url, policy=[READERS], fail_close=True, tls=tls)).status == ALLOWED
    assert ask(handlers(server.url, fail_close=True, tls={"ca_file": files.ca})).status == REFUSED
